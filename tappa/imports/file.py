"""The file to import: plain, gzip or zstd, as a stream of bytes with a way to tell how far it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from ingest.files.packed import DAMAGE, DamagedFileError, unpacked

CHUNK_BYTES: Final = 1 << 20


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The content, unpacked if it is packed, and the file beneath, whose ``tell`` says how far it is read. Reading
    raises ``DamagedFileError``, at the end of the block, when it cannot be unpacked."""
    with path.open("rb") as beneath, _damage_told(path):
        yield unpacked(beneath), beneath


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise DamagedFileError(f"{path} is damaged, or not all of it is there: {error}") from None


def content_hash(path: Path) -> str:
    """SHA-256, in hex, of the unpacked content: packing a file does not make it another one."""
    running = sha256()
    with opened(path) as (content, _):
        while chunk := content.read(CHUNK_BYTES):
            running.update(chunk)
    return running.hexdigest()
