"""``tappa up``."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import click

from tappa.cli.options import NotDoneError, data_option, hint, read_settings

if TYPE_CHECKING:
    from tappa.child import Plan
    from tappa.ports import Port
    from tappa.settings import Settings

KINDS = ("store", "ingest", "worker")
"""Of parts, in the order of their start."""
STOP_ORDER = ("ingest", "worker", "store")
"""First nothing new comes in, then what is under way is written, then the store closes."""

HEALTH = {"store": "/ping", "ingest": "/healthz", "worker": "/healthz"}
"""What answers 200 while a part of this kind is well."""

READY = {**HEALTH, "ingest": "/readyz"}
"""What answers 200 once a part can do its work: a disk that is full makes ingest unready, and no restart would help."""

DEMO_WANTED = "demo-wanted"
"""In the data directory as long as the sample shop is still to be loaded."""

WELCOME = """
Tappa runs. Touchpoints go to {ingest}, queries to {store} (ClickHouse over HTTP).
Write key: {key}

Send a touchpoint, and see a second later which stage its customer is in:

  curl -sS -u {key}: {ingest}/v1/track -H 'Content-Type: application/json' --data-binary \\
    '{{"userId": "ada", "event": "Order Completed", "properties": {{"total": 42, "currency": "EUR"}}}}'

  curl -sS --netrc-file {netrc} {store} --data-binary \\
    "SELECT customer_id, stage, stage_since, purchases, revenue FROM tappa.v_customers
     WHERE customer_id = 'user:ada' FORMAT Vertical"

How it is: {status}    An analyst's tool: {connect}    Stop: Ctrl-C"""


@click.command(epilog="Examples: tappa up    tappa up --port 0 --clickhouse-port 0 --data /tmp/try    tappa up --demo")
@data_option
@click.option("--host", help="Address to listen on, for touchpoints and for queries.  [default: 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="HTTP port for touchpoints; 0 picks a free one.  [default: 8000, or a free one]",
)
@click.option(
    "--clickhouse-port",
    type=click.IntRange(0, 65535),
    help="HTTP port for queries; 0 picks a free one.  [default: 8123, or a free one]",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Worker processes; each owns a share of the partitions.  [default: [worker] processes of the settings]",
)
@click.option("--demo", is_flag=True, help="On the first start, load the sample shop: 50,000 touchpoints.")
def up(
    data: Path, host: str | None, port: int | None, clickhouse_port: int | None, workers: int | None, demo: bool
) -> None:
    """Run everything on this machine, until Ctrl-C.

    The first start makes the data directory, with a settings file in it.
    """
    from tappa.lock import HeldError, Lock
    from tappa.ports import PortTakenError
    from tappa.supervisor import end_leftovers
    from tappa.workers import surplus

    data.mkdir(parents=True, exist_ok=True)
    lock = Lock(data / "lock")
    try:
        lock.take(" ".join(["tappa", *sys.argv[1:]]))
    except HeldError as error:
        raise NotDoneError(f"{data} is in use: {error}. See: {hint('status', data)}") from None
    if _first_start(data) and demo:
        (data / DEMO_WANTED).touch()
    settings = read_settings(data)
    count = workers or settings.worker.processes
    if too_many := surplus(count, settings.log.partitions):
        raise click.UsageError(too_many)
    try:
        end_leftovers(data, say)
        ports = _ports(settings, host, port, clickhouse_port, count)
    except (HeldError, PortTakenError) as error:
        raise NotDoneError(str(error)) from None
    _run(data, settings, ports, count, demo)
    lock.release()


def say(line: str) -> None:
    """One line for the person at the terminal; nobody there is no reason to stop."""
    try:
        click.echo(line, err=True)
    except OSError:
        return


def _first_start(data: Path) -> bool:
    from tappa.secret import new_secret
    from tappa.settings import FILE
    from tappa.settingsfile import write_first

    first = write_first(data / FILE, new_secret)
    if first:
        say(f"first start: wrote {data / FILE} with a write key and passwords of its own")
    return first


class HasPort(Protocol):
    """Settings of something that listens."""

    @property
    def port(self) -> int:
        """Where."""

    @property
    def model_fields_set(self) -> set[str]:
        """What was written down rather than left at its default."""


