"""Receiving a body: bounded in time, in size, packed and unpacked, and over all requests together."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from starlette.requests import Request

from ingest.refusals import Code, RequestRefusedError

CONTENT_LENGTH_DIGITS_MAX: Final = 15

_AUTOMATIC: Final = 32 + zlib.MAX_WBITS
"""zlib finds out whether it is gzip or zlib (what HTTP calls deflate)."""


class InFlight:
    """The bytes of all bodies that are being received or worked on. One a process, used by its event loop only."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes = 0
        self._bytes_max = bytes_max

    @contextmanager
    def reserve(self) -> Iterator[Reservation]:
        """A reservation that is given back at the end of the block, whatever happens in it."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.bytes -= reservation.bytes

    def take(self, count: int) -> None:
        """Raises ``RequestRefusedError`` when it would be too much."""
        if self.bytes + count > self._bytes_max:
            raise RequestRefusedError(Code.OVERLOADED)
        self.bytes += count


class Reservation:
    """What one request holds of the bytes in flight."""

    def __init__(self, in_flight: InFlight) -> None:
        self.bytes = 0
        self._in_flight = in_flight

    def take(self, count: int) -> None:
        """Hold ``count`` bytes more, or raise ``RequestRefusedError``."""
        self._in_flight.take(count)
        self.bytes += count


async def receive(request: Request, reservation: Reservation, *, bytes_max: int, timeout_s: float) -> bytes:
    """The body, unpacked. Raises ``RequestRefusedError`` when it is too large, too slow or damaged,
    ``ClientDisconnect`` when the sender goes away. Never holds more than ``bytes_max`` and one chunk of it."""
    unpacker = _unpacker(request.headers.get("content-encoding", ""), bytes_max)
    length = request.headers.get("content-length", "")
    if length.isdigit() and (len(length) > CONTENT_LENGTH_DIGITS_MAX or int(length) > bytes_max):
        raise too_large(bytes_max)
    received = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in _chunks(request, bytes_max):
                data = unpacker.feed(chunk, bytes_max - len(received)) if unpacker else chunk
                if len(received) + len(data) > bytes_max:
                    raise too_large(bytes_max)
                reservation.take(len(data))
                received += data
    except TimeoutError:
        raise RequestRefusedError(Code.BODY_TIMEOUT, f"{timeout_s:g} s are allowed") from None
    if unpacker:
        unpacker.finish()
    return bytes(received)


def too_large(bytes_max: int) -> RequestRefusedError:
    """The refusal of a body that is larger than allowed."""
    return RequestRefusedError(Code.BODY_TOO_LARGE, f"{bytes_max} bytes are allowed")


async def _chunks(request: Request, bytes_max: int) -> AsyncIterator[bytes]:
    taken = 0
    async for chunk in request.stream():
        taken += len(chunk)
        if taken > bytes_max:
            raise too_large(bytes_max)
        if chunk:
            yield chunk


def _unpacker(encoding: str, bytes_max: int) -> Unpacker | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return Unpacker(bytes_max)
        case _:
            raise RequestRefusedError(Code.UNSUPPORTED_ENCODING, encoding[:40])


class Unpacker:
    """Unpacks gzip (of several members, too) and deflate (with or without zlib's header), never further than it is
    asked to."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._member: zlib._Decompress | None = None
        self._members = 0

    def feed(self, data: bytes, bytes_left: int) -> bytes:
        """What ``data`` unpacks to. Raises ``RequestRefusedError`` when that is more than ``bytes_left``, or when it
        is damaged."""
        unpacked = bytearray()
        while data:
            member = self._member = self._member or self._begin(data)
            try:
                unpacked += member.decompress(data, bytes_left - len(unpacked) + 1)
            except zlib.error:
                raise RequestRefusedError(Code.INVALID_COMPRESSION) from None
            if len(unpacked) > bytes_left or member.unconsumed_tail:
                raise too_large(self._bytes_max)
            data = member.unused_data
            if member.eof:
                self._member = None
        return bytes(unpacked)

    def finish(self) -> None:
        """Raises ``RequestRefusedError`` when the packed data ended before its end."""
        if self._member is not None or not self._members:
            raise RequestRefusedError(Code.INVALID_COMPRESSION)

    def _begin(self, data: bytes) -> zlib._Decompress:
        self._members += 1
        has_header = data[:1] == b"\x1f" or (
            data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] * 256 + data[1]) % 31 == 0)
        )
        return zlib.decompressobj(_AUTOMATIC if has_header else -zlib.MAX_WBITS)
