"""Writes records to Kafka: what waits for a partition shares its next record, one under way at a time.

The client neither bounds what waits nor ever gives up a batch of an idempotent producer. So both is done here, and a
producer that failed, or did not get its acknowledgement in time, is thrown away for a new one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer, errors

from stream.log.grouping import NewRecord, group, size_of
from stream.log.interface import LogError, LogFullError, LogUnavailableError
from stream.log.kafka.errors import RecordTooLargeError, explained, refusal
from stream.log.kafka.producer import connected, let_go
from stream.log.kafka.record import HEADERS
from stream.log.writer import CLOSED, Clock
from stream.settings import LogSettings

logger = logging.getLogger(__name__)

CONNECT_WAIT_S: Final = 0.1
CONNECT_WAIT_S_MAX: Final = 2.0
"""From one try to reach a broker to the next: growing from the one to the other."""
CLOSE_S_MAX: Final = 2.0
"""For each step of closing: a process has nine seconds to end, and what is not acknowledged is sent again."""


class Append(msgspec.Struct, eq=False):
    """Somebody's messages, and who waits for them."""

    answer: asyncio.Future[None]
    size: int
    partitions_left: int
    """In which they are not acknowledged yet."""


class Part(msgspec.Struct, frozen=True, eq=False):
    """What of an append goes into one partition."""

    append: Append
    messages: Sequence[bytes]


