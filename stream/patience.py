"""Asking the store, and the log, until they answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from store.interface import StoreError, StoreUnavailableError, UnwritableRowError
from stream.log.interface import LogError
from stream.metrics import WorkerMetrics

logger = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_WAIT_S = 0.1


class Patience:
    """The store may be away for as long as it likes: the worker waits, with growing pauses, and says so once."""

    def __init__(self, wait_s_max: float, metrics: WorkerMetrics) -> None:
        self._wait_s_max = wait_s_max
        self._metrics = metrics
        self._waiting = False
        self.progress_at = time.monotonic()
        """When a question was last answered or refused: the health check's clock. Waiting is progress, hanging is
        not."""

    async def __call__(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The store's answer, however long it takes. Only ``UnwritableRowError`` comes through."""
        wait_s = min(FIRST_WAIT_S, self._wait_s_max)
        while True:
            try:
                answer = await ask()
            except UnwritableRowError:
                raise
            except StoreError as trouble:
                self._say(trouble)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, self._wait_s_max)
            else:
                self._answered()
                return answer
            finally:
                self.progress_at = time.monotonic()

    def _say(self, trouble: StoreError) -> None:
        self._metrics.store_waits.inc()
        if not self._waiting:
            self._waiting = True
            self._metrics.waiting_for_store.set(1)
            away = isinstance(trouble, StoreUnavailableError)
            logger.warning("the store %s, trying until it does: %s", "does not answer" if away else "refuses", trouble)

    def _answered(self) -> None:
        if self._waiting:
            self._waiting = False
            self._metrics.waiting_for_store.set(0)
            logger.info("the store answers again")


class LogPatience:
    """The same for the log. What was given up may have been done all the same: what it is asked may be done twice."""

    def __init__(self, use: str, wait_s_max: float, store: Patience) -> None:
        """``use``: what of the log is waited for, as in "cannot be read"."""
        self._use = use
        self._wait_s_max = wait_s_max
        self._wait_s = min(FIRST_WAIT_S, wait_s_max)
        self._store = store
        self._waiting = False

    async def __call__(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The log's answer, however long it takes."""
        while True:
            try:
                answer = await ask()
            except LogError as trouble:
                await self.wait(trouble)
            else:
                self.answered()
                return answer

    async def wait(self, trouble: LogError) -> None:
        """After each failure a longer pause; one line for the first."""
        self._store.progress_at = time.monotonic()
        if not self._waiting:
            self._waiting = True
            logger.warning("the log cannot be %s, trying until it can: %s", self._use, trouble)
        await asyncio.sleep(self._wait_s)
        self._wait_s = min(self._wait_s * 2, self._wait_s_max)

    def answered(self) -> None:
        """It did."""
        self._store.progress_at = time.monotonic()
        self._wait_s = min(FIRST_WAIT_S, self._wait_s_max)
        if self._waiting:
            self._waiting = False
            logger.info("the log can be %s again", self._use)
