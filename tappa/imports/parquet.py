"""Parquet files: their rows, by way of the store's own engine in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from ingest.files.outcome import Problem
from ingest.files.packed import DamagedFileError
from ingest.files.rows import Numbered, Rows

_decode = msgspec.json.Decoder(list[Any]).decode
_encode = msgspec.json.encode


@contextmanager
def parquet_rows(path: Path) -> Iterator[Rows]:
    """The rows, one group of rows in memory at a time, and that in another process. Numbers keep their digits, times
    are ISO (an instant says its offset), lists and structures are JSON. Raises ``DamagedFileError``."""
    command = [sys.executable, "-m", "store.embedded.parquet", str(path.absolute())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:  # noqa: S603 - ourselves
        assert reader.stdout is not None
        assert reader.stderr is not None
        try:
            first = reader.stdout.readline()
            if not first:
                raise _damaged(path, reader.stderr)
            head = msgspec.json.decode(first)
            at = [0]
            yield Rows(
                head["names"],
                _rows(reader.stdout, reader, path, at),
                lambda: min(at[0] / max(head["rows"], 1), 1.0),
            )
        finally:
            reader.stdout.close()
            reader.kill()


def _rows(lines: IO[bytes], reader: subprocess.Popen[bytes], path: Path, at: list[int]) -> Iterator[Numbered | Problem]:
    for line in lines:
        at[0] += 1
        yield at[0], [_text(value) for value in _decode(line)]
    assert reader.stderr is not None
    if reader.wait() != 0:
        raise _damaged(path, reader.stderr)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return _encode(value).decode()


def _damaged(path: Path, said: IO[bytes]) -> DamagedFileError:
    reason = said.read(2_000).decode("utf-8", "replace").strip().splitlines()
    return DamagedFileError(
        f"{path} is no Parquet file that can be read: {reason[-1] if reason else 'no reason given'}"
    )
