"""Formats of answers: which can be streamed although the engine makes every chunk a document of its own, and how."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from store.embedded.catalogue import words

_HEAD_BYTES_MAX: Final = 1 << 20
_EOS: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""End of an Arrow stream."""

_PLAIN: Final = words(
    """
    native rowbinary rowbinarywithdefaults msgpack csv tsv tabseparated tsvraw tabseparatedraw raw jsoneachrow jsonl
    jsonlines ndjson jsoncompacteachrow jsonstringseachrow jsoncompactstringseachrow lineasstring rawblob null
    """
)
_NAMED: Final = re.compile(
    r"(csv|tsv|tabseparated|jsoncompacteachrow|jsoncompactstringseachrow|rowbinary)withnames(andtypes)?"
)


class Seam:
    """Joins the chunks of an answer into one document, for formats where that needs nothing."""

    def join(self, chunk: memoryview) -> memoryview:
        """What of this chunk, each in turn, belongs into the document."""
        return chunk

    def end(self) -> bytes:
        """What closes the document, if there was any chunk."""
        return b""


class _Headed(Seam):
    """Every chunk begins with the same head: it is kept once. Totals end with it. A tail waits for the end."""

    def __init__(self, head_bytes: Callable[[memoryview], int], *, tail: bytes = b"") -> None:
        self._head_bytes = head_bytes
        self._tail = tail
        self._head: bytes | None = None

    def join(self, chunk: memoryview) -> memoryview:
        if self._tail and chunk[-len(self._tail) :] == self._tail:
            chunk = chunk[: -len(self._tail)]
        if self._head is None:
            self._head = bytes(chunk[: self._head_bytes(chunk)])
            return chunk
        size = len(self._head)
        if chunk[:size] == self._head:
            return chunk[size:]
        return chunk[:-size] if size and chunk[-size:] == self._head else chunk

    def end(self) -> bytes:
        return b"" if self._head is None else self._tail


def seam(form: str) -> Seam | None:
    """How chunks of a format are joined; None when they cannot be, so that the answer has to be made as a whole."""
    name = form.lower()
    if name in _PLAIN:
        return Seam()
    if name == "arrowstream":
        return _Headed(_arrow_head, tail=_EOS)
    named = _NAMED.fullmatch(name)
    if named is None:
        return None
    rows = 2 if named[2] else 1
    match named[1]:
        case "rowbinary":
            return _Headed(lambda chunk: _row_binary_head(chunk, rows))
        case "csv":
            return _Headed(lambda chunk: _lines(chunk, rows, quoted=True))
        case _:
            return _Headed(lambda chunk: _lines(chunk, rows))


def content_type(form: str) -> str:
    """The ``Content-Type`` that ClickHouse gives to a format."""
    name = form.lower()
    if name.startswith(("tsv", "tabseparated", "raw")):
        return "text/tab-separated-values; charset=UTF-8"
    if name.startswith("csv"):
        return f"text/csv; charset=UTF-8; header={'present' if 'withnames' in name else 'absent'}"
    if "eachrow" in name or name in ("jsonl", "jsonlines", "ndjson"):
        return "application/x-ndjson; charset=UTF-8"
    if name.startswith("json"):
        return "application/json; charset=UTF-8"
    if name.startswith(
        ("pretty", "vertical", "values", "markdown", "null", "sqlinsert", "template", "custom", "lineas")
    ):
        return "text/plain; charset=UTF-8"
    if name.startswith("xml"):
        return "application/xml; charset=UTF-8"
    return "application/octet-stream"


def _lines(chunk: memoryview, rows: int, *, quoted: bool = False) -> int:
    """Bytes of the first rows; within quotes a row may hold line breaks."""
    text = bytes(chunk[:_HEAD_BYTES_MAX])
    at = 0
    for _ in range(rows):
        end = text.find(b"\n", at)
        while quoted and end >= 0 and text.count(b'"', at, end) % 2:
            end = text.find(b"\n", end + 1)
        if end < 0:
            return len(text)
        at = end + 1
    return at


def _row_binary_head(chunk: memoryview, rows: int) -> int:
    """Bytes of the number of columns, then their names, then their types."""
    columns, at = _varint(chunk, 0)
    for _ in range(columns * rows):
        length, at = _varint(chunk, at)
        at += length
    return at


def _varint(chunk: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = chunk[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _arrow_head(chunk: memoryview) -> int:
    """Bytes of the message that holds the schema: a marker, a length, and as much."""
    return 8 + int.from_bytes(chunk[4:8], "little")
