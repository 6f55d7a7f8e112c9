"""The file to import: plain, gzip or zstd, as a stream of bytes with a way to tell how far it is read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import zstandard

CHUNK_BYTES: Final = 1 << 20
FEED_BYTES: Final = 1 << 12
"""Packed bytes that are unpacked at once: what they can become stays small."""


class DamagedFileError(ValueError):
    """A packed file that cannot be unpacked to its end."""


_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The content, unpacked if it is packed, and the file beneath, whose ``tell`` says how far it is read. Reading
    raises ``DamagedFileError``, at the end of the block, when it cannot be unpacked."""
    with path.open("rb") as beneath, _damage_told(path):
        magic = beneath.peek(4)[:4] if isinstance(beneath, BufferedReader) else b""
        if magic.startswith(_GZIP):
            with gzip.open(beneath) as content:
                yield cast(BinaryIO, content), beneath
        elif magic == _ZSTD:
            yield cast(BinaryIO, BufferedReader(_Unpacked(beneath), CHUNK_BYTES)), beneath
        else:
            yield beneath, beneath


class _Unpacked(RawIOBase):
    """The content of a file of zstd frames. Unlike the library's own reader it notices a file that ends early."""

    def __init__(self, packed: BinaryIO) -> None:
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


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise DamagedFileError(f"{path} is damaged, or not all of it is there: {error}") from None


def content_hash(path: Path) -> str:
    """SHA-256, in hex, of the unpacked content: packing a file does not make it another one."""
    running = sha256()
    with opened(path) as (content, _):
        while chunk := content.read(CHUNK_BYTES):
            running.update(chunk)
    return running.hexdigest()
