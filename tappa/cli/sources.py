"""``tappa sources``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tappa.cli.options import Decorator, NotDoneError, data_option, hint, json_option, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable


@click.group(
    invoke_without_command=True,
    epilog="Examples: tappa sources    tappa sources add stores --channel store    tappa sources rotate stores",
)
@data_option
@json_option
@click.pass_context
def sources(context: click.Context, data: Path, as_json: bool) -> None:
    """List, add, rotate or remove sources.

    A source is somebody who sends touchpoints: a site, an app, the tills. It has a write key, or two while one is being
    replaced. A running ingest sees a change within a second.
    """
    context.obj = data
    if context.invoked_subcommand is None:
        _show(data, as_json)


def _path(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path:
    """``--data`` of the subcommand, else that of the group."""
    return value or ctx.obj


_data: Decorator = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), callback=_path, help="The data directory."
)


@sources.command(epilog="Example: tappa sources add shop-web --browser --joins device")
@click.argument("name")
@click.option(
    "--joins",
    type=click.Choice(["all", "device", "nothing"]),
    help="What its identifiers may join.  [default: all; device with --browser]",
)
@click.option("--channel", default="web", show_default=True, help="Channel of touchpoints that do not say theirs.")
@click.option("--browser", is_flag=True, help="Its key will be in a web page, where everybody can read it.")
@_data
@json_option
def add(name: str, joins: str | None, channel: str, browser: bool, data: Path, as_json: bool) -> None:
    """Add a source with a new write key, and show it."""
    from pydantic import ValidationError

    from ingest.sources import Source
    from tappa.secret import new_secret
    from tappa.settingsfile import add_source

    wanted = {
        "name": name,
        "write_keys": (new_secret(),),
        "joins": joins or ("device" if browser else "all"),
        "channel": channel,
        "browser": browser,
    }
    try:
        source = Source.model_validate(wanted)
    except ValidationError as error:
        mistakes = "; ".join(f"{mistake['loc'][0]}: {mistake['msg']}" for mistake in error.errors())
        raise click.UsageError(mistakes) from None
    _change(data, lambda path: add_source(path, source))
    _show(data, as_json, only=name)


@sources.command(epilog="Example: tappa sources rotate shop-web")
@click.argument("name")
@_data
@json_option
def rotate(name: str, data: Path, as_json: bool) -> None:
    """Give a source a new write key; those it has go on working until they are removed."""
    from tappa.secret import new_secret
    from tappa.settingsfile import rotate_source

    _change(data, lambda path: rotate_source(path, name, new_secret()))
    _show(data, as_json, only=name)
    if not as_json:
        click.echo(f"The others work until you remove them: {hint(f'sources remove {name} --key KEY', data)}")


@sources.command(epilog="Examples: tappa sources remove shop-web --key OLD    tappa sources remove shop-web")
@click.argument("name")
@click.option("--key", help="Only this write key of it.")
@_data
@json_option
def remove(name: str, key: str | None, data: Path, as_json: bool) -> None:
    """Remove a source, or one of its write keys. Its touchpoints stay."""
    from tappa.settingsfile import remove_key, remove_source

    _change(data, lambda path: remove_key(path, name, key) if key else remove_source(path, name))
    _show(data, as_json)


def _change(data: Path, change: Callable[[Path], None]) -> None:
    from tappa.settings import FILE

    read_settings(data)  # a file that is broken already is not touched
    path = data / FILE
    if not path.exists():
        raise NotDoneError(f"there is no {path}; begin with: {hint('up', data)}")
    try:
        change(path)
    except ValueError as error:
        raise NotDoneError(str(error)) from None


def _show(data: Path, as_json: bool, only: str | None = None) -> None:
    import orjson

    found = [source for source in read_settings(data).sources if only in (None, source.name)]
    if as_json:
        rows = [
            {
                "name": source.name,
                "write_key": source.write_keys[0] if source.write_keys else None,
                **source.model_dump(mode="json", exclude={"name"}),
            }
            for source in found
        ]
        click.echo(orjson.dumps(rows[0] if only else rows, option=orjson.OPT_INDENT_2).decode())
        return
    if not found:
        click.echo(f"no sources yet; add one: {hint('sources add NAME', data)}")
    for source in found:
        click.echo(
            f"{source.name:<16} {source.write_keys[0] if source.write_keys else '(no key)':<34} {_described(source)}"
        )
        for key in source.write_keys[1:]:
            click.echo(f"{'':<16} {key:<34} (older)")


def _described(source: Any) -> str:
    return f"joins {source.joins}, channel {source.channel}" + (", in the browser" if source.browser else "")
