"""The one thread of a process that looks out for what other processes commit to the embedded log."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path

from stream.log.interface import LogError
from stream.log.sqlite_file import LogFile
from stream.settings import LogSettings


class Watch:
    """Looks every ``poll_interval_s`` as long as somebody waits. Its methods are for one event loop, the one it was
    made in."""

    def __init__(self, directory: Path, settings: LogSettings) -> None:
        self._directory = directory
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self.seen = 0
        """Commits seen, or more: when it has not moved since before a read, nothing has come since that read which
        ``news`` would miss."""

    async def news(self, wait_s: float) -> bool:
        """Wait until somebody has committed something; False when nobody has."""
        waiting = self._loop.create_future()
        with self._changed:
            self._waiting.add(waiting)
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log-watch", daemon=True)
            self._thread.start()
        try:
            await asyncio.wait_for(waiting, wait_s)
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(waiting)
        return True

    async def close(self) -> None:
        """Wake whoever waits, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._wake()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        file: LogFile | None = None
        version = None
        while self._is_wanted():
            try:
                file = file or LogFile(self._directory, self._settings)
                before, version = version, file.version()
            except LogError:  # whoever waits reads again, and is told
                version = None
                before = 0
                time.sleep(self._settings.poll_interval_s * 10)
            if version != before:
                with contextlib.suppress(RuntimeError):  # the loop has gone, and with it whoever waited
                    self._loop.call_soon_threadsafe(self._wake)
            time.sleep(self._settings.poll_interval_s)
        if file is not None:
            with contextlib.suppress(LogError):
                file.close()

    def _is_wanted(self) -> bool:
        """Wait until somebody waits; False at the end."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            return not self._closing

    def _wake(self) -> None:
        self.seen += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
