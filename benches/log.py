"""The embedded log: what was compared when its layout was chosen, and what it does now.

``python -m benches.log [SECONDS]`` prints touchpoints/s, fsynced, of 700 bytes; each cell runs for so many seconds (1).
"""

from __future__ import annotations

import asyncio
import platform
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.log.sqlite import SqliteLog
from stream.settings import LogSettings

MESSAGE = b"\xc4\xff" + b"m" * 698
CHECKPOINT_BYTES = 4 << 20
LAYOUTS = ("a file per partition", "one file, by partition", "one file, as they come")
Append = Callable[[dict[int, int]], None]


@contextmanager
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="tappa-bench-", dir=Path.cwd()))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def connect(path: Path, page_bytes: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in (
        f"page_size = {page_bytes}",
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {CHECKPOINT_BYTES // page_bytes}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def by_file(path: Path, page_bytes: int, partitions: int) -> Append:
    """A commit, and so an fsync, for each partition that an append touches."""
    files = [connect(path / f"{partition}.sqlite", page_bytes) for partition in range(partitions)]
    for file in files:
        file.execute("CREATE TABLE records (offset INTEGER PRIMARY KEY, count, frame BLOB)")

    def append(counts: dict[int, int]) -> None:
        for partition, count in counts.items():
            files[partition].execute("INSERT INTO records VALUES (NULL, ?, ?)", (count, MESSAGE * count))

    return append


def by_partition(path: Path, page_bytes: int, partitions: int) -> Append:
    """A tree in the order of partition and offset: an append writes one page or more for each partition."""
    file = connect(path / "log.sqlite", page_bytes)
    file.execute("CREATE TABLE records (place INTEGER PRIMARY KEY, count, frame BLOB)")
    ends = [0] * partitions

    def append(counts: dict[int, int]) -> None:
        file.execute("BEGIN IMMEDIATE")
        for partition, count in counts.items():
            place = partition << 48 | ends[partition]
            ends[partition] += 1
            file.execute("INSERT INTO records VALUES (?, ?, ?)", (place, count, MESSAGE * count))
        file.execute("COMMIT")

    return append


def as_they_come(path: Path, page_bytes: int, partitions: int) -> Append:
    """Records one behind the other, and an index by partition and offset."""
    file = connect(path / "log.sqlite", page_bytes)
    file.execute("CREATE TABLE records (sequence INTEGER PRIMARY KEY, part, offset, count, frame BLOB)")
    file.execute("CREATE UNIQUE INDEX records_by_offset ON records (part, offset)")
    ends = [0] * partitions

    def append(counts: dict[int, int]) -> None:
        file.execute("BEGIN IMMEDIATE")
        for partition, count in counts.items():
            values = (partition, ends[partition], count, MESSAGE * count)
            ends[partition] += 1
            file.execute("INSERT INTO records VALUES (NULL, ?, ?, ?, ?)", values)
        file.execute("COMMIT")

    return append


def layout_rate(
    make: Callable[[Path, int, int], Append], page_bytes: int, partitions: int, batch: int, seconds: float
) -> int:
    chance = random.Random(1)
    with directory() as path:
        append = make(path, page_bytes, partitions)
        began, appended = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            append(Counter(chance.randrange(partitions) for _ in range(batch)))
            appended += batch
        return round(appended / (time.perf_counter() - began))


async def log_rate(partitions: int, batch: int, callers: int, seconds: float) -> str:
    """``callers`` append one after the other; then one reads everything."""
    settings = LogSettings(partitions=partitions, disk_reserve_bytes=0, backlog_bytes_max=1 << 40)
    waits_ms: list[float] = []
    with directory() as path:
        async with await SqliteLog.open(path, settings) as log:
            until = time.perf_counter() + seconds

            async def call(number: int) -> None:
                chance = random.Random(number)
                while (began := time.perf_counter()) < until:
                    counts = Counter(chance.randrange(partitions) for _ in range(batch))
                    await log.append({partition: [MESSAGE] * count for partition, count in counts.items()})
                    waits_ms.append((time.perf_counter() - began) * 1000)

            began, cpu = time.perf_counter(), time.process_time()
            await asyncio.gather(*(call(number) for number in range(callers)))
            rate = batch * len(waits_ms) / (time.perf_counter() - began)
            cpu_us = (time.process_time() - cpu) * 1e6 / (batch * len(waits_ms))
            positions = dict.fromkeys(range(partitions), 0)
            began = time.perf_counter()
            while records := await log.read(positions, messages_max=20_000, wait_s=0):
                positions |= {record.partition: record.offset + 1 for record in records}
            read = batch * len(waits_ms) / (time.perf_counter() - began)
    waits_ms.sort()
    return (
        f"{rate:>10,.0f} {waits_ms[len(waits_ms) // 2]:>8.2f} {waits_ms[len(waits_ms) * 99 // 100]:>8.2f}"
        f" {cpu_us:>8.1f} {read:>12,.0f}"
    )


def main(seconds: float) -> None:
    print(f"{platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    print("\nLayouts: one writer, touchpoints/s")
    print(f"{'partitions':>10} {'batch':>6} {'page':>6}" + "".join(f"{layout:>24}" for layout in LAYOUTS))
    for partitions in (8, 32):
        for batch in (1, 100, 1000):
            for page_bytes in (4096, 16384):
                rates = [
                    layout_rate(make, page_bytes, partitions, batch, seconds)
                    for make in (by_file, by_partition, as_they_come)
                ]
                print(f"{partitions:>10} {batch:>6} {page_bytes:>6}" + "".join(f"{rate:>24,}" for rate in rates))
    print("\nSqliteLog: touchpoints/s appended, milliseconds to the acknowledgement, CPU, touchpoints/s read back")
    print("partitions  batch  callers   append/s      p50      p99  us each       read/s")
    for partitions in (8, 32):
        for batch, callers in ((1, 1), (1, 100), (100, 1), (100, 16), (1000, 4)):
            print(
                f"{partitions:>10} {batch:>6} {callers:>8} {asyncio.run(log_rate(partitions, batch, callers, seconds))}"
            )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