class KafkaWriter:
    """Belongs to the event loop that made it."""

    def __init__(self, settings: LogSettings, partitions: int, clock: Clock) -> None:
        self._settings = settings
        self._kafka = settings.kafka
        self._clock = clock
        self._waiting: list[deque[Part]] = [deque() for _ in range(partitions)]
        self._senders: dict[int, asyncio.Task[None]] = {}
        self._appends_waiting = 0
        self._bytes_waiting = 0
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._disposals: set[asyncio.Task[None]] = set()
        self._away = False
        self._closing = False

    async def start(self) -> None:
        """Connect. Raises ``LogUnavailableError``."""
        with explained(self._kafka):
            self._producer = await self._connect()

    async def append(self, messages: Mapping[int, Sequence[bytes]], *, internal: bool) -> None:
        """As ``Log.append``. Without an acknowledgement in ``append_timeout_s`` it raises ``LogUnavailableError``, and
        the messages may yet be in the log."""
        if self._closing:
            raise LogUnavailableError(CLOSED)
        parts = {partition: some for partition, some in messages.items() if some}
        if not parts:
            return
        size = size_of(parts)
        self._check_room(size, internal)
        append = Append(asyncio.get_running_loop().create_future(), size, len(parts))
        self._appends_waiting += 1
        self._bytes_waiting += size
        for partition, some in parts.items():
            self._waiting[partition].append(Part(append, some))
            if partition not in self._senders:
                self._senders[partition] = asyncio.create_task(self._send_all(partition))
        try:
            async with asyncio.timeout(self._kafka.append_timeout_s):
                await append.answer
        except TimeoutError:
            trouble = refusal(self._kafka, errors.KafkaTimeoutError("no acknowledgement in time"))
            self._say(trouble)
            raise trouble from None

    async def close(self) -> None:
        """Write what waits, if that does not take long, and let go of the connections."""
        self._closing = True
        if self._senders:
            await asyncio.wait(self._senders.values(), timeout=min(self._kafka.append_timeout_s, CLOSE_S_MAX))
        for sender in self._senders.values():
            sender.cancel()
        self._discard(self._producer)
        if self._disposals:
            await asyncio.wait(self._disposals)

    def _check_room(self, size: int, internal: bool) -> None:
        settings = self._settings
        if (
            self._appends_waiting
            and not internal
            and (
                self._appends_waiting >= settings.waiting_appends_max
                or self._bytes_waiting + size > settings.waiting_bytes_max
            )
        ):
            raise LogFullError("too many touchpoints wait for Kafka: send them again in a moment")

    async def _send_all(self, partition: int) -> None:
        """Send what waits for a partition until nothing does."""
        waiting = self._waiting[partition]
        try:
            while waiting:
                producer = await self._ready()
                parts = self._next(waiting)
                records = group(
                    [{partition: part.messages} for part in parts],
                    messages_max=self._settings.frame_messages_max,
                    bytes_max=self._settings.frame_bytes_max,
                )
                trouble = await self._send(producer, records)
                for part in parts:
                    self._answer(part, trouble)
        finally:
            del self._senders[partition]

    def _next(self, waiting: deque[Part]) -> list[Part]:
        """What is sent next: about as much as one record takes. Nobody waits any more for what is left out."""
        parts: list[Part] = []
        size = 0
        while waiting and size < self._settings.frame_bytes_max:
            part = waiting.popleft()
            if part.append.answer.done():
                self._leave(part)
                continue
            parts.append(part)
            size += sum(map(len, part.messages))
        return parts

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[NewRecord]) -> LogError | None:
        """Why the records are not acknowledged; None once they are."""
        try:
            with explained(self._kafka):
                for record in records:
                    batch = producer.create_batch()
                    batch.append(
                        timestamp=int(self._clock() * 1000), key=None, value=record.frame, headers=list(HEADERS)
                    )
                    async with asyncio.timeout(self._kafka.append_timeout_s):
                        await (await producer.send_batch(batch, self._kafka.topic, partition=record.partition))
        except Exception as error:  # also a mistake of ours or the client's must not leave anybody waiting
            trouble = error if isinstance(error, LogError) else refusal(self._kafka, error)
            self._discard(producer)
            if not isinstance(trouble, RecordTooLargeError):
                self._say(trouble)
            return trouble
        if records:
            self._say(None)
        return None

    def _answer(self, part: Part, trouble: LogError | None) -> None:
        append = part.append
        if trouble and not append.answer.done():
            append.answer.set_exception(copy(trouble))  # a traceback each
        self._leave(part)
        if not append.partitions_left and not append.answer.done():
            append.answer.set_result(None)

    def _leave(self, part: Part) -> None:
        """One partition less; with the last the append no longer counts."""
        append = part.append
        append.partitions_left -= 1
        if not append.partitions_left:
            self._appends_waiting -= 1
            self._bytes_waiting -= append.size

    async def _ready(self) -> AIOKafkaProducer:
        """A producer that is connected, however long that takes."""
        if self._producer is not None:
            return self._producer
        wait_s = CONNECT_WAIT_S
        while True:
            async with self._connecting:
                if self._producer is not None:
                    return self._producer
                try:
                    with explained(self._kafka):
                        self._producer = await self._connect()
                except LogError as trouble:
                    self._say(trouble)
                else:
                    return self._producer
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, CONNECT_WAIT_S_MAX)

    async def _connect(self) -> AIOKafkaProducer:
        return await connected(self._settings, self._kafka.topic)

    def _discard(self, producer: AIOKafkaProducer | None) -> None:
        """Do without this one from now on."""
        if producer is None or self._producer is not producer:
            return
        self._producer = None
        disposal = asyncio.create_task(self._dispose(producer))
        self._disposals.add(disposal)
        disposal.add_done_callback(self._disposals.discard)

    async def _dispose(self, producer: AIOKafkaProducer) -> None:
        """Let it finish what is under way, for as long as that may take."""
        flush_s, stop_s = self._kafka.append_timeout_s, 2 * self._kafka.request_timeout_s
        await let_go(producer, *((CLOSE_S_MAX, CLOSE_S_MAX) if self._closing else (flush_s, stop_s)))

    def _say(self, trouble: LogError | None) -> None:
        """One line for each change."""
        if trouble and not self._away:
            logger.warning("nothing can be appended, trying until it can: %s", trouble)
        elif self._away and not trouble:
            logger.info("what is appended is acknowledged again")
        self._away = trouble is not None
