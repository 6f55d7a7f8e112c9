"""ClickHouse's own framing of compressed blocks: of requests with ``decompress=1``, of answers to ``compress=1``.

A frame is a CityHash128 (version 1.0.2) of all that follows, one byte of method, the compressed length with these nine
bytes of head, the length of the content, and the compressed content.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from store.embedded.refusal import CANNOT_DECOMPRESS, CHECKSUM_DOESNT_MATCH, RefusedError

_NONE: Final = 0x02
_LZ4: Final = 0x82
_ZSTD: Final = 0x90

_CHECKSUM_BYTES: Final = 16
_HEAD: Final = struct.Struct("<BII")
_CONTENT_BYTES: Final = 1 << 20
"""Content of one frame that is written: ClickHouse's own size."""
_FRAME_BYTES_MAX: Final = 1 << 30
"""Largest frame that is read: ClickHouse's own limit."""


def framed(content: bytes | memoryview) -> Iterator[bytes]:
    """Frames, compressed with LZ4, for this much of an answer."""
    view = memoryview(content)
    for start in range(0, len(view), _CONTENT_BYTES):
        piece = view[start : start + _CONTENT_BYTES]
        packed = lz4.block.compress(piece, store_size=False)
        body = _HEAD.pack(_LZ4, len(packed) + _HEAD.size, len(piece)) + packed
        yield _checksum(body) + body


class Unframer:
    """Takes the bytes of frames in pieces of any size, gives the content of each frame that is whole."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises ``RefusedError`` for a frame that is not what its checksum says."""
        self._rest += data
        while (size := self._frame_bytes()) is not None and len(self._rest) >= size:
            frame = bytes(self._rest[:size])
            del self._rest[:size]
            yield _content(frame)

    def end(self) -> None:
        """Raises ``RefusedError`` when the last frame is cut off."""
        if self._rest:
            raise RefusedError(CANNOT_DECOMPRESS, "Cannot decompress: the last frame is cut off.")

    def _frame_bytes(self) -> int | None:
        if len(self._rest) < _CHECKSUM_BYTES + _HEAD.size:
            return None
        _, packed_bytes, content_bytes = _HEAD.unpack_from(self._rest, _CHECKSUM_BYTES)
        if not _HEAD.size <= packed_bytes <= _FRAME_BYTES_MAX or content_bytes > _FRAME_BYTES_MAX:
            raise RefusedError(CANNOT_DECOMPRESS, "Cannot decompress: this is not a frame of ClickHouse's compression.")
        return _CHECKSUM_BYTES + int(packed_bytes)


def _content(frame: bytes) -> bytes:
    body = frame[_CHECKSUM_BYTES:]
    if _checksum(body) != frame[:_CHECKSUM_BYTES]:
        raise RefusedError(CHECKSUM_DOESNT_MATCH, "Checksum doesn't match: corrupted data.")
    method, _, content_bytes = _HEAD.unpack_from(body)
    packed = body[_HEAD.size :]
    try:
        if method == _LZ4:
            return bytes(lz4.block.decompress(packed, uncompressed_size=content_bytes))
        if method == _ZSTD:
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=content_bytes)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise RefusedError(CANNOT_DECOMPRESS, f"Cannot decompress: {error}.") from None
    if method == _NONE:
        return packed
    raise RefusedError(
        CANNOT_DECOMPRESS, f"Cannot decompress: unknown method {method:#x}; LZ4, ZSTD and NONE are known."
    )


def _checksum(body: bytes) -> bytes:
    number = CityHash128(body)
    return struct.pack("<QQ", number >> 64, number & 0xFFFF_FFFF_FFFF_FFFF)
