"""The file to import: plain, gzip or zstd, as a stream of bytes with a way to tell how far it is read."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final, cast

import zstandard

CHUNK_BYTES: Final = 1 << 20

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The content, unpacked if it is packed, and the file beneath, whose ``tell`` says how far it is read."""
    with path.open("rb") as beneath:
        magic = beneath.peek(4)[:4] if isinstance(beneath, BufferedReader) else b""
        if magic.startswith(_GZIP):
            with gzip.open(beneath) as content:
                yield cast(BinaryIO, content), beneath
        elif magic == _ZSTD:
            with zstandard.ZstdDecompressor().stream_reader(beneath, read_across_frames=True) as raw:
                yield BufferedReader(cast(BinaryIO, raw), CHUNK_BYTES), beneath  # type: ignore[type-var]
        else:
            yield beneath, beneath


def content_hash(path: Path) -> str:
    """SHA-256, in hex, of the unpacked content: packing a file does not make it another one."""
    running = sha256()
    with opened(path) as (content, _):
        while chunk := content.read(CHUNK_BYTES):
            running.update(chunk)
    return running.hexdigest()
