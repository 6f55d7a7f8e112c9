"""``tappa readers``."""

from __future__ import annotations

from pathlib import Path

import click

from tappa.cli.options import NotDoneError, data_option, hint, json_option, read_settings


@click.command(epilog="Examples: tappa readers    tappa readers add    tappa readers remove KEY")
@click.argument("action", type=click.Choice(["list", "add", "remove"]), default="list", metavar="[list|add|remove]")
@click.argument("key", required=False)
@data_option
@json_option
def readers(action: str, key: str | None, data: Path, as_json: bool) -> None:
    """List, add or remove keys that may read customers over HTTP.

    A running ingest sees a change within a second. Whoever has such a key can read everybody.
    """
    import orjson

    from tappa.secret import new_secret
    from tappa.settings import FILE
    from tappa.settingsfile import add_read_key, remove_read_key

    read_settings(data)  # a file that is broken already is not touched
    path = data / FILE
    if action != "list" and not path.exists():
        raise NotDoneError(f"there is no {path}; begin with: {hint('up', data)}")
    if action == "add":
        if key is not None:
            raise click.UsageError("keys are made here: tappa readers add")
        add_read_key(path, new_secret())
    if action == "remove":
        if key is None:
            raise click.UsageError("name the key: tappa readers remove KEY")
        try:
            remove_read_key(path, key)
        except ValueError as error:
            raise NotDoneError(str(error)) from None
    keys = read_settings(data).explore.read_keys
    if as_json:
        click.echo(orjson.dumps({"read_keys": keys}).decode())
        return
    if not keys:
        click.echo(f"no read keys yet; make one: {hint('readers add', data)}")
    for one in keys:
        click.echo(one)
