"""``tappa ingest``, ``worker`` and ``store``: one part each."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.options import Decorator, NotDoneError, WrongSettingsError, data_option, read_settings
from tappa.parts import prepare, refuse, run_ingest, run_store, run_worker

if TYPE_CHECKING:
    from tappa.settings import Settings

listen_option: Decorator = click.option("--listen", type=int, hidden=True)
"""The supervisor's: the number of an open socket to listen on."""


@click.command(epilog="Example: TAPPA_INGEST__PORT=8080 tappa ingest --data /var/lib/tappa")
@data_option
@listen_option
def ingest(data: Path, listen: int | None) -> None:
    """Accept touchpoints over HTTP, and nothing else.

    Where it listens: [ingest] host and port of the settings.
    """
    _run("ingest", data, listen, run_ingest)


@click.command(epilog="Example: tappa worker --data /var/lib/tappa")
@data_option
@listen_option
def worker(data: Path, listen: int | None) -> None:
    """Work off the log into the store, and nothing else. Brings the tables up to date first.

    Which store: [store] of the settings.
    """
    _run("worker", data, listen, run_worker)


@click.command(epilog="Example: tappa store --data /var/lib/tappa")
@data_option
@listen_option
def store(data: Path, listen: int | None) -> None:
    """Serve the embedded ClickHouse, and nothing else.

    Where it listens: [store] host and port of the settings.
    """
    _run("store", data, listen, run_store)


def _run(name: str, data: Path, listen: int | None, run: Callable[[Settings, Path, socket.socket], None]) -> None:
    from tappa.ports import PortTakenError, open_port

    data = data.absolute()
    prepare(name, data, supervised=listen is not None)
    try:
        settings = read_settings(data)
        section = getattr(settings, name)
        listener = inherited(listen) if listen is not None else None
        listener = listener or open_port(section.host, section.port, exact=True, option=f"[{name}] port").listener
    except WrongSettingsError as error:
        if listen is not None:
            refuse(error.message)
        raise
    except PortTakenError as error:
        raise NotDoneError(str(error)) from None
    run(settings, data, listener)


def inherited(number: int) -> socket.socket:
    """The socket that the supervisor has opened; no process started from here gets it."""
    listener = socket.socket(fileno=number)
    listener.set_inheritable(False)
    return listener
