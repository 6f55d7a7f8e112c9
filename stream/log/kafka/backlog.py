"""How much the workers have before them, as whoever appends has to know it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final

from stream.log.interface import Lag, LogError, LogFullError, LogReplacedError
from stream.log.writer import Clock
from stream.settings import LogSettings

LOOK_INTERVAL_S: Final = 1.0
"""Between two looks while less waits than may."""


class KafkaBacklog:
    """What was seen last, and what this process has appended since; other processes' is seen at the next look."""

    def __init__(self, lag: Callable[[], Awaitable[Lag]], settings: LogSettings, clock: Clock) -> None:
        self._lag = lag
        self._settings = settings
        self._clock = clock
        self._bytes = 0
        self._since_look = 0
        self._oldest: int | None = None
        self._looked_at = 0.0
        self._looking: asyncio.Task[None] | None = None

    def appended(self, size: int) -> None:
        """So many bytes more."""
        self._bytes += size
        self._since_look += size

    async def require_room(self) -> None:
        """Raises ``LogFullError`` while too much waits, or for so long that the brokers would soon forget it. A look
        that fails changes nothing: an append would fail, too, and say why."""
        if time.monotonic() - self._looked_at >= LOOK_INTERVAL_S:
            self._look()
        if self._refusal() or not self._looked_at:
            await asyncio.wait([self._look()], timeout=self._settings.kafka.request_timeout_s)
        if why := self._refusal():
            raise LogFullError(f"{why}: send again later; are store and workers well?")

    async def close(self) -> None:
        """Look no more."""
        if self._looking:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def _refusal(self) -> str | None:
        if self._bytes >= self._settings.backlog_bytes_max:
            return f"{self._bytes >> 20} MiB wait for the workers, which is the limit"
        age_s = self._clock() - self._oldest / 1000 if self._oldest is not None else 0.0
        if age_s >= self._settings.kafka.retention_s / 2:
            return f"what waits for the workers is {age_s / 3600:.0f} h old, and the brokers do not keep it for ever"
        return None

    def _look(self) -> asyncio.Task[None]:
        """One look at a time: the one under way, if there is one."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_once())
        return self._looking

    async def _look_once(self) -> None:
        self._since_look = 0
        with contextlib.suppress(LogError, LogReplacedError):
            lag = await self._lag()
            self._oldest = lag.oldest_appended_at
            self._bytes = lag.bytes + self._since_look
        self._looked_at = time.monotonic()
