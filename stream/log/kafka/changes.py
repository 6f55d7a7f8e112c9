"""The topic of stage changes: one record for each, for whoever reacts to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Self

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from store.stage_change import StageChange
from stream.log.interface import LogError, LogUnavailableError
from stream.log.kafka.connection import Connection
from stream.log.kafka.errors import explained
from stream.log.kafka.producer import connected, let_go
from stream.log.kafka.topic import Topic, found_or_made
from stream.log.message import partition_of
from stream.settings import LogSettings

CLOSE_S_MAX: Final = 2.0


class ChangesTopic:
    """Implements ``stream.announcer.Topic``. Records are JSON, keyed by customer, and lie in the partition of CRC-32 of
    the key: all of a customer in one, in the order in which they were said."""

    def __init__(self, settings: LogSettings, topic: Topic) -> None:
        self._settings = settings
        self._kafka = settings.kafka
        self._partitions = topic.partitions
        self._producer: AIOKafkaProducer | None = None

    @classmethod
    async def open(cls, settings: LogSettings) -> Self | None:
        """The topic of the settings, made if there is none; None if they name none. Raises ``LogUnavailableError``."""
        name = settings.kafka.changes_topic
        if not (settings.kafka.servers and name):
            return None
        if name == settings.kafka.topic:
            raise LogUnavailableError("changes_topic and topic in [log.kafka] are the same: give it a name of its own")
        kafka = settings.kafka.model_copy(update={"topic": name})
        settings = settings.model_copy(update={"kafka": kafka})
        connection = await Connection.open(kafka)
        try:
            return cls(settings, await found_or_made(connection, settings))
        finally:
            await connection.close()

    async def publish(self, changes: Sequence[StageChange]) -> None:
        """See ``stream.announcer.Topic.publish``."""
        by_partition: dict[int, list[StageChange]] = {}
        for one in changes:
            by_partition.setdefault(partition_of(one.customer_id, self._partitions), []).append(one)
        with explained(self._kafka):
            if self._producer is None:
                self._producer = await connected(self._settings, self._kafka.topic)
            producer = self._producer
            try:
                async with asyncio.timeout(self._kafka.append_timeout_s):
                    await asyncio.gather(*(self._send(producer, at, some) for at, some in by_partition.items()))
            except BaseException:
                # After any failed batch the broker would refuse all later ones as out of order.
                await self.close()
                raise

    async def _send(self, producer: AIOKafkaProducer, partition: int, changes: Sequence[StageChange]) -> None:
        for batch in _batches(producer, changes):
            await (await producer.send_batch(batch, self._kafka.topic, partition=partition))

    async def close(self) -> None:
        """Let go of the connection; the next ``publish`` makes a new one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await let_go(producer, CLOSE_S_MAX, CLOSE_S_MAX)


def _batches(producer: AIOKafkaProducer, changes: Sequence[StageChange]) -> Iterator[BatchBuilder]:
    """The changes as full batches, in their order."""
    batch = producer.create_batch()
    for one in changes:
        at_ms, key, value = one.said_at // 1_000, one.customer_id.encode(), record_of(one)
        if batch.append(timestamp=at_ms, key=key, value=value) is None:
            yield batch
            batch = producer.create_batch()
            if batch.append(timestamp=at_ms, key=key, value=value) is None:
                raise LogError(f"a stage change of {len(value)} bytes is larger than a record may be")
    yield batch


def record_of(change: StageChange) -> bytes:
    """The value of its record (``docs/stage-changes.md``)."""
    visit = change.visit
    cause: dict[str, Any] | None = {
        "message_id": visit.cause_message_id,
        "source": visit.cause_source,
        "identifiers": visit.cause_identifiers,
        "original_timestamp": _iso(visit.cause_original_timestamp, 1_000),
        "event": visit.cause_event,
        "channel": visit.cause_channel,
    }
    return orjson.dumps(
        {
            "customer_id": change.customer_id,
            "model": change.model,
            "generation": change.generation,
            "kind": change.kind,
            "visit_id": change.visit_id,
            "corrects": change.corrects or None,
            "stage": visit.stage,
            "from_stage": visit.from_stage or None,
            "label": visit.label or None,
            "entered_at": _iso(visit.entered_at, 1_000),
            "cause": cause if visit.cause_message_id else None,
            "version": change.version,
            "said_at": _iso(change.said_at, 1_000_000),
        }
    )


def _iso(at: int, per_second: int) -> str:
    """RFC 3339, to the millisecond or microsecond, whichever ``at`` counts."""
    moment = datetime.fromtimestamp(at // per_second, UTC).replace(
        microsecond=at % per_second * (1_000_000 // per_second)
    )
    return moment.isoformat(timespec="milliseconds" if per_second == 1_000 else "microseconds").replace("+00:00", "Z")
