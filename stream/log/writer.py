"""The one thread of a process that writes the embedded log: all appends that wait share a commit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Final

from stream.log.grouping import group, size_of
from stream.log.interface import LogError, LogFullError, LogUnavailableError
from stream.log.sqlite_errors import explained
from stream.log.sqlite_file import LogFile
from stream.settings import LogSettings

Clock = Callable[[], float]
CLOSED: Final = "the log is closed: this process is ending"


class Waiting:
    """Something to write, and who waits for it."""

    __slots__ = ("answer", "failure", "internal", "messages", "result", "size", "work")

    def __init__(
        self,
        answer: asyncio.Future[Any],
        messages: Mapping[int, Sequence[bytes]] | None = None,
        internal: bool = False,
        work: Callable[[LogFile], Any] | None = None,
    ) -> None:
        self.answer = answer
        self.messages = messages or {}
        self.internal = internal
        self.work = work
        self.size = size_of(self.messages)
        self.result: Any = None
        self.failure: Exception | None = None


class Writer:
    """Owns a connection and a thread. Its methods are for one event loop, the one it was made in."""

    def __init__(self, file: LogFile, directory: Path, settings: LogSettings, clock: Clock) -> None:
        self._file = file
        self._directory = directory
        self._settings = settings
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Waiting] = deque()
        self._queued = threading.Condition()
        self._closing = False
        self._appends_waiting = 0
        self._bytes_waiting = 0
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    async def append(self, messages: Mapping[int, Sequence[bytes]], *, internal: bool) -> None:
        """As ``Log.append``."""
        waiting = Waiting(self._loop.create_future(), messages, internal)
        settings = self._settings
        if (
            self._appends_waiting
            and not internal
            and (
                self._appends_waiting >= settings.waiting_appends_max
                or self._bytes_waiting + waiting.size > settings.waiting_bytes_max
            )
        ):
            raise LogFullError("too many touchpoints wait for the disk: send them again in a moment")
        self._appends_waiting += 1
        self._bytes_waiting += waiting.size
        await self._enqueue(waiting)

    async def do(self, work: Callable[[LogFile], Any]) -> Any:
        """Run ``work`` in a transaction of its own; returns what it returns."""
        return await self._enqueue(Waiting(self._loop.create_future(), work=work))

    async def close(self) -> None:
        """Write all that waits, then end the thread and let go of the file."""
        with self._queued:
            self._closing = True
            self._queued.notify()
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._file.close)

    async def _enqueue(self, waiting: Waiting) -> Any:
        with self._queued:
            if self._closing:
                raise LogUnavailableError(CLOSED)
            self._queue.append(waiting)
            self._queued.notify()
        return await waiting.answer

    def _run(self) -> None:
        while batch := self._next():
            try:
                self._write(batch)
            except LogError as error:
                for waiting in batch:
                    waiting.failure = error
            except Exception as error:  # a bug must not leave anybody waiting for ever
                for waiting in batch:
                    waiting.failure = error
            with contextlib.suppress(RuntimeError):  # the loop has gone, and with it whoever waited
                self._loop.call_soon_threadsafe(self._answer, batch)

    def _next(self) -> list[Waiting]:
        """What is written next: appends that fit into a commit, or one other work; nothing at the end."""
        with self._queued:
            while not self._queue and not self._closing:
                self._queued.wait()
            batch: list[Waiting] = []
            size = 0
            while self._queue and (not batch or self._queue[0].work is None):
                size += self._queue[0].size
                if batch and size > self._settings.commit_bytes_max:
                    break
                batch.append(self._queue.popleft())
                if batch[0].work:
                    break
            return batch

    def _write(self, batch: list[Waiting]) -> None:
        if work := batch[0].work:
            with self._file.writing():
                batch[0].result = work(self._file)
            return
        disk = self._disk_refusal()
        with self._file.writing():
            refusal = disk or self._backlog_refusal()
            for waiting in batch:
                waiting.failure = None if waiting.internal else refusal
            records = group(
                [waiting.messages for waiting in batch if not waiting.failure],
                messages_max=self._settings.frame_messages_max,
                bytes_max=self._settings.frame_bytes_max,
            )
            if records:
                self._file.append(records, int(self._clock() * 1000))

    def _disk_refusal(self) -> LogFullError | None:
        with explained(self._directory, self._settings):
            disk = os.statvfs(self._directory)
        free = disk.f_bavail * disk.f_frsize
        if free >= self._settings.disk_reserve_bytes:
            return None
        return LogFullError(
            f"only {free >> 20} MiB are free on the disk that holds {self._directory}, and"
            f" {self._settings.disk_reserve_bytes >> 20} are kept for what was accepted: free some space"
        )

    def _backlog_refusal(self) -> LogFullError | None:
        backlog = self._file.marks().backlog_bytes
        if backlog < self._settings.backlog_bytes_max:
            return None
        return LogFullError(
            f"{backlog >> 20} MiB wait for the workers, which is the limit: send again later; are store and worker"
            " well?"
        )

    def _answer(self, batch: list[Waiting]) -> None:
        for waiting in batch:
            if waiting.work is None:
                self._appends_waiting -= 1
                self._bytes_waiting -= waiting.size
            if waiting.answer.done():
                continue
            if waiting.failure:
                waiting.answer.set_exception(copy(waiting.failure))  # a traceback each
            else:
                waiting.answer.set_result(waiting.result)
