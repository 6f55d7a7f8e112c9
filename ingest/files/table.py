"""Rows with a mapping: they become messages, or lines of receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
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
from ingest.files.rows import Numbered, Rows, csv_rows, shown
from ingest.files.values import Columns, Reading, Row, RowError, filled, matches, readings

LINES_MAX: Final = 2_000
"""Rows of one receipt, as many as ingest takes: more of them are a mapping that groups by the wrong column."""

RECEIPT_CHARS_MAX: Final = 2_000_000
"""Of its rows: a receipt that ingest takes has far less, and more of them must not fill the memory."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def read_rows(table: Rows, upload: Upload, mapping: Mapping) -> Iterator[Outcome]:
    """An outcome for each row, or each receipt. Raises ``MappingError`` when the mapping does not fit the columns."""
    columns = Columns(table.names, mapping.csv.empty)
    skips = [(columns.reading(name), words) for name, words in mapping.skip.items()]
    kept = _kept(table.rows, skips)
    if mapping.message is not None:
        return _messages(kept, readings(mapping.message, columns), upload)
    if mapping.receipt is not None:
        return _receipts(kept, mapping.receipt, columns, upload)
    raise MappingError("rows need a mapping with message or receipt")


def read_table(stream: BinaryIO, upload: Upload, mapping: Mapping) -> Iterator[Outcome]:
    """The same of a CSV file as the mapping describes it; ``stream`` stays open."""
    return read_rows(csv_rows(stream, mapping.csv, saw=upload.saw), upload, mapping)


def _kept(
    rows: Iterator[Numbered | Problem], skips: Sequence[tuple[Callable[[Row], str | None], list[str]]]
) -> Iterator[Numbered | Problem | Skipped]:
    if not skips:
        yield from rows
        return
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
            yield Problem(line=line, code="missing_field", reason=NO_TIME, text=shown(",".join(columns)))
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
    cells = columns.cells(form.group_by)
    group: list[Numbered] = []
    group_key: list[str | None] = []
    group_cells: object = None
    held = 0
    for row in rows:
        if not isinstance(row, tuple):
            yield row
            continue
        found = cells(row[1])
        if found != group_cells:
            key, group_cells = [read(row[1]) for read in keys], found
            if group and key != group_key:
                yield _receipt(group, fields, line_fields, upload)
                group, held = [], 0
            group_key = key
        held += sum(map(len, row[1]))
        if len(group) <= LINES_MAX and held <= RECEIPT_CHARS_MAX:
            group.append(row)
        elif len(group) <= LINES_MAX:
            group += [row] * (LINES_MAX + 1 - len(group))  # too much, as too many rows are
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
            raise RowError(
                f"more than {LINES_MAX} rows, or {RECEIPT_CHARS_MAX:,} characters, are one receipt: does group_by name "
                "the right column?"
            )
        body = filled(fields, first)
        if line_fields:
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
    lines = body.get("lines", [])
    if "total" not in body:
        if not lines:
            raise RowError("a receipt without lines needs a total")
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
        line=line, code="invalid_row", reason=f"{str(error)[:1].upper()}{str(error)[1:]}.", text=shown(",".join(row))
    )
