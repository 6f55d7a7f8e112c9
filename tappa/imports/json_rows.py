"""JSON objects that are neither messages nor receipts, as rows: for a mapping, their members are columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from ingest.files.json_array import begins_array, elements
from ingest.files.mapping import MappingError
from ingest.files.ndjson import LINE_BYTES_MAX
from ingest.files.outcome import Problem
from ingest.files.rows import Numbered, Rows
from tappa.imports.file import opened

OBJECTS_NAMED: Final = 1_000
"""Objects whose members are the columns: what only later ones have is no column."""
DEPTH_MAX: Final = 5
"""Objects in objects that are looked into: ``customer.card.number``. What is deeper is JSON."""
_BEGINNING_BYTES: Final = 4_096

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.encode


def is_array(path: Path) -> bool:
    """Whether a file is a JSON array, packed or not."""
    with opened(path) as (content, _):
        return begins_array(content.read(_BEGINNING_BYTES))


@contextmanager
def json_rows(path: Path) -> Iterator[Rows]:
    """A row for each object, on a line or in an array; columns are dotted paths. Raises ``MappingError`` when there is
    no object at the file's beginning."""
    read = elements if is_array(path) else _lines
    names: dict[str, None] = {}
    with opened(path) as (content, _):
        for found in islice(read(content), OBJECTS_NAMED):
            if not isinstance(found, Problem) and (values := _object(found[1])) is not None:
                names |= dict.fromkeys(values)
    if not names:
        raise MappingError("the file begins with nothing that is a JSON object")
    size = max(path.stat().st_size, 1)
    with opened(path) as (content, beneath):
        yield Rows(list(names), _rows(read(content), list(names)), _part(beneath.tell, size))


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes] | Problem]:
    """Each line that is not blank, with its number. One that is longer than a message may be comes in parts, which
    are no JSON."""
    number = 0
    begins = True
    while part := stream.readline(LINE_BYTES_MAX):
        number += begins
        begins = part.endswith(b"\n")
        if text := part.strip(b" \t\r\n\xef\xbb\xbf"):
            yield number, text


def _part(tell: Callable[[], int], size: int) -> Callable[[], float]:
    return lambda: tell() / size


def _rows(found: Iterator[tuple[int, bytes] | Problem], names: list[str]) -> Iterator[Numbered | Problem]:
    for one in found:
        if isinstance(one, Problem):
            yield one
            continue
        number, text = one
        values = _object(text)
        if values is None:
            shown = text.decode("utf-8", "replace")
            yield Problem(line=number, code="invalid_json", reason="It is not one JSON object.", text=shown)
        else:
            yield number, [values.get(name, "") for name in names]


def _object(text: bytes) -> dict[str, str] | None:
    try:
        return dict(_leaves(_decode(text), "", DEPTH_MAX))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _leaves(values: dict[str, Any], before: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value and depth > 1:
            yield from _leaves(value, f"{before}{name}.", depth - 1)
        elif isinstance(value, str):
            yield before + name, value
        else:
            yield before + name, "" if value is None else _encode(value).decode()
