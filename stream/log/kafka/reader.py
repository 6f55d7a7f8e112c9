"""Reads records from Kafka at any positions."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping
from typing import Final

from aiokafka import errors
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from stream.log.interface import LogReplacedError, Record
from stream.log.kafka.connection import RETRY_S, Connection
from stream.log.kafka.errors import explained
from stream.log.kafka.record import records_of
from stream.settings import MIB

POLL_MS: Final = 100
"""How long one question waits at a broker for records: bounds how long those behind it on the connection wait."""
SHARE_BYTES_MIN: Final = 2 * MIB
"""Of one partition in an answer: less than a record may have would let it wait for all others to have nothing."""
NOBODY: Final = -1
"""A reader is not a replica."""
UNCOMMITTED: Final = 0
"""The level of isolation: there are no transactions."""
EARLIEST, LATEST = -2, -1


class KafkaReader:
    """Reads by itself, without a group. What a broker sent that was not asked for yet is kept for the next read that
    goes on there; no more than one answer of each broker."""

    def __init__(self, connection: Connection, fetch_bytes_max: int, share_bytes_min: int = SHARE_BYTES_MIN) -> None:
        """``fetch_bytes_max`` is asked for at once, as it is compressed; of each partition at least
        ``share_bytes_min``."""
        self._connection = connection
        self._fetch_bytes_max = fetch_bytes_max
        self._share_bytes_min = share_bytes_min
        self._settings = connection.settings
        self._topic = connection.settings.topic
        self._ready: dict[int, deque[Record]] = {}
        self._turn = 0
        self._one_at_a_time = asyncio.Lock()

    async def read(
        self, positions: Mapping[int, int], *, messages_max: int, bytes_max: int, wait_s: float
    ) -> list[Record]:
        """As ``Log.read``. A broker that does not answer is asked again for as long as the wait or a request may take,
        then ``LogUnavailableError`` is raised, unless others had something."""
        deadline = time.monotonic() + wait_s
        give_up = max(deadline, time.monotonic() + self._settings.request_timeout_s)
        while True:
            with explained(self._settings):
                try:
                    async with self._one_at_a_time:
                        waits = time.monotonic() < deadline
                        await self._fill(positions, messages_max, bytes_max, POLL_MS if waits else 0)
                        found = self._take(positions, messages_max, bytes_max)
                except errors.KafkaError as error:
                    if not error.retriable or time.monotonic() >= give_up:
                        raise
                    self._connection.look_again()
                    await asyncio.sleep(RETRY_S)
                    continue
            if found or time.monotonic() >= deadline:
                return found

    async def offsets(self, partitions: Collection[int], which: int) -> dict[int, int]:
        """Where the partitions begin (``EARLIEST``) or end (``LATEST``), or what has a time in milliseconds or a later
        one, -1 where nothing has. Raises ``LogUnavailableError``."""
        give_up = time.monotonic() + self._settings.request_timeout_s
        found: dict[int, int] = {}
        while missing := [partition for partition in partitions if partition not in found]:
            with explained(self._settings):
                try:
                    for broker, some in self._connection.leaders(missing).items():
                        request = OffsetRequest(NOBODY, UNCOMMITTED, [(self._topic, [(one, which) for one in some])])
                        ((_, answers),) = (await self._connection.ask(request, broker)).topics
                        for partition, code, _, offset in answers:
                            _check(code)
                            found[partition] = offset
                    if len(found) < len(partitions):
                        raise errors.LeaderNotAvailableError
                except errors.KafkaError as error:
                    if not error.retriable or time.monotonic() >= give_up:
                        raise
                    self._connection.look_again()
                    await asyncio.sleep(RETRY_S)
        return found

    async def _fill(self, positions: Mapping[int, int], messages_max: int, bytes_max: int, wait_ms: int) -> None:
        """Fetch until there is enough, or no more; wait for the first records only. Raises ``KafkaError`` when nothing
        could be fetched from anywhere."""
        self._forget(positions)
        at = {
            partition: self._ready[partition][-1].offset + 1 if partition in self._ready else position
            for partition, position in positions.items()
        }
        unread = set(at)
        while unread and not self._is_enough(positions, messages_max, bytes_max):
            wait = 0 if any(partition in self._ready for partition in positions) else wait_ms
            leaders = self._connection.leaders(unread)
            if not leaders:
                raise errors.LeaderNotAvailableError
            tried = await asyncio.gather(
                *(self._fetch(broker, {one: at[one] for one in some}, wait) for broker, some in leaders.items()),
                return_exceptions=True,
            )
            failures = [one for one in tried if isinstance(one, BaseException)]
            for failure in failures:
                if len(failures) == len(tried) or not isinstance(failure, errors.KafkaError):
                    raise failure
                self._connection.look_again()
            unread = set()
            for further, more in (one for one in tried if not isinstance(one, BaseException)):
                at |= further
                unread |= more

    def _forget(self, positions: Mapping[int, int]) -> None:
        for partition in self._ready.keys() - positions.keys():
            del self._ready[partition]
        for partition, position in positions.items():
            ready = self._ready.get(partition)
            while ready and ready[0].offset < position:
                ready.popleft()
            if not ready or ready[0].offset != position:
                self._ready.pop(partition, None)

    def _is_enough(self, positions: Mapping[int, int], messages_max: int, bytes_max: int) -> bool:
        ready = [record for partition in positions for record in self._ready.get(partition, ())]
        return (
            sum(record.count for record in ready) >= messages_max
            or sum(len(record.frame) for record in ready) >= bytes_max
        )

    async def _fetch(self, broker: int, positions: Mapping[int, int], wait_ms: int) -> tuple[dict[int, int], set[int]]:
        """Keep what one broker has there; returns where each partition goes on, and which have more now."""
        turn = self._turn % len(positions)
        order = [*positions][turn:] + [*positions][:turn]
        share = max(self._fetch_bytes_max // len(positions), self._share_bytes_min)
        request = FetchRequest(
            wait_ms,
            1,
            self._fetch_bytes_max,
            UNCOMMITTED,
            [(self._topic, [(partition, positions[partition], share) for partition in order])],
        )
        answer = await self._connection.ask(request, broker)
        at: dict[int, int] = {}
        more: set[int] = set()
        for partition, code, end, *_, fetched in answer.topics[0][1] if answer.topics else ():
            position = positions[partition]
            if errors.for_code(code) is errors.OffsetOutOfRangeError:
                at[partition] = await self._head(partition, position)
                more.add(partition)
                continue
            _check(code)
            at[partition] = self._keep(partition, position, fetched or b"")
            if at[partition] < end:
                more.add(partition)
        return at, more

    def _keep(self, partition: int, position: int, fetched: bytes) -> int:
        for following, record in records_of(partition, fetched, position):
            position = following
            if record is not None:
                self._ready.setdefault(partition, deque()).append(record)
        return position

    async def _head(self, partition: int, position: int) -> int:
        """Where a partition goes on whose position is not there."""
        head = (await self.offsets([partition], EARLIEST))[partition]
        if position > head:
            raise LogReplacedError(
                f"partition {partition} of topic {self._topic!r} ends before offset {position}, which was read already:"
                " the brokers have lost records, or the topic was made anew"
            )
        return head

    def _take(self, positions: Mapping[int, int], messages_max: int, bytes_max: int) -> list[Record]:
        """A record of each partition in turn, another partition first each time."""
        self._turn += 1
        behind = [partition for partition in sorted(positions) if partition in self._ready]
        first = self._turn % len(behind) if behind else 0
        turns = deque(behind[first:] + behind[:first])
        found: list[Record] = []
        messages = size = 0
        while turns and messages < messages_max and size < bytes_max:
            partition = turns.popleft()
            ready = self._ready[partition]
            found.append(ready.popleft())
            messages += found[-1].count
            size += len(found[-1].frame)
            if ready:
                turns.append(partition)
            else:
                del self._ready[partition]
        return sorted(found, key=lambda record: (record.partition, record.offset))


def _check(code: int) -> None:
    error = errors.for_code(code)
    if error is not errors.NoError:
        raise error
