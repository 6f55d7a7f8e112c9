"""The embedded log: a SQLite file that ingest and workers open at the same time.

``log = await SqliteLog.open(directory, settings)`` creates it when there is none. Nothing blocks the event loop: one
thread writes, one reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from stream.log.interface import Lag, LogStatus, LogUnavailableError, Record
from stream.log.marks import Edge, Marks, lag, read_marks, read_topic
from stream.log.sqlite_errors import explained
from stream.log.sqlite_file import FILE_NAME, LogFile
from stream.log.watch import Watch
from stream.log.writer import CLOSED, Clock, Writer
from stream.settings import LogSettings

T = TypeVar("T")


class SqliteLog:
    """``stream.log.interface.Log`` on SQLite. Every ``append``, ``commit`` and ``trim`` is fsynced when it returns.
    Made by ``open``; belongs to the event loop that made it."""

    def __init__(self, reading: LogFile, writer: Writer, watch: Watch, clock: Clock) -> None:
        self._reading = reading
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="log-reader")
        self._writer = writer
        self._watch = watch
        self._clock = clock
        self._closed = False

    @classmethod
    async def open(cls, directory: Path, settings: LogSettings, *, clock: Clock = time.time) -> Self:
        """Open the log in ``directory``, and create it when there is none. Raises ``LogUnavailableError``."""
        reading = await asyncio.to_thread(LogFile, directory, settings)
        try:
            writing = await asyncio.to_thread(LogFile, directory, settings)
        except BaseException:
            reading.close()
            raise
        return cls(reading, Writer(writing, directory, settings, clock), Watch(directory, settings), clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def topic_id(self) -> str:
        """Made with the file."""
        return self._reading.topic.topic_id

    @property
    def epoch(self) -> int:
        """Of the file; 1 for one that was made empty."""
        return self._reading.topic.epoch

    @property
    def partitions(self) -> int:
        """Fixed with the file."""
        return self._reading.topic.partitions

    @property
    def follows(self) -> str:
        """Nothing: there is one file, and its number of partitions is fixed."""
        return ""

    async def append(self, messages: Mapping[int, Sequence[bytes]], *, internal: bool = False) -> None:
        """See ``Log.append``. A disk with less than ``disk_reserve_bytes`` free counts as full."""
        self._check(messages)
        await self._writer.append(messages, internal=internal)

    async def read(self, positions: Mapping[int, int], *, messages_max: int, wait_s: float) -> list[Record]:
        """See ``Log.read``. What another process commits is seen within ``poll_interval_s``."""
        self._check(positions)
        deadline = time.monotonic() + wait_s
        while True:
            seen = self._watch.seen
            records = await self._in_reader(lambda file: file.read(positions, messages_max=messages_max))
            left_s = deadline - time.monotonic()
            if records or left_s <= 0:
                return records
            if seen == self._watch.seen and not await self._watch.news(left_s):
                return []

    async def commit(self, positions: Mapping[int, int]) -> None:
        """See ``Log.commit``."""
        self._check(positions)
        await self._writer.do(lambda file: file.commit(positions))

    async def positions(self) -> dict[int, int]:
        """See ``Log.positions``."""
        return offsets((await self._marks()).positions)

    async def heads(self) -> dict[int, int]:
        """See ``Log.heads``."""
        return offsets((await self._marks()).heads)

    async def ends(self) -> dict[int, int]:
        """See ``Log.ends``."""
        return offsets((await self._marks()).ends)

    async def since(self, time_ms: int) -> dict[int, int]:
        """See ``Log.since``."""
        return await self._in_reader(lambda file: file.since(time_ms))

    async def lag(self, partitions: Collection[int] | None = None) -> Lag:
        """See ``Log.lag``."""
        return await self._in_reader(lambda file: file.lag(partitions))

    async def trim(self, *, older_than_s: float, keep_bytes: int) -> int:
        """See ``Log.trim``. In small transactions; the file keeps the space for what comes next."""
        older_than = int((self._clock() - older_than_s) * 1000)
        trimmed = 0
        while some := await self._writer.do(lambda file: file.trim(older_than=older_than, keep_bytes=keep_bytes)):
            trimmed += some
        return trimmed

    async def is_used_up(self, positions: Mapping[int, int]) -> bool:
        """Never: see ``follows``."""
        return False

    async def close(self) -> None:
        """See ``Log.close``."""
        if not self._closed:
            self._closed = True
            await self._watch.close()
            await self._writer.close()
            await self._in_reader(LogFile.close)
            self._reader.shutdown()

    async def _marks(self) -> Marks:
        return await self._in_reader(LogFile.snapshot)

    async def _in_reader(self, work: Callable[[LogFile], T]) -> T:
        try:
            working = asyncio.get_running_loop().run_in_executor(self._reader, work, self._reading)
        except RuntimeError as error:  # shut down
            raise LogUnavailableError(CLOSED) from error
        return await working

    def _check(self, by_partition: Mapping[int, object]) -> None:
        if wrong := [partition for partition in by_partition if not 0 <= partition < self.partitions]:
            raise ValueError(f"there is no partition {wrong[0]}: the log has {self.partitions}, numbered from 0")


def read_status(directory: Path, settings: LogSettings) -> LogStatus | None:
    """How the log in ``directory`` stands, whoever has it open; None when there is none. Blocks; creates nothing."""
    path = directory / FILE_NAME
    if not path.exists():
        return None
    with (
        explained(directory, settings),
        contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection,
    ):
        connection.execute("BEGIN")
        topic = read_topic(connection, directory)
        marks = read_marks(connection)
        return LogStatus(
            topic_id=topic.topic_id,
            epoch=topic.epoch,
            partitions=topic.partitions,
            positions=offsets(marks.positions),
            ends=offsets(marks.ends),
            lag=lag(connection, marks),
            file_bytes=path.stat().st_size,
        )


def offsets(edges: list[Edge]) -> dict[int, int]:
    """The offsets by partition."""
    return {partition: edge.offset for partition, edge in enumerate(edges)}
