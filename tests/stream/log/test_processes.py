"""Several processes on one embedded log, and what is left when they are killed."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from stream.log.sqlite import SqliteLog, read_status
from stream.settings import LogSettings
from tests.stream.log.messages import message, names_by_partition

PARTITIONS = 3
SETTINGS = LogSettings(partitions=PARTITIONS, disk_reserve_bytes=0, checkpoint_bytes=256 * 1024)
START = dict.fromkeys(range(PARTITIONS), 0)


class Appender:
    """An appending process, and what it had acknowledged."""

    def __init__(self, directory: Path, name: str, output: Path) -> None:
        self._output = output
        command = [sys.executable, "-m", "tests.stream.log.appender", str(directory), name, str(PARTITIONS)]
        with output.open("wb") as file:
            self._process = subprocess.Popen(command, stdout=file)

    def wait_until_it_appends(self) -> None:
        while not self._output.stat().st_size:
            assert self._process.poll() is None
            time.sleep(0.005)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def acknowledged(self) -> list[str]:
        whole, _, _ = self._output.read_text().rpartition("\n")
        return whole.split("\n")


@contextmanager
def appenders(tmp_path: Path, prefix: str, number: int) -> Iterator[list[Appender]]:
    with ExitStack() as stack:
        started = []
        for i in range(number):
            appender = Appender(tmp_path / "log", f"{prefix}{i}", tmp_path / f"{prefix}{i}.txt")
            stack.callback(appender.kill)
            started.append(appender)
        for appender in started:
            appender.wait_until_it_appends()
        yield started


async def names_in(directory: Path) -> dict[int, list[str]]:
    async with await SqliteLog.open(directory, SETTINGS) as log:
        return names_by_partition(await log.read(START, messages_max=10_000_000, wait_s=0))


@pytest.mark.parametrize("seed", range(5))
async def test_what_was_acknowledged_survives_kill_9_of_four_processes(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with appenders(tmp_path, "killed", 4) as processes:
        for process in chance.sample(processes, 4):
            await asyncio.sleep(chance.uniform(0, 0.1))
            process.kill()
        acknowledged = {name for process in processes for name in process.acknowledged}
    status = read_status(tmp_path / "log", SETTINGS)
    assert status
    assert status.lag.messages >= len(acknowledged)
    there = [name for names in (await names_in(tmp_path / "log")).values() for name in names]
    assert acknowledged
    assert acknowledged <= set(there)
    assert len(set(there)) == len(there)
    assert len(there) <= len(acknowledged) + 4 * 4 * 2 + 4, "no more than what was under way besides"


async def test_each_sender_finds_its_messages_in_order_whoever_else_appends(tmp_path: Path) -> None:
    with appenders(tmp_path, "writer", 3):
        await asyncio.sleep(0.3)
    for names in (await names_in(tmp_path / "log")).values():
        parted = [name.rsplit(".", 2) for name in names]
        by_sender = {sender: [int(turn) for one, turn, _ in parted if one == sender] for sender, _, _ in parted}
        assert by_sender == {sender: sorted(turns) for sender, turns in by_sender.items()}


async def test_a_reader_follows_other_processes_while_it_commits_and_trims(tmp_path: Path) -> None:
    found: dict[int, list[str]] = {partition: [] for partition in START}
    positions = dict(START)
    async with await SqliteLog.open(tmp_path / "log", SETTINGS) as log:
        with appenders(tmp_path, "followed", 3) as processes:
            until = time.monotonic() + 1
            while time.monotonic() < until:
                records = await log.read(positions, messages_max=500, wait_s=0.1)
                for partition, names in names_by_partition(records).items():
                    found[partition] += names
                positions |= {record.partition: record.offset + 1 for record in records}
                await log.commit(positions)
                await log.trim(older_than_s=0, keep_bytes=0)
        while records := await log.read(positions, messages_max=500, wait_s=0):
            for partition, names in names_by_partition(records).items():
                found[partition] += names
            positions |= {record.partition: record.offset + 1 for record in records}
        assert positions == await log.ends()
        assert (await log.heads()) != START
    acknowledged = {name for process in processes for name in process.acknowledged}
    there = [name for names in found.values() for name in names]
    assert acknowledged <= set(there)
    assert len(set(there)) == len(there)


async def test_the_write_ahead_file_stays_small_however_much_is_appended_and_read(tmp_path: Path) -> None:
    async with await SqliteLog.open(tmp_path / "log", SETTINGS) as log:
        with appenders(tmp_path, "many", 2):
            until = time.monotonic() + 1
            positions = dict(START)
            largest = 0
            while time.monotonic() < until:
                records = await log.read(positions, messages_max=100, wait_s=0.1)
                positions |= {record.partition: record.offset + 1 for record in records}
                largest = max(largest, (tmp_path / "log/log.sqlite-wal").stat().st_size)
        assert (await log.lag()).bytes > 0
    # The processes' own setting is 4 MiB; two checkpoints' worth is much.
    assert largest < 2 * LogSettings().checkpoint_bytes


async def test_opening_at_once_from_many_sides_makes_one_log(tmp_path: Path) -> None:
    logs = await asyncio.gather(*(SqliteLog.open(tmp_path / "log", SETTINGS) for _ in range(8)))
    assert len({log.topic_id for log in logs}) == 1
    for log in logs:
        await log.close()


async def test_a_log_that_is_opened_again_is_the_same(tmp_path: Path) -> None:
    async with await SqliteLog.open(tmp_path / "log", SETTINGS) as log:
        await log.append({1: [b"\xc0"]})
        await log.commit({1: 1})
        before = (log.topic_id, log.epoch, log.partitions)
    async with await SqliteLog.open(tmp_path / "log", SETTINGS) as log:
        assert (log.topic_id, log.epoch, log.partitions) == before
        assert await log.positions() == {**START, 1: 1}


async def test_the_status_is_read_beside_the_processes_that_use_the_log(tmp_path: Path) -> None:
    async with await SqliteLog.open(tmp_path / "log", SETTINGS) as log:
        await log.append({1: [b"\xc0"], 2: [b"\xc0", b"\xc0"]})
        await log.commit({1: 1})
        status = read_status(tmp_path / "log", SETTINGS)
        assert status
        assert status.topic_id == log.topic_id
        assert (status.ends, status.positions) == (await log.ends(), await log.positions())
        assert status.lag == await log.lag()
    closed = read_status(tmp_path / "log", SETTINGS)
    assert closed
    assert (closed.ends, closed.positions, closed.lag) == (status.ends, status.positions, status.lag)


def test_the_status_of_no_log_is_none_and_makes_none(tmp_path: Path) -> None:
    assert read_status(tmp_path / "nothing", SETTINGS) is None
    assert list(tmp_path.iterdir()) == []


async def test_what_came_first_is_read_first_whatever_its_partition(tmp_path: Path) -> None:
    async with await SqliteLog.open(tmp_path, SETTINGS) as log:
        for name, partition in (("a", 2), ("b", 2), ("c", 0), ("d", 2), ("e", 1)):
            await log.append({partition: [message(name)]})
        records = await log.read(START, messages_max=4, wait_s=0)
    assert names_by_partition(records) == {2: ["a", "b", "d"], 0: ["c"]}
