"""Packed files read like plain ones, and tell when they are not whole."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from ingest.files.packed import DamagedFileError
from tappa.imports.file import content_hash, opened

CONTENT = b"".join(b"line %d %s\n" % (n, os.urandom(20).hex().encode()) for n in range(30_000))


def checked(content: bytes) -> bytes:
    """As the program zstd packs: with a checksum."""
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


def frames(content: bytes) -> bytes:
    """Several frames, one after the other."""
    half = len(content) // 2
    return checked(content[:half]) + checked(b"") + checked(content[half:])


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress, frames])
def test_the_content_is_the_same_however_it_is_packed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "file"
    file.write_bytes(pack(CONTENT))
    with opened(file) as (content, beneath):
        assert content.readline() == CONTENT.splitlines(keepends=True)[0]
        assert content.read() == CONTENT[CONTENT.index(b"\n") + 1 :]
        assert beneath.tell() == file.stat().st_size
    assert content_hash(file) == content_hash_of_plain(tmp_path)


def content_hash_of_plain(folder: Path) -> str:
    plain = folder / "plain"
    plain.write_bytes(CONTENT)
    return content_hash(plain)


@pytest.mark.parametrize("pack", [gzip.compress, checked, frames])
@pytest.mark.parametrize("harm", [lambda packed: packed[:-7], lambda packed: packed[:900] + b"??" + packed[902:]])
def test_a_packed_file_that_is_not_whole_is_told(
    tmp_path: Path, pack: Callable[[bytes], bytes], harm: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(harm(pack(CONTENT)))
    with pytest.raises(DamagedFileError, match="is damaged, or not all of it is there"):
        content_hash(file)


def test_an_empty_file_is_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with opened(tmp_path / "empty") as (content, _):
        assert content.read() == b""
