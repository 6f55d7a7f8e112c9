"""The client for code that awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

from tappa_sdk.client import Client
from tappa_sdk.item import Item

Self = TypeVar("Self", bound="AsyncTappa")

_THREADS_MAX = 16
"""Calls that wait for the disk at the same time: they share one commit."""
_ROOM_S = 0.05
"""How often a call without room looks whether there is some."""


class AsyncTappa(Client[Coroutine[Any, Any, str]]):
    """``async with AsyncTappa("WRITE_KEY", "https://touch.example.com") as tappa: await tappa.track(…)``

    The event loop waits for neither network nor disk. The thread that sends, and all that it promises, is that of
    ``Tappa``; ``on_error`` is called from it, not from the loop."""

    async def _put(self, item: Item) -> str:
        while not (await self._on_disk(item) if self._spools else self._offer((item,))):  # noqa: ASYNC110 - a thread makes room
            await asyncio.sleep(_ROOM_S)
        return item.message_id

    async def flush(self, timeout_s: float | None = None) -> bool:
        """Send at once what waits. True: all that was called before has its verdict (with a spool: all that waited in
        it, too). False: the time was over first."""
        return await asyncio.to_thread(self._flush, timeout_s)

    async def close(self, timeout_s: float | None = None) -> bool:
        """As ``flush``, for at most ``close_timeout_s`` if no time is given; then stop. What is not sent is told to
        ``on_error``, or stays in the spool. The program's end does the same."""
        return await asyncio.to_thread(self._close, self._close_timeout_s if timeout_s is None else timeout_s)

    async def __aenter__(self: Self) -> Self:
        """Close it at the end of the block."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _on_disk(self, item: Item) -> bool:
        """Take it in a thread that may wait for the disk; False: there is no room."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS_MAX, thread_name_prefix="tappa-sdk-put")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._offer, (item,))

    _pool: ThreadPoolExecutor | None = None

    def _after_fork_in_child(self) -> None:
        super()._after_fork_in_child()
        self._pool = None
