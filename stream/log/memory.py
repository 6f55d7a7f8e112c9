"""A log in memory with the contract of the real ones: for tests and for the simulator."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile

from stream.log.grouping import group, size_of
from stream.log.interface import Lag, LogFullError, LogUnavailableError, Record
from stream.log.message import shared_out
from stream.log.writer import CLOSED, Clock
from stream.settings import LogSettings


class MemoryLog:
    """``stream.log.interface.Log``, as durable as the process. Belongs to one event loop."""

    def __init__(
        self,
        settings: LogSettings,
        *,
        topic_id: str = "memory",
        epoch: int = 1,
        follows: str = "",
        clock: Clock = time.time,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._topic_id = topic_id
        self._epoch = epoch
        self._follows = follows
        self._next: MemoryLog | None = None
        self._records: list[deque[Record]] = [deque() for _ in range(settings.partitions)]
        self._ends = [0] * settings.partitions
        self._positions = [0] * settings.partitions
        self._waiting: list[tuple[Mapping[int, Sequence[bytes]], bool, asyncio.Future[None]]] = []
        self._appended = asyncio.Event()
        self._reads = 0
        self._closed = False

    @property
    def topic_id(self) -> str:
        """As given."""
        return self._topic_id

    @property
    def epoch(self) -> int:
        """As given."""
        return self._epoch

    @property
    def partitions(self) -> int:
        """As in the settings."""
        return len(self._records)

    @property
    def follows(self) -> str:
        """As given."""
        return self._follows

    def go_on(self, following: MemoryLog) -> None:
        """From now on all that is appended goes there."""
        self._next = following

    async def append(self, messages: Mapping[int, Sequence[bytes]], *, internal: bool = False) -> None:
        """See ``Log.append``: all that is appended before the event loop comes round shares a commit."""
        self._check(messages)
        if self._next is not None:
            await self._next.append(shared_out(messages, self._next.partitions), internal=internal)
            return
        if self._waiting and not internal:
            waiting_bytes = sum(size_of(some) for some, _, _ in self._waiting)
            over_bytes = waiting_bytes + size_of(messages) > self._settings.waiting_bytes_max
            if over_bytes or len(self._waiting) >= self._settings.waiting_appends_max:
                raise LogFullError("too many touchpoints wait: send them again in a moment")
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        written: asyncio.Future[None] = loop.create_future()
        self._waiting.append((messages, internal, written))
        await written

    async def read(self, positions: Mapping[int, int], *, messages_max: int, wait_s: float) -> list[Record]:
        """See ``Log.read``."""
        self._check(positions)
        deadline = time.monotonic() + wait_s
        while True:
            found = self._find(positions, messages_max)
            left_s = deadline - time.monotonic()
            if found or left_s <= 0:
                return found
            self._appended.clear()
            try:
                await asyncio.wait_for(self._appended.wait(), left_s)
            except TimeoutError:
                return []

    async def commit(self, positions: Mapping[int, int]) -> None:
        """See ``Log.commit``."""
        self._check(positions)
        for partition, offset in positions.items():
            self._positions[partition] = offset

    async def positions(self) -> dict[int, int]:
        """See ``Log.positions``."""
        return dict(enumerate(self._positions))

    async def heads(self) -> dict[int, int]:
        """See ``Log.heads``."""
        return {p: records[0].offset if records else self._ends[p] for p, records in enumerate(self._records)}

    async def ends(self) -> dict[int, int]:
        """See ``Log.ends``."""
        return dict(enumerate(self._ends))

    async def since(self, time_ms: int) -> dict[int, int]:
        """See ``Log.since``."""
        return {
            partition: next((one.offset for one in records if one.appended_at >= time_ms), self._ends[partition])
            for partition, records in enumerate(self._records)
        }

    async def lag(self, partitions: Collection[int] | None = None) -> Lag:
        """See ``Log.lag``."""
        asked = range(self.partitions) if partitions is None else partitions
        left = [record for partition in asked for record in self._uncommitted(partition)]
        return Lag(
            messages=sum(record.count for record in left),
            bytes=sum(len(record.frame) for record in left),
            oldest_appended_at=min((record.appended_at for record in left), default=None),
        )

    async def trim(self, *, older_than_s: float, keep_bytes: int) -> int:
        """See ``Log.trim``."""
        older_than = (self._clock() - older_than_s) * 1000
        trimmed = 0
        while candidates := [some[0] for some in self._records if some and self._is_committed(some[0])]:
            oldest = min(candidates, key=lambda record: record.appended_at)
            if oldest.appended_at >= older_than and self._held_bytes() <= keep_bytes:
                break
            self._records[oldest.partition].popleft()
            trimmed += 1
        return trimmed

    async def is_used_up(self, positions: Mapping[int, int]) -> bool:
        """See ``Log.is_used_up``."""
        self._check(positions)
        return self._next is not None and all(at >= self._ends[partition] for partition, at in positions.items())

    async def close(self) -> None:
        """See ``Log.close``."""
        if self._waiting:
            self._flush()
        self._closed = True

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        backlog = sum(len(record.frame) for at in range(self.partitions) for record in self._uncommitted(at))
        full = backlog >= self._settings.backlog_bytes_max
        new = group(
            [messages for messages, internal, _ in waiting if internal or not full],
            messages_max=self._settings.frame_messages_max,
            bytes_max=self._settings.frame_bytes_max,
        )
        appended_at = int(self._clock() * 1000)
        for record in new:
            offset = self._ends[record.partition]
            self._ends[record.partition] = offset + 1
            self._records[record.partition].append(
                Record(
                    partition=record.partition,
                    offset=offset,
                    appended_at=appended_at,
                    count=record.count,
                    frame=record.frame,
                )
            )
        self._appended.set()
        for _, internal, written in waiting:
            if written.done():
                continue
            if full and not internal:
                written.set_exception(LogFullError("too much waits for the workers: send again later"))
            else:
                written.set_result(None)

    def _find(self, positions: Mapping[int, int], messages_max: int) -> list[Record]:
        self._reads += 1
        behind = [partition for partition, at in sorted(positions.items()) if at < self._ends[partition]]
        first = self._reads % len(behind) if behind else 0
        turns = deque(
            iter([record for record in self._records[partition] if record.offset >= positions[partition]])
            for partition in behind[first:] + behind[:first]
        )
        found: list[Record] = []
        messages = size = 0
        while turns and messages < messages_max and size < self._settings.read_bytes_max:
            turn = turns.popleft()
            if record := next(turn, None):
                found.append(record)
                messages += record.count
                size += len(record.frame)
                turns.append(turn)
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def _uncommitted(self, partition: int) -> Iterator[Record]:
        return takewhile(lambda record: not self._is_committed(record), reversed(self._records[partition]))

    def _is_committed(self, record: Record) -> bool:
        return record.offset < self._positions[record.partition]

    def _held_bytes(self) -> int:
        return sum(len(record.frame) for records in self._records for record in records)

    def _check(self, by_partition: Mapping[int, object]) -> None:
        if self._closed:
            raise LogUnavailableError(CLOSED)
        if wrong := [partition for partition in by_partition if not 0 <= partition < self.partitions]:
            raise ValueError(f"there is no partition {wrong[0]}: the log has {self.partitions}, numbered from 0")
