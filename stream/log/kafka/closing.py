"""A topic that is closed takes nothing any more, by word of every broker; and how to know that all it took is seen.

Closed is a topic whose records may have ``CLOSED_BYTES_MAX`` bytes at most. Each broker hears of that in its own time.
So a frame is tried on every partition: who leads it has refused it, and whoever leads it later has heard, too. What was
taken before that may still be on its way to the copies. So a record with nothing in it, which is small enough, is
appended behind it: once it is acknowledged, all before it is, and can be read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Any, Final

from aiokafka import errors
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from stream.log.kafka.connection import RETRY_S, Connection
from stream.log.kafka.errors import explained
from stream.log.kafka.record import HEADERS
from stream.log.message import encode_frame

ALL_COPIES: Final = -1
BATCH_BYTES: Final = 1_024


async def is_closed(connection: Connection, partitions: Collection[int]) -> bool:
    """Whether none of these partitions takes a frame; an empty one is in those that do. Raises
    ``LogUnavailableError``."""
    answers = await _appended(connection, partitions, batch_of(encode_frame([]), HEADERS))
    return all(error is errors.MessageSizeTooLargeError for error in answers.values())


async def settle(connection: Connection, partitions: Collection[int]) -> None:
    """Return once all that these partitions have ever taken can be read. Raises ``LogUnavailableError``."""
    answers = await _appended(connection, partitions, batch_of(None, ()))
    for error in answers.values():
        if error is not errors.NoError:
            with explained(connection.settings):
                raise error


def batch_of(value: bytes | None, headers: Collection[tuple[str, bytes]]) -> bytes:
    """One record, as it travels."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=BATCH_BYTES,
    )
    builder.append(0, timestamp=int(time.time() * 1000), key=None, value=value, headers=list(headers))
    return bytes(builder.build())


async def _appended(connection: Connection, partitions: Collection[int], batch: bytes) -> dict[int, Any]:
    """What became of the batch in each partition, once whoever leads it has said so."""
    settings = connection.settings
    give_up = time.monotonic() + settings.request_timeout_s
    found: dict[int, Any] = {}
    while missing := [partition for partition in partitions if partition not in found]:
        with explained(settings):
            try:
                for broker, some in connection.leaders(missing).items():
                    request = ProduceRequest(
                        transactional_id=None,
                        required_acks=ALL_COPIES,
                        timeout=int(settings.request_timeout_s * 1000),
                        topics=[(settings.topic, [(partition, batch) for partition in some])],
                    )
                    ((_, answers),) = (await connection.ask(request, broker)).topics
                    for partition, code, *_ in answers:
                        error = errors.for_code(code)
                        if not error.retriable:
                            found[partition] = error
                if len(found) < len(partitions):
                    raise errors.LeaderNotAvailableError
            except errors.KafkaError as error:
                if not error.retriable or time.monotonic() >= give_up:
                    raise
                connection.look_again()
                await asyncio.sleep(RETRY_S)
    return found
