"""The log on Kafka: one topic, a frame a record.

``log = await KafkaLog.open(settings)`` makes the topic when there is none. What was appended is acknowledged by all
copies in step, and is kept for as long as the brokers are told to: nothing is trimmed by hand.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import msgspec

from stream.log.grouping import size_of
from stream.log.interface import Lag, LogUnavailableError, Read, Record
from stream.log.kafka.backlog import KafkaBacklog
from stream.log.kafka.closing import is_closed, settle
from stream.log.kafka.connection import Connection
from stream.log.kafka.errors import RecordTooLargeError
from stream.log.kafka.group import KafkaGroup
from stream.log.kafka.positions import NO_MEMBER
from stream.log.kafka.reader import KafkaReader
from stream.log.kafka.standing import FIRST_EPOCH, KafkaStanding
from stream.log.kafka.succession import numbered, reading, taking, topics_of, topics_on
from stream.log.kafka.topic import Topic, find_or_make
from stream.log.kafka.writer import KafkaWriter
from stream.log.message import shared_out
from stream.log.writer import CLOSED, Clock
from stream.settings import LogSettings

logger = logging.getLogger(__name__)


class Place(msgspec.Struct, frozen=True):
    """Which of the topics that a log has had is meant."""

    first: LogSettings
    """Of the first one."""
    number: int
    topics: Mapping[int, Topic]
    """Those that are there."""

    @property
    def own(self) -> LogSettings:
        """Of this one. The number of partitions is the settings' business only as long as there is but one topic."""
        alone = self.number == 1 and len(self.topics) <= 1
        return numbered(self.first, self.number, None if alone else self.topics[self.number])

    @property
    def next(self) -> int:
        """The number of the one that follows."""
        return self.number + 1


