"""The body of a request: received in pieces, its encodings undone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from starlette.types import Receive

from store.embedded.encoding import decoder
from store.embedded.framing import Unframer

BATCH_BYTES: Final = 1 << 20
"""As much is collected before it is handed on: every hand-over to a thread costs."""


class ClientGoneError(Exception):
    """The client went away, or was too slow."""


class Body:
    """Raw pieces come out of ``next``; ``decode`` undoes HTTP's encoding and ClickHouse's framing, and may be slow."""

    def __init__(self, receive: Receive, *, encoding: str, framed: bool, wait_s_max: float) -> None:
        self._receive = receive
        self._wait_s_max = wait_s_max
        self._decoder = decoder(encoding)
        self._unframer = Unframer() if framed else None
        self.ended = False

    async def next(self) -> bytes:
        """The next piece, empty at the end. Raises ``ClientGoneError``."""
        while not self.ended:
            try:
                async with asyncio.timeout(self._wait_s_max):  # wait_for makes a task of each piece
                    message = await self._receive()
            except TimeoutError:
                raise ClientGoneError from None
            if message["type"] != "http.request":
                raise ClientGoneError
            self.ended = not message.get("more_body", False)
            if piece := message.get("body", b""):
                return bytes(piece)
        return b""

    async def batch(self) -> bytes:
        """Pieces, up to a good size to hand on."""
        pieces = []
        size = 0
        while size < BATCH_BYTES and (piece := await self.next()):
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What these raw bytes hold. Raises ``RefusedError`` for bytes that are not encoded as they say."""
        if self._decoder is None and self._unframer is None:
            yield data
            return
        for piece in (data,) if self._decoder is None else self._decoder.feed(data):
            if self._unframer is None:
                yield piece
            else:
                yield from self._unframer.feed(piece)

    def check_end(self) -> None:
        """Raises ``RefusedError`` when the encoded body is cut off."""
        if self._decoder is not None:
            self._decoder.end()
        if self._unframer is not None:
            self._unframer.end()
