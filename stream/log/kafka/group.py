"""A worker's place in the consumer group that shares the partitions of the topic."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.structs import TopicPartition

from stream.log.interface import LogError
from stream.log.kafka.connection import client_arguments
from stream.log.kafka.errors import explained, hush, refusal
from stream.ownership import Tenure
from stream.settings import KafkaSettings

logger = logging.getLogger(__name__)

HEARTBEATS: Final = 6
"""In a session: so many must be lost before a worker is taken for dead."""
POLL_S: Final = 1.0
"""How often the client is asked whether the group has trouble; it waits for that before it tries again."""

Joined = Callable[[int, str], None]
"""Told the generation and the member's name in it, at each sharing out."""


class KafkaGroup(ConsumerRebalanceListener):  # type: ignore[misc]
    """``stream.ownership.Ownership`` by the group protocol; a member from when it is entered until it is left.

    At each sharing out everybody lets go of everything first. With a name (``group_instance_id``) a worker that comes
    back within the session gets what it had, and the others notice nothing. The records are read and the positions
    stored elsewhere: of the client there is only the membership, all its partitions paused."""

    def __init__(self, settings: KafkaSettings, name: str, joined: Joined) -> None:
        hush()
        self._settings = settings
        self._name = name
        self._joined = joined
        self._consumer: AIOKafkaConsumer | None = None
        self._offered: Tenure | None = None
        self._current: Tenure | None = None
        self._news = asyncio.Event()
        self._away = False
        self._staying: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._staying = asyncio.create_task(self._stay())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._staying is not None
        self._staying.cancel()
        await asyncio.wait([self._staying])

    async def tenure(self) -> Tenure:
        """See ``Ownership.tenure``. Brokers that are away are waited for."""
        while self._offered is None:
            self._news.clear()
            await self._news.wait()
        self._current, self._offered = self._offered, None
        return self._current

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Before each sharing out: return once the worker has let go, or should have."""
        await self._end()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """After each sharing out."""
        assert self._consumer is not None
        self._consumer.pause(*assigned)
        coordinator = self._consumer._coordinator
        self._joined(coordinator.generation, coordinator.member_id)
        partitions = tuple(sorted(one.partition for one in assigned))
        logger.info("partitions of this worker: %s", ", ".join(map(str, partitions)) or "none, others have them all")
        if partitions:
            self._offered = Tenure(partitions)
            self._news.set()

    async def _stay(self) -> None:
        """Be a member, and a new one after whatever the client does not get over."""
        while True:
            self._consumer = consumer = self._make()
            try:
                with explained(self._settings):
                    await consumer.start()
                    consumer.subscribe([self._settings.topic], listener=self)
                    while True:
                        await asyncio.sleep(POLL_S)
                        await consumer.getmany(timeout_ms=0)
                        self._say(None)
            except Exception as error:  # whatever it is, one who is no member must not go on as if it were
                self._say(error if isinstance(error, LogError) else refusal(self._settings, error))
                await self._end()
            finally:
                await self._leave(consumer)
            await asyncio.sleep(POLL_S)

    def _make(self) -> AIOKafkaConsumer:
        settings = self._settings
        return AIOKafkaConsumer(
            **client_arguments(settings),
            group_id=settings.group,
            group_instance_id=self._name or None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / HEARTBEATS),
            rebalance_timeout_ms=int(settings.rebalance_timeout_s * 1000),
        )

    async def _end(self) -> None:
        """Take back what was given, and wait until the worker has let go of it."""
        self._offered = None
        if (tenure := self._current) is None:
            return
        self._current = None
        tenure.over.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.rebalance_timeout_s):
                await tenure.let_go.wait()

    async def _leave(self, consumer: AIOKafkaConsumer) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(self._settings.request_timeout_s):
                await consumer.stop()

    def _say(self, trouble: LogError | None) -> None:
        """One line for each change."""
        if trouble and not self._away:
            logger.warning("cannot be a member of the workers' group, trying until it can: %s", trouble)
        elif self._away and not trouble:
            logger.info("a member of the workers' group again")
        self._away = trouble is not None
