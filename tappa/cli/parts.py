"""``tappa ingest``, ``worker`` and ``store``: one part each."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.options import Decorator, NotDoneError, WrongSettingsError, data_option, read_settings
from tappa.parts import prepare, refuse, run_ingest, run_store, run_worker
from tappa.workers import WORKER, member_name, parse_share, part_kind, surplus, worker_name

if TYPE_CHECKING:
    from stream.ownership import Share
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


def _share(_context: click.Context, _parameter: click.Parameter, text: str) -> Share:
    try:
        return parse_share(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _name(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", text):
        raise click.BadParameter("a name has letters, digits, '.', '_' and '-'")
    return text


@click.command(
    epilog="Examples: tappa worker --data /var/lib/tappa    TAPPA_WORKER__PORT=8002 tappa worker --share 2/3"
)
@data_option
@click.option(
    "--share",
    metavar="K/N",
    callback=_share,
    default="1/1",
    show_default=True,
    help="Embedded log: be worker K of N, and own every N-th partition of it. Start all N, with the same N.",
)
@click.option(
    "--id",
    "name",
    metavar="NAME",
    callback=_name,
    default="",
    help="Kafka: be the worker of this name, who finds its partitions still its own after a quick restart. Another "
    "name for each worker.",
)
@listen_option
def worker(data: Path, share: Share, name: str, listen: int | None) -> None:
    """Work off the log into the store, and nothing else. Brings the tables up to date first.

    Which store: [store] of the settings. Where its /metrics are: [worker] host and port, another port for each worker.
    On Kafka ([log.kafka] servers) start as many as you like, one per partition at most: they share the partitions.
    """
    part = f"{WORKER}-{name}" if name else worker_name(share.index + 1)
    member = name if listen is None else member_name(data, part)
    own = None if name else share  # one with a name is of a group on Kafka, whatever shares others have
    _run(part, data, listen, partial(run_worker, share=share, name=member), own, name)


@click.command(epilog="Example: tappa store --data /var/lib/tappa")
@data_option
@listen_option
def store(data: Path, listen: int | None) -> None:
    """Serve the embedded ClickHouse, and nothing else.

    Where it listens: [store] host and port of the settings.
    """
    _run("store", data, listen, run_store)


def _run(
    name: str,
    data: Path,
    listen: int | None,
    run: Callable[[Settings, Path, socket.socket], None],
    share: Share | None = None,
    worker: str = "",
) -> None:
    from tappa.ports import PortTakenError, open_port

    data = data.absolute()
    prepare(name, data, supervised=listen is not None, share=share)
    try:
        settings = read_settings(data)
        if worker and not settings.log.kafka.servers:
            refuse("--id is for workers that share a topic of Kafka's, and [log.kafka] servers names none: see --share")
        if share is not None and (too_many := surplus(share.count, settings.log.partitions)):
            refuse(too_many)  # before the port, which one of the workers that may be there has
        kind = part_kind(name)
        section = getattr(settings, kind)
        listener = inherited(listen) if listen is not None else None
        listener = listener or open_port(section.host, section.port, exact=True, option=f"[{kind}] port").listener
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
