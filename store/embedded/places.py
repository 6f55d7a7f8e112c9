"""How many statements run at once, and how many wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from store.embedded.refusal import TOO_MANY_SIMULTANEOUS_QUERIES, RefusedError


class Places:
    """A bounded number of places and a bounded queue for them."""

    def __init__(self, *, places: int, waiting_max: int, wait_s_max: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._places = places
        self._waiting = 0
        self._waiting_max = waiting_max
        self._wait_s_max = wait_s_max

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncGenerator[None, None]:
        """Have a place meanwhile. Raises ``RefusedError`` when too many wait or it takes too long."""
        if self._free.locked() and self._waiting >= self._waiting_max:
            raise self._full()
        self._waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), self._wait_s_max)
        except TimeoutError:
            raise self._full() from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()

    def _full(self) -> RefusedError:
        return RefusedError(
            TOO_MANY_SIMULTANEOUS_QUERIES, f"Too many simultaneous queries. Maximum: {self._places}; try again later"
        )
