"""A JSON array as a stream: its elements one by one, as the bytes that the sender wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from ingest.files.outcome import Problem
from ingest.files.packed import CHUNK_BYTES, DamagedFileError

ELEMENT_BYTES_MAX: Final = 1_000_000
"""A larger element is no message and no receipt, and must not fill the memory."""

BEGINNING_BYTES: Final = 500
"""Of a larger element, for its sender to find it by."""

_MARK: Final = re.compile(rb'["\[\]{},]')
_TEXT_END: Final = re.compile(rb'["\\]')
_BLANK: Final = b" \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"


def begins_array(beginning: bytes) -> bool:
    """Whether a file that begins like this is a JSON array."""
    return beginning.removeprefix(_BOM).lstrip(_BLANK).startswith(b"[")


def elements(stream: BinaryIO) -> Iterator[tuple[int, bytes] | Problem]:
    """Each element with its number, from 1, whatever it contains: only texts and brackets are looked at, so that a
    broken element does not take its neighbours with it. Raises ``DamagedFileError`` when the array does not end."""
    yield from _Elements().of(stream)


class _Elements:
    def __init__(self) -> None:
        self._element = bytearray()
        self._number = 0
        self._depth = -1  # before the array
        self._in_text = False
        self._escaped = False
        self._too_long = False

    def of(self, stream: BinaryIO) -> Iterator[tuple[int, bytes] | Problem]:
        while chunk := stream.read(CHUNK_BYTES):
            yield from self._chunk(chunk)
        if self._depth >= 0:
            raise DamagedFileError(f"the array ends in the middle, in its element {self._number + 1}")

    def _chunk(self, chunk: bytes) -> Iterator[tuple[int, bytes] | Problem]:
        begin = at = 0
        while at < len(chunk):
            if self._in_text:
                at = self._through_text(chunk, at)
                continue
            mark = _MARK.search(chunk, at)
            if mark is None:
                break
            at = mark.end()
            sign = mark[0]
            if sign == b'"':
                self._in_text = True
            elif self._depth == -1:
                self._depth, begin = (0 if sign == b"[" else -1), at
            elif self._depth == 0 and sign in b",]":
                self._keep(chunk[begin : mark.start()])
                yield from self._ended(last=sign == b"]")
                begin = at
                if sign == b"]":
                    self._depth = -1
                    return
            elif sign in b"[{":
                self._depth += 1
            elif sign in b"]}":
                self._depth = max(self._depth - 1, 0)
        self._keep(chunk[begin:])

    def _through_text(self, chunk: bytes, at: int) -> int:
        """Where the text that begins before ``at`` ends in this chunk."""
        if self._escaped:
            self._escaped = False
            return at + 1
        end = _TEXT_END.search(chunk, at)
        if end is None:
            return len(chunk)
        self._in_text, self._escaped = end[0] != b'"', end[0] == b"\\"
        return end.end()

    def _keep(self, part: bytes) -> None:
        if self._depth == -1:
            return
        if len(self._element) + len(part) > ELEMENT_BYTES_MAX:
            self._too_long = True
            part = part[:BEGINNING_BYTES] if not self._element else b""
        self._element += part

    def _ended(self, *, last: bool) -> Iterator[tuple[int, bytes] | Problem]:
        element, too_long = bytes(self._element).strip(_BLANK), self._too_long
        self._element.clear()
        self._too_long = False
        if last and not element:
            return  # an empty array, or a comma too many
        self._number += 1
        if too_long:
            reason = f"The element is longer than {ELEMENT_BYTES_MAX:,} bytes."
            text = element.decode("utf-8", "replace")
            yield Problem(line=self._number, code="line_too_long", reason=reason, text=text)
        else:
            yield self._number, element
