"""Packed content: gzip or zstd, known by its first bytes."""

from __future__ import annotations

import gzip
import zlib
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO, Final, cast

import zstandard

CHUNK_BYTES: Final = 1 << 20
FEED_BYTES: Final = 1 << 12
"""Packed bytes that are unpacked at once: what they can become stays small."""
DAMAGE: Final = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)
"""What reading raises when it cannot be unpacked to its end."""

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


class DamagedFileError(ValueError):
    """A file that cannot be read to its end."""


def unpacked(packed: BufferedReader) -> BinaryIO:
    """The content, unpacked if it is packed. Reading raises one of ``DAMAGE``."""
    match packing(packed):
        case "gzip":
            return cast(BinaryIO, gzip.open(packed))
        case "zstd":
            return cast(BinaryIO, BufferedReader(_Unpacked(packed), CHUNK_BYTES))
        case _:
            return packed


def packing(content: BufferedReader) -> str:
    """`gzip`, `zstd`, or ``""`` for what is not packed."""
    magic = content.peek(4)[:4]
    if magic.startswith(_GZIP):
        return "gzip"
    return "zstd" if magic == _ZSTD else ""


class _Unpacked(RawIOBase):
    """The content of a file of zstd frames. Unlike the library's own reader it notices a file that ends early."""

    def __init__(self, packed: BufferedReader) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._within_frame = False
        self._read = b""
        self._unpacked = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, into: Any) -> int:
        """As ``io.RawIOBase`` says; raises ``zstandard.ZstdError``."""
        while not self._unpacked:
            packed = self._read or self._packed.read(FEED_BYTES)
            if not packed:
                if self._within_frame:
                    raise zstandard.ZstdError("it ends in the middle of a frame")
                return 0
            self._unpacked = self._frame.decompress(packed)
            self._read, self._within_frame = self._frame.unused_data, not self._frame.eof
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        size = min(len(into), len(self._unpacked))
        into[:size], self._unpacked = self._unpacked[:size], self._unpacked[size:]
        return size