class KafkaLog:
    """``stream.log.interface.Log`` on Kafka. Made by ``open``; belongs to the event loop that made it. While no broker
    answers, every method raises ``LogUnavailableError`` within a bounded time, and works again once one does."""

    def __init__(
        self,
        settings: LogSettings,
        topic: Topic,
        asking: Connection,
        reading: Connection,
        clock: Clock,
        succession: Place,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._asking = asking
        self._clock = clock
        self._place = succession
        self._following: KafkaLog | None = None
        self._going_on = asyncio.Lock()
        self._reader = KafkaReader(reading, settings.kafka.fetch_bytes_max)
        self._standing = KafkaStanding(asking, topic)
        self._writer = KafkaWriter(settings, topic.partitions, clock)
        self._backlog = KafkaBacklog(self._standing.lag, settings, clock)
        self._member = NO_MEMBER
        self._resources = AsyncExitStack()
        self._closed = False

    @classmethod
    async def open(cls, settings: LogSettings, *, read: Read | None = None, clock: Clock = time.time) -> Self:
        """Open the topic of the settings, and make it when there is none. Where others have followed it, the one that
        takes what is appended; for who says what they have ``read``, the one to go on with. Raises
        ``LogUnavailableError`` when no broker answers, or the topic does not fit."""
        topics = await topics_of(settings)
        number = await taking(settings, topics) if read is None else reading(topics, read)
        return await cls._open(Place(settings, number, topics), clock)

    @classmethod
    async def _open(cls, place: Place, clock: Clock) -> Self:
        settings = place.own
        async with AsyncExitStack() as resources:
            asking = await Connection.open(settings.kafka)
            resources.push_async_callback(asking.close)
            fetching = await Connection.open(settings.kafka)
            resources.push_async_callback(fetching.close)
            topic = await find_or_make(asking, settings)
            for connection in (asking, fetching):
                await connection.watch_topic()
            log = cls(settings, topic, asking, fetching, clock, place)
            resources.push_async_callback(log._writer.close)
            resources.push_async_callback(log._backlog.close)
            await log._writer.start()
            log._resources = resources.pop_all()
        return log

    @classmethod
    async def open_all(cls, settings: LogSettings, *, clock: Clock = time.time) -> list[Self]:
        """Open each of the topics that are there, the earliest first. Raises ``LogUnavailableError``."""
        topics = await topics_of(settings)
        if not topics:
            raise LogUnavailableError(f"there is no topic {settings.kafka.topic!r} yet: has ingest ever started?")
        opened: list[Self] = []
        async with AsyncExitStack() as resources:
            for number in topics:
                opened.append(await cls._open(Place(settings, number, topics), clock))
                resources.push_async_callback(opened[-1].close)
            resources.pop_all()
        return opened

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def topic_id(self) -> str:
        """As the brokers gave it: a topic that was made anew has another."""
        return self._topic.topic_id

    @property
    def epoch(self) -> int:
        """Of a topic's first readers."""
        return FIRST_EPOCH

    @property
    def partitions(self) -> int:
        """Of the topic."""
        return self._topic.partitions

    @property
    def follows(self) -> str:
        """See ``Log.follows``."""
        before = self._place.topics.get(self._place.number - 1)
        return before.topic_id if before else ""

    async def append(self, messages: Mapping[int, Sequence[bytes]], *, internal: bool = False) -> None:
        """See ``Log.append``. Also refused when what waits for the workers is half as old as the brokers let it get."""
        self._check(messages)
        if (following := self._following) is None:
            if not internal:
                await self._backlog.require_room()
            try:
                await self._writer.append(messages, internal=internal)
            except RecordTooLargeError as refusal:
                following = await self._go_on(refusal)
            else:
                self._backlog.appended(size_of(messages))
                return
        await following.append(shared_out(messages, following.partitions), internal=internal)

    async def read(self, positions: Mapping[int, int], *, messages_max: int, wait_s: float) -> list[Record]:
        """See ``Log.read``."""
        self._check(positions)
        if not positions:
            return []
        return await self._reader.read(
            positions, messages_max=messages_max, bytes_max=self._settings.read_bytes_max, wait_s=wait_s
        )

    async def commit(self, positions: Mapping[int, int]) -> None:
        """See ``Log.commit``. While the group has members, of whoever is none nothing is stored."""
        self._check(positions)
        if positions:
            await self._standing.positions.store(positions, *self._member)

    async def positions(self) -> dict[int, int]:
        """See ``Log.positions``. Those that nobody has stored for a week are forgotten by the brokers."""
        self._check({})
        return await self._standing.committed()

    async def heads(self) -> dict[int, int]:
        """See ``Log.heads``."""
        self._check({})
        return await self._standing.heads()

    async def ends(self) -> dict[int, int]:
        """See ``Log.ends``."""
        self._check({})
        return await self._standing.ends()

    async def since(self, time_ms: int) -> dict[int, int]:
        """See ``Log.since``."""
        self._check({})
        return await self._standing.since(time_ms)

    async def lag(self, partitions: Collection[int] | None = None) -> Lag:
        """See ``Log.lag``; of much it is an estimate."""
        self._check(dict.fromkeys(partitions or ()))
        return await self._standing.lag(partitions)

    async def trim(self, *, older_than_s: float, keep_bytes: int) -> int:
        """Nothing: the brokers do it (``[log.kafka] retention_s``), and ingest takes nothing more before they would
        drop what was not read."""
        return 0

    async def is_used_up(self, positions: Mapping[int, int]) -> bool:
        """See ``Log.is_used_up``."""
        self._check(positions)
        if self._following is None and self._place.next not in await self._topics():
            return False
        standing, asking = self._standing, self._asking
        if not (await standing.is_read(positions) and await is_closed(asking, positions)):
            return False
        await settle(asking, positions)
        return await standing.is_read(positions)

    def join(self, name: str) -> KafkaGroup:
        """A place among the workers that share the partitions, to be entered; positions are stored as this member's.
        A worker with a name keeps its partitions over a quick restart."""

        def joined(generation: int, member: str) -> None:
            self._member = (generation, member)

        return KafkaGroup(self._settings.kafka, name, joined)

    async def close(self) -> None:
        """See ``Log.close``."""
        if not self._closed:
            self._closed = True
            await self._resources.aclose()

    async def _topics(self) -> dict[int, Topic]:
        return await topics_on(self._asking, self._place.first)

    async def _go_on(self, refusal: RecordTooLargeError) -> KafkaLog:
        """The log on the topic that follows, now that this one takes nothing more. Raises the refusal when there is
        none: so it was meant as it was said."""
        async with self._going_on:
            if self._following is None:
                topics = await self._topics()
                if self._place.next not in topics:
                    logger.warning("%s", refusal)
                    raise refusal
                following = await KafkaLog._open(Place(self._place.first, self._place.next, topics), self._clock)
                self._resources.push_async_callback(following.close)
                self._following = following
                logger.info("what is appended goes to a topic of %d partitions now", following.partitions)
            return self._following

    def _check(self, by_partition: Mapping[int, object]) -> None:
        if self._closed:
            raise LogUnavailableError(CLOSED)
        if wrong := [partition for partition in by_partition if not 0 <= partition < self.partitions]:
            raise ValueError(f"there is no partition {wrong[0]}: the log has {self.partitions}, numbered from 0")
