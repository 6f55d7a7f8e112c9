"""HTTP's own compression, both ways: gzip, deflate, lz4 and zstd, in a stream."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

import lz4.frame
import zstandard

from store.embedded.refusal import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD, RefusedError

PREFERRED: Final = ("lz4", "zstd", "gzip", "deflate")
"""What an answer is encoded with, the first that the client accepts: the cheapest first."""

_PIECE_BYTES_MAX: Final = 1 << 20
_ZSTD_SLICE_BYTES: Final = 512
"""zstd gives all that a slice holds at once, up to 32 KB for one byte: small slices keep a bomb small."""


class Decoder(Protocol):
    """Undoes the encoding of a body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The decoded bytes of this piece, in pieces of a few megabytes at most."""

    def end(self) -> None:
        """Raises ``RefusedError`` when the body is cut off."""


class Encoder(Protocol):
    """Encodes a body; what it gives may be held back until it flushes."""

    def compress(self, data: bytes | memoryview, /) -> bytes:
        """What of it is ready."""

    def flush(self) -> bytes:
        """The rest."""


def decoder(encoding: str) -> Decoder | None:
    """For a request's ``Content-Encoding``; None for a plain body."""
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return _Inflating()
        case "lz4":
            return _Lz4()
        case "zstd":
            return _Zstd()
        case _:
            raise RefusedError(
                UNKNOWN_COMPRESSION_METHOD, f"Unknown Content-Encoding '{encoding}'; known are {', '.join(PREFERRED)}."
            )


def accepted(accept_encoding: str) -> str | None:
    """The encoding for an answer, from a request's ``Accept-Encoding``; None for a plain one."""
    offers = {}
    for offer in accept_encoding.lower().split(","):
        name, _, parameter = offer.partition(";")
        offers[name.strip()] = parameter.replace(" ", "") not in ("q=0", "q=0.0")
    return next((name for name in PREFERRED if offers.get(name)), None)


def encoder(encoding: str) -> Encoder:
    """For one that ``accepted`` gave."""
    match encoding:
        case "lz4":
            return _Lz4Encoder()
        case "zstd":
            return zstandard.ZstdCompressor(level=1).compressobj()
        case "gzip":
            return zlib.compressobj(1, zlib.DEFLATED, 31)
        case _:
            return zlib.compressobj(1)


class _Inflating:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(47)

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                yield self._inflate.decompress(data, _PIECE_BYTES_MAX)
                data = self._inflate.unconsumed_tail
        except zlib.error as error:
            raise RefusedError(CANNOT_DECOMPRESS, f"Cannot decompress: {error}.") from None

    def end(self) -> None:
        _whole(self._inflate.eof)


class _Lz4:
    def __init__(self) -> None:
        self._decompressor = lz4.frame.LZ4FrameDecompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            while data or not (self._decompressor.needs_input or self._decompressor.eof):
                if self._decompressor.eof:
                    self._decompressor.reset()
                yield self._decompressor.decompress(data, max_length=_PIECE_BYTES_MAX)
                data = self._decompressor.unused_data or b""
        except (RuntimeError, EOFError) as error:
            raise RefusedError(CANNOT_DECOMPRESS, f"Cannot decompress: {error}.") from None

    def end(self) -> None:
        _whole(self._decompressor.eof)


class _Zstd:
    def __init__(self) -> None:
        self._decompress = zstandard.ZstdDecompressor().decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(data), _ZSTD_SLICE_BYTES):
                rest = data[start : start + _ZSTD_SLICE_BYTES]
                while rest:
                    if self._decompress.eof:
                        self._decompress = zstandard.ZstdDecompressor().decompressobj()
                    yield self._decompress.decompress(rest)
                    rest = self._decompress.unused_data
        except zstandard.ZstdError as error:
            raise RefusedError(CANNOT_DECOMPRESS, f"Cannot decompress: {error}.") from None

    def end(self) -> None:
        _whole(self._decompress.eof)


class _Lz4Encoder:
    def __init__(self) -> None:
        self._compressor = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes | memoryview, /) -> bytes:
        return self._head() + bytes(self._compressor.compress(data))

    def flush(self) -> bytes:
        return self._head() + bytes(self._compressor.flush())

    def _head(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return bytes(self._compressor.begin())


def _whole(ended: bool) -> None:
    if not ended:
        raise RefusedError(CANNOT_DECOMPRESS, "Cannot decompress: the body is cut off.")