def _ports(
    settings: Settings, host: str | None, port: int | None, clickhouse_port: int | None, workers: int
) -> dict[str, Port]:
    """A port for each part. One that was asked for is taken or fails; a default one may become another; all workers but
    the first get a free one."""
    from tappa.ports import open_port
    from tappa.workers import worker_name

    asked: dict[str, tuple[str, int | None, HasPort, str]] = {
        "store": (host or settings.store.host, clickhouse_port, settings.store, "--clickhouse-port"),
        "ingest": (host or settings.ingest.host, port, settings.ingest, "--port"),
        "worker": (settings.worker.host, None, settings.worker, "[worker] port in tappa.toml"),
    }
    kept: dict[str, Port] = {}
    for name, (address, option, section, how) in asked.items():
        wanted = section.port if option is None else option
        chosen = option is not None or "port" in section.model_fields_set
        kept[name] = open_port(address, wanted, exact=chosen, option=how)
        if wanted not in (0, kept[name].number):
            say(f"port {wanted} is taken: {name} gets {kept[name].number}")
    for number in range(2, workers + 1):
        kept[worker_name(number)] = open_port(settings.worker.host, 0, exact=True, option=asked["worker"][-1])
    return kept


def _run(data: Path, settings: Settings, ports: dict[str, Port], workers: int, demo: bool) -> None:
    from tappa.child import PartRefusedError
    from tappa.supervisor import Supervisor
    from tappa.workers import WORKER, worker_name

    plans = {kind: [_plan(kind, kind, data, ports)] for kind in KINDS}
    plans[WORKER] = [
        _plan(worker_name(number), WORKER, data, ports, "--share", f"{number}/{workers}")
        for number in range(1, workers + 1)
    ]
    supervisor = Supervisor(data, plans, STOP_ORDER, settings.supervisor, say, lambda: time.time_ns() // 1_000_000)

    async def when_ready() -> None:
        if demo:
            await _load_demo(data)
        _welcome(data, settings, ports)

    try:
        asyncio.run(supervisor.run(when_ready))
    except PartRefusedError as error:
        raise NotDoneError(str(error)) from None
    say("stopped")


KEEP_MEMORY: Final = {
    "MALLOC_TRIM_THRESHOLD_": str(512 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
    "MALLOC_ARENA_MAX": "2",
}
"""For glibc's malloc: each batch takes some hundred megabytes and lets go of them. Handing them back to the kernel and
faulting them in again took a twelfth of the worker's time. And each thread that writes a column would keep some for
itself: two heaps instead of sixteen took a quarter of the worker's memory off."""


def _plan(name: str, kind: str, data: Path, ports: dict[str, Port], *options: str) -> Plan:
    from tappa.child import Plan

    return Plan(
        name=name,
        command=[sys.executable, "-m", "tappa", kind, "--data", str(data.absolute()), *options],
        environment=_environment(name, kind, ports),
        port=ports[name],
        ready=READY[kind],
        health=HEALTH[kind],
    )


def _environment(name: str, kind: str, ports: dict[str, Port]) -> dict[str, str]:
    """The settings that tell a part where it listens, and where the others are."""
    from tappa.runfile import reachable

    addresses: dict[str, str] = {}
    for other in KINDS:
        port = ports[name if other == kind else other]
        addresses[f"TAPPA_{other.upper()}__HOST"] = port.host if other == kind else reachable(port.host)
        addresses[f"TAPPA_{other.upper()}__PORT"] = str(port.number)
    return {**KEEP_MEMORY, **os.environ, **addresses}


async def _load_demo(data: Path) -> None:
    """The sample shop, once, through HTTP like anybody's touchpoints. What was cut short is sent again at the next
    start: a touchpoint that is there already counts once."""
    from tappa.demo.load import load_shop

    wanted = data / DEMO_WANTED
    if wanted.exists() and await load_shop(data, say):
        wanted.unlink()


def _welcome(data: Path, settings: Settings, ports: dict[str, Port]) -> None:
    """Last: what one needs to begin, ready to paste."""
    from tappa.cli.connect import connection_of
    from tappa.connections import write_netrc
    from tappa.runfile import url

    ingest, store = (url(ports[name].host, ports[name].number) for name in ("ingest", "store"))
    netrc = data / "analyst.netrc"
    write_netrc(netrc, connection_of(data))
    key = next((source.write_keys[0] for source in settings.sources if source.write_keys), "")
    click.echo(
        WELCOME.format(
            ingest=ingest, store=store, key=key, netrc=netrc, status=hint("status", data), connect=hint("connect", data)
        )
    )
