"""What a call of the Python SDK costs its caller while everything is delivered to ingest on the same machine.

Run ``python -m benches.python_sdk``: it takes a minute. Each way to call is measured in a process of its own, against
one ingest in another (its log is in memory), and must deliver everything.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

from benches.machine import ROOT
from benches.tables import number, table
from tappa_sdk import AsyncTappa, Rejected, Tappa
from tests.ingest.service import KEY
from tests.sdk.python.ingest import running_ingest

CALLS: Final = 50_000
SPOOLED_CALLS: Final = 2_000
ROUNDS: Final = 3
THREADS: Final = 16
FLUSH_S: Final = 120.0
PROPERTIES: Final = {"sku": "A1", "name": "Boots", "category": "Shoes", "price": 59.8, "currency": "EUR"}

Figures = dict[str, float]
Way = Callable[[str, str, str, int], Figures]


class LostError(Exception):
    """Something was refused, or did not arrive in time."""


def by_one_thread(key: str, url: str, spool: str, calls: int) -> Figures:
    """``track``, one call after the other."""
    with Tappa(key, url, spool=spool or None, on_error=_lost, queue_items_max=calls) as tappa:
        began, process, thread = time.perf_counter(), time.process_time(), time.thread_time()
        for turn in range(calls):
            tappa.track("Product Viewed", PROPERTIES, user_id=turn % 1000 + 1, anonymous_id="a-7")
        figures = _figures(calls, time.perf_counter() - began, time.thread_time() - thread)
        if not tappa.flush(FLUSH_S):
            raise LostError
        return figures | {"process_us": (time.process_time() - process) / calls * 1e6}


def by_many_threads(key: str, url: str, spool: str, calls: int) -> Figures:
    """``track`` of many threads at once; a call's time is that which its thread waits."""
    with Tappa(key, url, spool=spool or None, on_error=_lost, queue_items_max=calls) as tappa:

        def work() -> None:
            for turn in range(calls // THREADS):
                tappa.track("Product Viewed", PROPERTIES, user_id=turn % 1000 + 1, anonymous_id="a-7")

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        began, process = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        if not tappa.flush(FLUSH_S):
            raise LostError
        spent = (time.process_time() - process) / calls * 1e6
        return {"call_us": seconds / calls * THREADS * 1e6, "per_s": calls / seconds, "process_us": spent}


def by_tasks(key: str, url: str, spool: str, calls: int) -> Figures:
    """``await track``, one call after the other."""

    async def run() -> Figures:
        async with AsyncTappa(key, url, spool=spool or None, on_error=_lost, queue_items_max=calls) as tappa:
            began, process, thread = time.perf_counter(), time.process_time(), time.thread_time()
            for turn in range(calls):
                await tappa.track("Product Viewed", PROPERTIES, user_id=turn % 1000 + 1, anonymous_id="a-7")
            figures = _figures(calls, time.perf_counter() - began, time.thread_time() - thread)
            if not await tappa.flush(FLUSH_S):
                raise LostError
            return figures | {"process_us": (time.process_time() - process) / calls * 1e6}

    return asyncio.run(run())


def _figures(calls: int, seconds: float, thread_s: float) -> Figures:
    return {"call_us": seconds / calls * 1e6, "thread_us": thread_s / calls * 1e6, "per_s": calls / seconds}


def _lost(rejected: Rejected) -> None:
    raise LostError(rejected.code)


WAYS: Final[dict[str, tuple[str, Way, bool]]] = {
    "one_thread": ("Tappa, one thread", by_one_thread, False),
    "threads": (f"Tappa, {THREADS} threads", by_many_threads, False),
    "tasks": ("AsyncTappa", by_tasks, False),
    "spool.one_thread": ("Tappa with a spool, one thread", by_one_thread, True),
    "spool.threads": (f"Tappa with a spool, {THREADS} threads", by_many_threads, True),
    "spool.tasks": ("AsyncTappa with a spool", by_tasks, True),
}
"""By the name of its figures: what it is, how it calls, and whether with a spool."""
KEYS: Final = ("call_us", "thread_us", "process_us", "per_s")


def _call(ours: Connection, way: Way, url: str, spool: str, calls: int) -> None:
    ours.send(way(KEY, url, spool, calls))


def _serve(ours: Connection) -> None:
    with running_ingest() as ingest:
        ours.send(ingest.url)
        ours.recv()


@contextmanager
def _apart(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """A process of its own, and the line to it."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(there, *arguments), daemon=True)
    process.start()
    there.close()
    yield here
    process.join()


def measured(way: Way, url: str, *, spools: bool, calls: int) -> Figures:
    """Medians of some rounds."""
    rounds: list[Figures] = []
    for _ in range(ROUNDS):
        with (
            tempfile.TemporaryDirectory(dir=ROOT / "build") as spool,
            _apart(_call, way, url, spool if spools else "", calls) as caller,
        ):
            rounds.append(caller.recv())
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def of_all_ways(scale: float) -> Figures:
    """Everything, by ``sdk.WAY.KEY``."""
    (ROOT / "build").mkdir(exist_ok=True)
    figures: Figures = {}
    with _apart(_serve) as ingest:
        url = ingest.recv()
        for name, (_, way, spools) in WAYS.items():
            calls = int((SPOOLED_CALLS if spools else CALLS) * scale)
            found = measured(way, url, spools=spools, calls=max(calls, THREADS))
            figures |= {f"sdk.{name}.{key}": value for key, value in found.items()}
        ingest.send("stop")
    return figures


def described() -> dict[str, int]:
    """What was called: only figures of the same are compared."""
    return {"calls": CALLS, "spooled_calls": SPOOLED_CALLS, "threads": THREADS}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benches.python_sdk", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of calls (default 1)")
    figures = of_all_ways(parser.parse_args().scale)
    rows = [
        [title, *(number(figures[f"sdk.{name}.{key}"]) if f"sdk.{name}.{key}" in figures else "" for key in KEYS)]
        for name, (title, _, _) in WAYS.items()
    ]
    print(f"{platform.machine()}, Python {platform.python_version()}, medians of {ROUNDS}")
    print(table(["", "µs a call", "CPU-µs of its thread", "CPU-µs of the process", "calls/s"], rows))


if __name__ == "__main__":
    main()
