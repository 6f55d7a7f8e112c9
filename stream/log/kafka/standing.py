"""Where a topic begins and ends, and how far the workers are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Final

from stream.log.interface import Lag, LogReplacedError, LogStatus
from stream.log.kafka.connection import Connection
from stream.log.kafka.positions import KafkaPositions
from stream.log.kafka.reader import EARLIEST, LATEST, KafkaReader
from stream.log.kafka.succession import numbered, taking, topics_of
from stream.log.kafka.topic import Topic, find
from stream.settings import KIB, MIB, LogSettings

FIRST_EPOCH: Final = 1
"""Of a topic: workers raise it for their versions when they meet another topic, or have lost something."""
SAMPLE_BYTES: Final = MIB
SAMPLE_MESSAGES: Final = 10_000
"""So much is read to know how many messages and bytes lie in the records ahead; of more they are estimated."""
SAMPLE_FETCH_BYTES: Final = 256 * KIB
SAMPLE_SHARE_BYTES: Final = 32 * KIB
"""As it is compressed: it is read every second while workers are behind."""


class KafkaStanding:
    """Asks the brokers. Its methods raise ``LogUnavailableError``."""

    def __init__(self, connection: Connection, topic: Topic) -> None:
        self._connection = connection
        self._topic = topic
        self._reader = KafkaReader(connection, SAMPLE_FETCH_BYTES, share_bytes_min=SAMPLE_SHARE_BYTES)
        self._all = range(topic.partitions)
        self.positions = KafkaPositions(connection)

    async def heads(self) -> dict[int, int]:
        """As ``Log.heads``."""
        return await self._reader.offsets(self._all, EARLIEST)

    async def ends(self) -> dict[int, int]:
        """As ``Log.ends``."""
        return await self._reader.offsets(self._all, LATEST)

    async def since(self, time_ms: int) -> dict[int, int]:
        """As ``Log.since``."""
        found, ends = await self._reader.offsets(self._all, time_ms), await self.ends()
        return {partition: offset if offset >= 0 else ends[partition] for partition, offset in found.items()}

    async def committed(self) -> dict[int, int]:
        """As ``Log.positions``."""
        return await self.positions.read(self._all)

    async def is_read(self, positions: Mapping[int, int]) -> bool:
        """Whether there is nothing from these positions on just now."""
        return not await self._reader.read(positions, messages_max=1, bytes_max=1, wait_s=0)

    async def lag(self, partitions: Collection[int] | None = None) -> Lag:
        """As ``Log.lag``. Records are counted; messages and bytes are estimated from the first of them where there is
        much."""
        await self._require_same_topic()
        asked = self._all if partitions is None else partitions
        if not asked:
            return Lag(messages=0, bytes=0, oldest_appended_at=None)
        heads = await self._reader.offsets(asked, EARLIEST)
        ends = await self._reader.offsets(asked, LATEST)
        committed = await self.positions.read(asked)
        behind = {at: max(heads[at], committed[at]) for at in asked if max(heads[at], committed[at]) < ends[at]}
        if not behind:
            return Lag(messages=0, bytes=0, oldest_appended_at=None)
        sample = await self._reader.read(behind, messages_max=SAMPLE_MESSAGES, bytes_max=SAMPLE_BYTES, wait_s=0)
        seen = [record for record in sample if record.offset < ends[record.partition]]
        records = sum(ends[at] - offset for at, offset in behind.items())
        scale = records / len(seen) if seen else 0.0
        return Lag(
            messages=round(sum(record.count for record in seen) * scale),
            bytes=round(sum(len(record.frame) for record in seen) * scale),
            oldest_appended_at=min((record.appended_at for record in seen), default=None),
        )

    async def _require_same_topic(self) -> None:
        found = await find(self._connection)
        if found is not None and found.topic_id != self._topic.topic_id:
            raise LogReplacedError(f"topic {self._connection.settings.topic!r} was made anew while it was open")


async def kafka_status(settings: LogSettings) -> LogStatus | None:
    """How the topic stands that takes what is appended, whoever uses it; None when there is none. Creates nothing.
    Raises ``LogUnavailableError``."""
    topics = await topics_of(settings)
    if not topics:
        return None
    number = await taking(settings, topics)
    topic = topics[number]
    async with _standing(settings, number, topic) as standing:
        is_read = await standing.positions.any(range(topic.partitions))
        return LogStatus(
            topic_id=topic.topic_id,
            epoch=FIRST_EPOCH,
            partitions=topic.partitions,
            positions=await standing.committed(),
            ends=await standing.ends(),
            lag=await standing.lag(),
            file_bytes=0,
            earlier=0 if is_read else await _earlier(settings, number - 1, topics),
        )


async def _earlier(settings: LogSettings, number: int, topics: Mapping[int, Topic]) -> int:
    """How many messages of this topic, and of those before it, are not worked off. Where workers have a position in
    one, those before it are."""
    if number not in topics:
        return 0
    async with _standing(settings, number, topics[number]) as standing:
        messages = (await standing.lag()).messages
        if await standing.positions.any(range(topics[number].partitions)):
            return messages
    return messages + await _earlier(settings, number - 1, topics)


@asynccontextmanager
async def _standing(settings: LogSettings, number: int, topic: Topic) -> AsyncIterator[KafkaStanding]:
    connection = await Connection.open(numbered(settings, number, topic).kafka)
    try:
        await connection.watch_topic()
        yield KafkaStanding(connection, topic)
    finally:
        await connection.close()
