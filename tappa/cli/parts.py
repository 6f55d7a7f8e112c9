"""``tappa ingest``, ``worker`` and ``store``: one part each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.options import Decorator, WrongSettingsError, data_option, read_settings
from tappa.parts import prepare, refuse, run_ingest, run_store, run_worker

if TYPE_CHECKING:
    from tappa.settings import Settings

supervised_option: Decorator = click.option("--supervised", is_flag=True, hidden=True)


@click.command(epilog="Example: TAPPA_INGEST__PORT=8080 tappa ingest --data /var/lib/tappa")
@data_option
@supervised_option
def ingest(data: Path, supervised: bool) -> None:
    """Accept touchpoints over HTTP, and nothing else.

    Where it listens: [ingest] host and port of the settings.
    """
    _run("ingest", data, supervised, run_ingest)


@click.command(epilog="Example: tappa worker --data /var/lib/tappa")
@data_option
@supervised_option
def worker(data: Path, supervised: bool) -> None:
    """Work off the log into the store, and nothing else. Brings the tables up to date first.

    Which store: [store] of the settings.
    """
    _run("worker", data, supervised, run_worker)


@click.command(epilog="Example: tappa store --data /var/lib/tappa")
@data_option
@supervised_option
def store(data: Path, supervised: bool) -> None:
    """Serve the embedded ClickHouse, and nothing else.

    Where it listens: [store] host and port of the settings.
    """
    _run("store", data, supervised, run_store)


def _run(name: str, data: Path, supervised: bool, run: Callable[[Settings, Path], None]) -> None:
    data = data.absolute()
    prepare(name, data, supervised=supervised)
    try:
        settings = read_settings(data)
    except WrongSettingsError as error:
        if supervised:
            refuse(error.message)
        raise
    run(settings, data)
