"""How workers catch up with Kafka after an absence: from their start until everything that waits is in the views, on a
broker of its own on this machine, and what memory they take. ``python -m benches.recovery`` measures one worker, then
two. With ``--touchpoints 10000000 --customers 1000000`` it is the large one, of half an hour."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Final

from benches.installation import Analyst, Installation, InstallationError
from benches.machine import ROOT, commit, machine_type
from benches.processes import MemoryWatch, cpu_s_by_kind, machine_cpu_s
from benches.tables import number, table
from benches.workload import DAY_MS, Item, Workload, first_sights, items, sights
from ingest.arrival import Arrival, Rules
from ingest.judge import RECEIPT, Judgement
from ingest.settings import IdentitySettings, IngestSettings
from ingest.sources import Source
from stream.log.kafka.log import KafkaLog
from stream.settings import KafkaSettings, LogSettings
from tests.kafka.running_broker import JAVA_FOR_SPEED, RunningBroker

TOUCHPOINTS: Final = 1_000_000
CUSTOMERS: Final = 100_000
SEED: Final = 17
BATCH: Final = 100
APPENDED: Final = 2_000
"""Touchpoints in one append: in frames as ingest makes them at full speed."""
SECONDS_MAX: Final = 600.0
"""For a million touchpoints."""
TITLES: Final = (
    *("workers", "ready, s", "caught up, s", "touchpoints/s", "CPU-µs worker", "store"),
    *("peak MB a worker", "all", "others' cores"),
)


def stream(touchpoints: int, customers: int, now_ms: int) -> Iterator[Item]:
    """The linked shop of ``make bench``: everybody once, and then so many as are left."""
    start_ms, shop = now_ms - 20 * DAY_MS, {"seed": SEED, "customers": customers}
    seen = sights(customers)
    first = Workload(items=seen, start_ms=start_ms, end_ms=start_ms + DAY_MS, **shop)  # type: ignore[arg-type]
    later = Workload(
        items=max(touchpoints - seen, BATCH), start_ms=first.end_ms, end_ms=start_ms + 15 * DAY_MS,
        **shop,  # type: ignore[arg-type]
    )  # fmt: skip
    return islice(chain(first_sights(first), items(later)), touchpoints)


async def fill(servers: str, touchpoints: int, customers: int) -> None:
    """Put them into the log as ingest would. Raises ``InstallationError`` when one of them would be refused."""
    now_ms = time.time_ns() // 1_000_000
    settings = LogSettings(kafka=KafkaSettings(servers=servers), backlog_bytes_max=1 << 40)
    rules = Rules.of(IngestSettings(), IdentitySettings(), "EUR", lambda: "")
    source = Source(name="bench")
    waiting = stream(touchpoints, customers, now_ms)
    async with await KafkaLog.open(settings) as log:
        while some := list(islice(waiting, APPENDED)):
            judgements = [
                Judgement(rules, Arrival(source=source, endpoint="", type=kind, received_at=now_ms), log.partitions)
                for kind in ("", RECEIPT)
            ]
            for number_, item in enumerate(some):
                judgements[item.kind == RECEIPT].judge(number_, item.body)
            judgements[0].add(judgements[1])
            if judgements[0].verdicts:
                raise InstallationError(f"a touchpoint was refused: {judgements[0].verdicts[0]}")
            await log.append(judgements[0].messages)


def recovered(directory: Path, workers: int, touchpoints: int, customers: int) -> list[str]:
    """One broker, filled while nobody reads; then the rest starts. Returns a row of the table."""
    with RunningBroker(directory / "broker", java=JAVA_FOR_SPEED) as broker:
        asyncio.run(fill(broker.address, touchpoints, customers))
        began, (busy, _) = time.monotonic(), machine_cpu_s()
        installation = Installation(directory / "data", directory / "tappa.log", workers, broker.address)
        with installation, MemoryWatch(installation.pids) as watch:
            installation.wait_until_quiet(SECONDS_MAX * max(touchpoints / TOUCHPOINTS, 1))
            seconds = time.monotonic() - began
            cpu, busy = cpu_s_by_kind(installation.pids), machine_cpu_s()[0] - busy
            watch.look()
            with closing(Analyst(installation.connection)) as analyst:
                [found] = analyst.ask("SELECT sum(touchpoints) FROM v_customers")
                [sent] = analyst.ask("SELECT count() FROM v_touchpoints WHERE customer_id != ''")
            if installation.restarts or int(found) != int(sent):
                raise InstallationError(
                    f"of {sent} touchpoints {found} are in journeys; {installation.restarts} restarts"
                )
    own = sum(cpu.values())
    return [
        str(workers), number(installation.ready_s), number(seconds), number(touchpoints / seconds),
        *(number(cpu[name] / touchpoints * 1e6) for name in ("worker", "store")),
        number(watch.peaks["worker"] / workers / 1e6), number(watch.total_peak / 1e6),
        f"{max(busy - own, 0) / seconds:.2f}",
    ]  # fmt: skip


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benches.recovery", description=__doc__)
    parser.add_argument("--touchpoints", type=int, default=TOUCHPOINTS, help=f"that wait (default {TOUCHPOINTS:,})")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help=f"whose they are (default {CUSTOMERS:,})")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="one after the other (default 1 2)")
    options = parser.parse_args()
    (ROOT / "build").mkdir(exist_ok=True)
    rows = []
    try:
        for workers in options.workers:
            with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as name:
                rows.append(recovered(Path(name), workers, options.touchpoints, options.customers))
    except InstallationError as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 1
    print(f"Tappa {commit()}, {machine_type()}; the broker, on the same cores, is among others")
    print(f"{options.touchpoints:,} touchpoints of {options.customers:,} customers wait in Kafka\n")
    print(table(TITLES, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
