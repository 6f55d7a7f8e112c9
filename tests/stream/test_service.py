"""A worker process: with each lot of partitions that it is given begins a new worker."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from importlib.resources import files
from urllib.request import urlopen

import pytest

from stage_engine.model import parse_model
from store.memory import MemoryStore
from stream.log.memory import MemoryLog
from stream.log.message import encode_message, partition_of
from stream.ownership import Tenure
from stream.service import Service, monitor
from stream.settings import LogSettings, WorkerSettings
from tests.stream.touchpoints import touchpoint

MODEL = parse_model(files("stage_engine").joinpath("models/seven_stage.yaml").read_text())
SETTINGS = WorkerSettings(poll_wait_s=0.001, batch_wait_s=0, retry_s_max=0.001)
PARTITIONS = 4


class Given:
    """Ownership of what the test says, when it says so."""

    def __init__(self) -> None:
        self._tenures: asyncio.Queue[Tenure] = asyncio.Queue()

    def give(self, partitions: Sequence[int]) -> Tenure:
        tenure = Tenure(tuple(partitions))
        self._tenures.put_nowait(tenure)
        return tenure

    async def tenure(self) -> Tenure:
        return await self._tenures.get()


class Process:
    """A service over a log and a store that it shares with others."""

    def __init__(self, log: MemoryLog, store: MemoryStore) -> None:
        self.given = Given()
        self.stop = asyncio.Event()
        self.service = Service(store, [MODEL], SETTINGS)
        self.running = asyncio.create_task(self.service.run(log, self.given, self.stop))

    async def end(self) -> None:
        self.stop.set()
        await asyncio.wait_for(self.running, 10)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(LogSettings(partitions=PARTITIONS))


async def visit(log: MemoryLog, number: int) -> None:
    """Somebody new comes into every partition, and a known one again."""
    for device in (f"new-{number}", "known"):
        one = touchpoint(f"{device}-{number}", device=device, at=number)
        await log.append({partition_of(one.home, PARTITIONS): [encode_message(one)]})


async def worked_off(log: MemoryLog) -> None:
    async with asyncio.timeout(10):
        while (await log.lag()).messages:  # noqa: ASYNC110 - the log has no event for it
            await asyncio.sleep(0.005)


async def test_partitions_that_go_from_one_worker_to_the_other_lose_and_double_nothing(log: MemoryLog) -> None:
    store = MemoryStore()
    one, other = Process(log, store), Process(log, store)
    everything, half, rest = range(PARTITIONS), [0, 2], [1, 3]
    first = one.given.give(everything)
    for number in range(20):
        await visit(log, number)
    await worked_off(log)
    first.over.set()
    await asyncio.wait_for(first.let_go.wait(), 10)
    one.given.give(half)
    other.given.give(rest)
    for number in range(20, 40):
        await visit(log, number)
    await worked_off(log)
    await one.end()
    await other.end()
    journeys = {row.customer_id: row.journey for row in store.customers.values()}
    assert journeys["device:known"]
    assert journeys["device:known"].touchpoints == 40
    assert sum(journey.touchpoints for journey in journeys.values() if journey) == 80


async def test_nothing_is_worked_off_in_partitions_that_were_let_go(log: MemoryLog) -> None:
    process = Process(log, MemoryStore())
    tenure = process.given.give([0, 1])
    tenure.over.set()
    await asyncio.wait_for(tenure.let_go.wait(), 10)
    for number in range(10):
        await visit(log, number)
    assert process.service.silent_s == 0
    await process.end()
    assert await log.positions() == dict.fromkeys(range(PARTITIONS), 0)


async def test_what_stops_the_worker_ends_the_process(log: MemoryLog) -> None:
    class BrokenStore(MemoryStore):
        async def read_positions(self) -> list[object]:  # type: ignore[override]
            raise RuntimeError("a mistake of ours")

    process = Process(log, BrokenStore())
    tenure = process.given.give([0])
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        await asyncio.wait_for(process.running, 10)
    assert tenure.let_go.is_set()


async def test_what_a_worker_has_let_go_of_is_no_longer_counted_as_its_own(log: MemoryLog) -> None:
    process = Process(log, MemoryStore())
    tenure = process.given.give(range(PARTITIONS))
    await visit(log, 1)
    cached = process.service.metrics.cached_customers
    async with asyncio.timeout(20):
        while cached._value.get() == 0:  # noqa: ASYNC110 - a gauge has no event
            await asyncio.sleep(0.001)
    process.service.metrics.lag.set(7)
    tenure.over.set()
    await asyncio.wait_for(tenure.let_go.wait(), 20)
    assert (cached._value.get(), process.service.metrics.lag._value.get()) == (0, 0)
    await process.end()


def test_who_asks_and_leaves_before_the_answer_leaves_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    settings = SETTINGS.model_copy(update={"port": 0})
    with monitor(Service(MemoryStore(), (MODEL,), settings)) as port:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as leaving:
                leaving.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
    assert capfd.readouterr().err == ""
