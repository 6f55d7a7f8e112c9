"""Workers share the partitions through the group protocol of a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Self

import pytest

from stream.log.kafka.group import KafkaGroup
from stream.log.kafka.log import KafkaLog
from stream.ownership import Tenure
from stream.settings import LogSettings
from tests.kafka.running_broker import RunningBroker
from tests.stream.log.kafka.topics import on_kafka
from tests.stream.log.kafka.waiting import until
from tests.stream.log.messages import message

pytestmark = pytest.mark.slow

PARTITIONS = 6
ALL = set(range(PARTITIONS))


class Member:
    """A worker that does nothing with what it owns, and lets go when told."""

    def __init__(self, log: KafkaLog, group: KafkaGroup) -> None:
        self.log = log
        self.tenures: list[Tenure] = []
        self.busy = asyncio.Event()
        self._group = group
        self._working = asyncio.create_task(self._work())

    @property
    def owns(self) -> set[int]:
        """Just now."""
        return set(self.tenures[-1].partitions) if self.tenures and not self.tenures[-1].over.is_set() else set()

    async def _work(self) -> None:
        while True:
            tenure = await self._group.tenure()
            self.tenures.append(tenure)
            await tenure.over.wait()
            await until(lambda: not self.busy.is_set())
            tenure.let_go.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._working.cancel()
        await asyncio.wait([self._working])


class Workers:
    """Members of one group, each with a log of its own, as processes have."""

    def __init__(self, settings: LogSettings, stack: AsyncExitStack) -> None:
        self.settings = settings
        self._stack = stack
        self._left: dict[int, AsyncExitStack] = {}

    async def join(self, name: str = "") -> Member:
        own = await self._stack.enter_async_context(AsyncExitStack())
        log = await own.enter_async_context(await KafkaLog.open(self.settings))
        group = await own.enter_async_context(log.join(name))
        member = await own.enter_async_context(Member(log, group))
        self._left[id(member)] = own
        return member

    async def leave(self, member: Member) -> None:
        await self._left.pop(id(member)).aclose()


@pytest.fixture
async def workers(kafka: RunningBroker) -> AsyncIterator[Workers]:
    settings = on_kafka(kafka, {"session_timeout_s": 3}, partitions=PARTITIONS)
    async with AsyncExitStack() as stack:
        yield Workers(settings, stack)


async def test_one_worker_owns_all_two_share_and_the_one_that_is_left_owns_all_again(workers: Workers) -> None:
    one = await workers.join()
    await until(lambda: one.owns == ALL)
    two = await workers.join()
    await until(lambda: len(one.owns) == len(two.owns) == PARTITIONS // 2)
    assert one.owns | two.owns == ALL
    await workers.leave(two)
    await until(lambda: one.owns == ALL)
    assert [len(tenure.partitions) for tenure in one.tenures] == [6, 3, 6]


async def test_nobody_gets_a_partition_before_its_owner_has_let_go(workers: Workers) -> None:
    one = await workers.join()
    await until(lambda: one.owns == ALL)
    one.busy.set()
    two = await workers.join()
    await until(one.tenures[0].over.is_set)
    await asyncio.sleep(0.5)
    assert two.owns == set()
    one.busy.clear()
    await until(lambda: bool(two.owns) and one.owns | two.owns == ALL)


async def test_a_worker_with_a_name_has_its_partitions_again_after_a_restart_and_the_others_keep_theirs(
    workers: Workers,
) -> None:
    one, two = await workers.join("one"), await workers.join("two")
    await until(lambda: len(one.owns) == len(two.owns) == PARTITIONS // 2)
    before, tenures = two.owns, len(one.tenures)
    await workers.leave(two)
    again = await workers.join("two")
    await until(lambda: again.owns == before)
    assert len(one.tenures) == tenures


async def test_positions_are_stored_by_members_and_not_by_strangers(workers: Workers, kafka: RunningBroker) -> None:
    one = await workers.join()
    await until(lambda: one.owns == ALL)
    await one.log.append({0: [message("a")]})
    await one.log.commit({0: 1})
    async with await KafkaLog.open(workers.settings) as stranger:
        await stranger.commit({0: 0})
        assert (await stranger.positions())[0] == 1
