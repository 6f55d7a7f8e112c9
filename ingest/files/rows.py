"""Rows of a table, whatever file they come from: texts under the names of columns, each row with its place."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from typing import BinaryIO, Final

import msgspec

from ingest.files.mapping import CsvForm, MappingError
from ingest.files.outcome import Problem
from ingest.files.packed import DamagedFileError
from ingest.files.values import Row

Numbered = tuple[int, Row]
"""A row and where in the file it begins, from 1: a line of CSV, a row of a sheet or of a Parquet file."""

ROW_CHARS_MAX: Final = 1_000_000
"""A longer row is no message and no line of a receipt, and must not fill the memory."""

ENCODING: Final = "utf-8"
DELIMITER: Final = ","
"""Where the mapping does not say it and nobody has looked at the file."""


_UNREADABLE: Final = re.compile("[\udc80-\udcff]")
"""What Python makes of bytes that the encoding does not have."""


class Rows(msgspec.Struct, frozen=True):
    """A table that is being read. Read twice from the same file, it has the same rows in the same order: the position
    of an import counts them."""

    names: list[str]
    """Of the columns."""
    rows: Iterator[Numbered | Problem]
    read: Callable[[], float]
    """Which part of the file is read, from 0 to 1."""


def csv_rows(
    stream: BinaryIO, form: CsvForm, read: Callable[[], float] = lambda: 0.0, saw: Callable[[bytes], None] | None = None
) -> Rows:
    """The rows of a CSV file; ``stream`` stays open, and ``saw`` is told of each line. Raises ``MappingError`` for an
    empty file or an encoding that nobody has."""
    encoding = form.encoding or ENCODING
    try:
        text = TextIOWrapper(
            stream,
            encoding="utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding,
            errors="surrogateescape",
            newline="",
        )
    except LookupError:
        raise MappingError(f"there is no encoding {encoding!r}") from None
    lines = _Lines(text, saw)
    rows = csv.reader(lines, delimiter=form.delimiter or DELIMITER, quotechar=form.quote)
    try:
        names = next(rows, None)
    except (csv.Error, UnicodeError) as error:
        raise MappingError(
            f"the first line of the file, which must name the columns, cannot be read: {error}"
        ) from None
    if not names:
        raise MappingError("the file is empty: its first line must name the columns")
    return Rows(names, _leaving_open(text, _numbered(rows, lines, len(names))), read)


def _leaving_open(text: TextIOWrapper, rows: Iterator[Numbered | Problem]) -> Iterator[Numbered | Problem]:
    """The rows. The wrapper would close the stream, which is not ours, when it goes."""
    try:
        yield from rows
    finally:
        if not text.closed:
            text.detach()


class _Lines:
    """The lines of a file, for the reader of rows. No row becomes longer than ``ROW_CHARS_MAX``: of one that would, the
    rest of its line is left out, and ``csv.Error`` raised."""

    def __init__(self, text: TextIOWrapper, saw: Callable[[bytes], None] | None) -> None:
        self.number = 0
        """Lines read so far."""
        self.is_odd = False
        """Whether the row has other letters than those of ASCII."""
        self._text = text
        self._saw = saw
        self._row_chars = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._line()
        if not line:
            raise StopIteration
        self.number += 1
        self._row_chars += len(line)
        self.is_odd |= not line.isascii()
        if self._row_chars <= ROW_CHARS_MAX:
            return line
        while line and line[-1] not in "\r\n":
            line = self._line()
        raise csv.Error(f"it has more than {ROW_CHARS_MAX:,} characters")

    def begin_row(self) -> None:
        """What comes next belongs to another row."""
        self._row_chars = 0
        self.is_odd = False

    def _line(self) -> str:
        line = self._text.readline(ROW_CHARS_MAX + 1)
        if self._saw is not None:
            self._saw(line.encode("utf-8", "surrogateescape"))
        return line


def _numbered(rows: Iterator[list[str]], lines: _Lines, width: int) -> Iterator[Numbered | Problem]:
    """The rows, and what is wrong with those that are none."""
    while True:
        line = lines.number + 1
        lines.begin_row()
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Problem(line=line, code="invalid_row", reason=f"The row cannot be read: {error}.", text="")
            continue
        except UnicodeError as error:  # of encodings that have no way to go on after a wrong byte
            raise DamagedFileError(
                f"line {line} and what follows is not in the encoding of the file: {error}"
            ) from None
        if not row:
            continue
        if len(row) != width:
            reason = f"The row has {len(row)} columns, the first line of the file {width}."
            yield Problem(line=line, code="invalid_row", reason=reason, text=shown(",".join(row)))
        elif lines.is_odd and _UNREADABLE.search(",".join(row)):
            reason = "The row is not in the encoding of the file; a mapping can name another one."
            yield Problem(line=line, code="invalid_encoding", reason=reason, text=shown(",".join(row)))
        else:
            yield line, row


def shown(text: str) -> str:
    """A bad row, as text that can be written."""
    return text.encode("utf-8", "replace").decode("utf-8")
