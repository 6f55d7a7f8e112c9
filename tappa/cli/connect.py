"""``tappa connect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.options import NotDoneError, data_option, hint, json_option, read_settings

if TYPE_CHECKING:
    from tappa.connections import Connection


@click.command(epilog="Example: tappa connect --json")
@data_option
@json_option
def connect(data: Path, as_json: bool) -> None:
    """How an analyst's tool connects: address, user, password, and what to paste into which tool."""
    import orjson

    from tappa.connections import snippets

    connection = connection_of(data)
    known = {name: getattr(connection, name) for name in ("host", "port", "user", "password", "database")}
    if as_json:
        click.echo(
            orjson.dumps(
                {**known, "url": connection.url, "snippets": snippets(connection)}, option=orjson.OPT_INDENT_2
            ).decode()
        )
        return
    for name, value in known.items():
        click.echo(f"{name:<10}{value}")
    for tool, snippet in snippets(connection).items():
        click.echo(f"\n{tool}\n" + "\n".join("  " + line for line in snippet.splitlines()))


def connection_of(data: Path) -> Connection:
    """The analyst's connection: to the store that runs just now, else to the one in the settings."""
    from tappa.connections import Connection
    from tappa.running import store_settings

    store = store_settings(data, read_settings(data))
    if not store.analyst_password.get_secret_value():
        raise NotDoneError(f"no password for {store.analyst} yet; the first start makes one: {hint('up', data)}")
    return Connection(
        host=store.host,
        port=store.port,
        user=store.analyst,
        password=store.analyst_password.get_secret_value(),
        database=store.database,
        secure=store.secure,
    )
