"""While the log is away the worker waits, says so once, and goes on."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from store.memory import MemoryStore
from stream.log.interface import LogUnavailableError
from stream.log.memory import MemoryLog
from stream.log.message import encode_message, partition_of
from stream.metrics import WorkerMetrics
from stream.settings import LogSettings, WorkerSettings
from stream.worker import Worker
from tests.stream.test_service import MODEL
from tests.stream.touchpoints import touchpoint

SETTINGS = WorkerSettings(poll_wait_s=0.001, batch_wait_s=0, retry_s_max=0.001, tidy_interval_s=0.0001)


class AbsentLog(MemoryLog):
    """Away for some calls of each method, from the first one of each on."""

    def __init__(self, away_for: int) -> None:
        super().__init__(LogSettings(partitions=2))
        self.away = dict.fromkeys(("append", "read", "commit", "positions", "heads", "lag", "trim"), away_for)

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        if name == "away" or name not in self.away:
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self.away[name]:
                self.away[name] -= 1
                raise LogUnavailableError("no broker answers")
            return await method(*args, **kwargs)

        return call


async def test_a_worker_waits_for_the_log_and_says_each_change_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "stream")
    log, store = AbsentLog(away_for=0), MemoryStore()
    for number in range(3):
        # A link that is news: the worker has something to say to others.
        one = touchpoint(f"{number}", user="ada", device=f"d-{number}", at=number)
        await log.append({partition_of(one.home, 2): [encode_message(one)]})
    log.away = dict.fromkeys(log.away, 3)
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(log, store, [MODEL], SETTINGS, WorkerMetrics()).run(stop))
    async with asyncio.timeout(20):
        while any(log.away.values()) or (await log.lag()).messages:  # noqa: ASYNC110 - the log has no event for it
            await asyncio.sleep(0.005)
    stop.set()
    await running
    journeys = {row.customer_id: row.journey for row in store.customers.values() if row.journey}
    assert journeys["user:ada"].touchpoints == 3
    said = [record.getMessage().split(":")[0] for record in caplog.records if "the log" in record.getMessage()]
    for use in ("used", "read"):
        told = [line for line in said if f" be {use}" in line]
        assert told[:2] == [f"the log cannot be {use}, trying until it can", f"the log can be {use} again"]
        assert told == told[:2] * (len(told) // 2)
    assert len(said) <= 2 * len(log.away), "one line for each change"
