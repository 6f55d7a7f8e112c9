"""CSV with a mapping: rows become messages, or lines of receipts."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from io import TextIOWrapper
from typing import Any, BinaryIO, Final

import msgspec

from ingest.files.mapping import Mapping, MappingError, ReceiptForm
from ingest.files.outcome import (
    NO_TIME,
    Item,
    Outcome,
    Problem,
    Skipped,
    Upload,
    digest,
    message_identity,
    receipt_identity,
)
from ingest.files.values import Columns, Reading, Row, RowError, filled, matches, readings

LINES_MAX: Final = 2_000
"""Rows of one receipt, as many as ingest takes: more of them are a mapping that groups by the wrong column."""

_encode = msgspec.json.Encoder(decimal_format="number").encode

ROW_CHARS_MAX: Final = 1_000_000
"""A longer row is no message and no line of a receipt, and must not fill the memory."""

Numbered = tuple[int, Row]
"""A row and the line on which it begins, from 1."""


def read_table(stream: BinaryIO, upload: Upload, mapping: Mapping) -> Iterator[Outcome]:
    """An outcome for each row, or each receipt. Raises ``MappingError`` when the mapping does not fit the file's
    columns."""
    form = mapping.csv
    try:
        text = TextIOWrapper(
            stream,
            encoding="utf-8-sig" if form.encoding.lower() in ("utf-8", "utf8") else form.encoding,
            errors="surrogateescape",
            newline="",
        )
    except LookupError:
        raise MappingError(f"there is no encoding {form.encoding!r}") from None
    lines = _Lines(text, upload)
    rows = csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote)
    try:
        names = next(rows, None)
    except csv.Error as error:
        raise MappingError(f"the file's first line cannot be read: {error}") from None
    if not names:
        raise MappingError("the file is empty: its first line must name the columns")
    columns = Columns(names, form.empty)
    skips = [(columns.reading(name), words) for name, words in mapping.skip.items()]
    kept = _kept(_numbered(rows, lines, len(names)), skips)
    if mapping.message is not None:
        return _leaving_open(text, _messages(kept, readings(mapping.message, columns), upload))
    assert mapping.receipt is not None
    return _leaving_open(text, _receipts(kept, mapping.receipt, columns, upload))


def _leaving_open(text: TextIOWrapper, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """The outcomes. The wrapper would close the stream, which is not ours, when it goes."""
    try:
        yield from outcomes
    finally:
        text.detach()


class _Lines:
    """The lines of a file, for the reader of rows. No row becomes longer than ``ROW_CHARS_MAX``: of one that would, the
    rest of its line is left out, and ``csv.Error`` raised."""

    def __init__(self, text: TextIOWrapper, upload: Upload) -> None:
        self.number = 0
        """Lines read so far."""
        self._text = text
        self._upload = upload
        self._row_chars = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._line()
        if not line:
            raise StopIteration
        self.number += 1
        self._row_chars += len(line)
        if self._row_chars <= ROW_CHARS_MAX:
            return line
        while line and line[-1] not in "\r\n":
            line = self._line()
        raise csv.Error(f"it has more than {ROW_CHARS_MAX:,} characters")

    def begin_row(self) -> None:
        """What comes next belongs to another row."""
        self._row_chars = 0

    def _line(self) -> str:
        line = self._text.readline(ROW_CHARS_MAX + 1)
        self._upload.saw(line.encode("utf-8", "surrogateescape"))
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
        text = ",".join(row)
        if not row:
            continue
        if len(row) != width:
            reason = f"The row has {len(row)} columns, the first line of the file {width}."
            yield Problem(line=line, code="invalid_row", reason=reason, text=_shown(text))
        elif not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text):
            reason = "The row is not in the encoding that the mapping names."
            yield Problem(line=line, code="invalid_encoding", reason=reason, text=_shown(text))
        else:
            yield line, row


def _kept(
    rows: Iterator[Numbered | Problem], skips: Sequence[tuple[Callable[[Row], str | None], list[str]]]
) -> Iterator[Numbered | Problem | Skipped]:
    for row in rows:
        if not isinstance(row, Problem) and any(matches(read(row[1]), words) for read, words in skips):
            yield Skipped(line=row[0])
        else:
            yield row


def _messages(
    rows: Iterator[Numbered | Problem | Skipped], readings: Sequence[tuple[list[str], Reading]], upload: Upload
) -> Iterator[Outcome]:
    for row in rows:
        if not isinstance(row, tuple):
            yield row
            continue
        line, columns = row
        try:
            body = filled(readings, columns)
        except RowError as error:
            yield _refused(line, columns, error)
            continue
        if not upload.started_at and body.get("timestamp") in (None, ""):
            yield Problem(line=line, code="missing_field", reason=NO_TIME, text=_shown(",".join(columns)))
            continue
        body.setdefault("messageId", upload.message_id(line))
        body.setdefault("timestamp", upload.started_at)
        identity = message_identity(upload, body)
        context = body.setdefault("context", {})
        if isinstance(context, dict):
            context["import"] = upload.origin(line)
        yield Item(line=line, receipt=False, body=_encode(body), identity=identity, content=digest(columns, size=8))


def _receipts(
    rows: Iterator[Numbered | Problem | Skipped], form: ReceiptForm, columns: Columns, upload: Upload
) -> Iterator[Outcome]:
    """A row that is left out or cannot be read does not end the receipt around it."""
    keys = [columns.reading(name) for name in form.group_by]
    fields, line_fields = readings(form.fields, columns), readings(form.lines, columns)
    group: list[Numbered] = []
    group_key: list[str | None] = []
    for row in rows:
        if not isinstance(row, tuple):
            yield row
            continue
        key = [read(row[1]) for read in keys]
        if group and key != group_key:
            yield _receipt(group, fields, line_fields, upload)
            group = []
        group_key = key
        if len(group) <= LINES_MAX:
            group.append(row)
    if group:
        yield _receipt(group, fields, line_fields, upload)


def _receipt(
    group: Sequence[Numbered],
    fields: Sequence[tuple[list[str], Reading]],
    line_fields: Sequence[tuple[list[str], Reading]],
    upload: Upload,
) -> Outcome:
    line, first = group[0]
    try:
        if len(group) > LINES_MAX:
            raise RowError(f"more than {LINES_MAX} rows are one receipt: does group_by name the right column?")
        body = filled(fields, first)
        body["lines"] = [filled(line_fields, row) for _, row in group]
        _settle(body)
    except RowError as error:
        return _refused(line, first, error)
    identity = receipt_identity(upload, body)
    body["import"] = upload.origin(line)
    content = digest([row for _, row in group], size=8)
    return Item(line=line, receipt=True, body=_encode(body), identity=identity, content=content)


def _settle(body: dict[str, Any]) -> None:
    """Fills in ``total`` and ``kind``, and writes a return as 5.2 of the receipt's form wants it: what came back,
    and what was paid back, as positive numbers."""
    lines = body["lines"]
    if "total" not in body:
        body["total"] = sum((_amount(line) for line in lines), Decimal())
    body.setdefault("kind", "return" if body["total"] < 0 else "sale")
    if body["kind"] == "return" and body["total"] < 0:
        body["total"] = -body["total"]
        for line in lines:
            if "quantity" in line:
                line["quantity"] = -line["quantity"]


def _amount(line: dict[str, Any]) -> Decimal:
    try:
        return Decimal(line["quantity"]) * Decimal(line["unit_price"]) - Decimal(line.get("discount", 0))
    except (KeyError, TypeError):
        raise RowError("a line needs quantity and unit_price (read `as: number`), or the receipt a total") from None


def _refused(line: int, row: Row, error: RowError) -> Problem:
    return Problem(
        line=line, code="invalid_row", reason=f"{str(error)[:1].upper()}{str(error)[1:]}.", text=_shown(",".join(row))
    )


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
