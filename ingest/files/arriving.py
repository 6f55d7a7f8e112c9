"""A body as a stream that a thread reads while the event loop receives it: no faster, and no more of it, than is
asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from io import BufferedReader, RawIOBase
from typing import Any, Final

from ingest.body import too_large
from ingest.refusals import Code, RequestRefusedError

BUFFER_BYTES: Final = 1 << 16


class Arriving(RawIOBase):
    """The bytes of a body, each read once. Reading raises ``RequestRefusedError`` when nothing comes for
    ``timeout_s``, and what ``chunks`` raises. While nobody reads, nothing is received, and the sender has to wait."""

    def __init__(self, chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop, *, timeout_s: float) -> None:
        self._chunks = chunks
        self._loop = loop
        self._timeout_s = timeout_s
        self._left = b""
        self._waiting: Future[bytes] | None = None
        self._given_up = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, into: Any) -> int:
        """As ``io.RawIOBase`` says."""
        if not self._left:
            self._left = self._next()
        size = min(len(into), len(self._left))
        into[:size], self._left = self._left[:size], self._left[size:]
        return size

    def give_up(self) -> None:
        """Whoever reads, or will, gets ``CancelledError``: nobody waits for what will not come."""
        self._given_up = True
        if self._waiting is not None:
            self._waiting.cancel()

    def _next(self) -> bytes:
        self._waiting = asyncio.run_coroutine_threadsafe(self._received(), self._loop)
        if self._given_up:
            self._waiting.cancel()
        return self._waiting.result()

    async def _received(self) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                async for chunk in self._chunks:
                    if chunk:
                        return chunk
        except TimeoutError:
            raise RequestRefusedError(Code.BODY_TIMEOUT, f"nothing came for {self._timeout_s:g} s") from None
        return b""


class Limited(RawIOBase):
    """A stream that raises ``RequestRefusedError`` once it has more than ``bytes_max``."""

    def __init__(self, content: Any, bytes_max: int) -> None:
        self._content = content
        self._bytes_max = bytes_max
        self._read = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, into: Any) -> int:
        """As ``io.RawIOBase`` says."""
        size: int = self._content.readinto(into)
        self._read += size
        if self._read > self._bytes_max:
            raise too_large(self._bytes_max)
        return size


def buffered(stream: RawIOBase) -> BufferedReader:
    """The stream with a buffer."""
    return BufferedReader(stream, BUFFER_BYTES)
