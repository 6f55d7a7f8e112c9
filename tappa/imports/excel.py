"""Excel workbooks: the rows of one sheet, read as a stream."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from ingest.files.mapping import ExcelForm, MappingError
from ingest.files.outcome import Problem
from ingest.files.packed import DamagedFileError
from ingest.files.rows import Numbered, Rows

TEXTS_BYTES_MAX: Final = 200_000_000
"""Unpacked size of the table of texts, the only part of a workbook that is held in memory."""
COLUMNS_MAX: Final = 1_000
"""Columns beyond are left out."""
_TEXTS: Final = "xl/sharedStrings.xml"


@contextmanager
def excel_rows(path: Path, form: ExcelForm) -> Iterator[Rows]:
    """The rows of the sheet. Numbers come with a point and all their digits, dates as ISO times without a zone, truth
    as ``true`` and ``false``, formulas as what they were when the workbook was saved; empty rows are left out. Raises
    ``DamagedFileError`` for what is no workbook, ``MappingError`` when there is no such sheet or nothing in it."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    _check(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that nobody asks for
            workbook = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except (InvalidFileException, BadZipFile, KeyError, ValueError, OSError, SyntaxError) as error:
        raise DamagedFileError(f"{path} is no Excel workbook that can be read (.xlsx): {error}") from None
    try:
        sheet = _sheet(workbook, form)
        last = max(sheet.max_row or 1, 1)
        sheet.reset_dimensions()  # some programs write wrong ones, and rows beyond them would be lost
        cells = sheet.iter_rows(min_row=form.header_row, values_only=True)
        names = _names(next(cells, ()))
        if not names:
            raise MappingError(f"row {form.header_row} of sheet {sheet.title!r} is empty: it must name the columns")
        at = [form.header_row]
        yield Rows(names, _rows(cells, len(names), at, path), lambda: min(at[0] / last, 1.0))
    finally:
        workbook.close()


def sheet_names(path: Path) -> list[str]:
    """Of the workbook's sheets, in order. Raises ``DamagedFileError``."""
    from openpyxl import load_workbook

    _check(path)
    workbook = load_workbook(path, read_only=True)
    try:
        return [str(name) for name in workbook.sheetnames]
    finally:
        workbook.close()


def _check(path: Path) -> None:
    try:
        with ZipFile(path) as parts:
            texts = [part.file_size for part in parts.infolist() if part.filename == _TEXTS]
    except (BadZipFile, OSError) as error:
        raise DamagedFileError(f"{path} is no Excel workbook (.xlsx): {error}") from None
    if texts and texts[0] > TEXTS_BYTES_MAX:
        raise DamagedFileError(
            f"{path} has {texts[0]:,} bytes of texts, more than {TEXTS_BYTES_MAX:,}: "
            "save it as CSV, which is read as a stream"
        )


def _sheet(workbook: Any, form: ExcelForm) -> Any:
    if form.sheet is None:
        return workbook.worksheets[0]
    if form.sheet not in workbook.sheetnames:
        raise MappingError(f"the workbook has no sheet {form.sheet!r}; it has: {', '.join(workbook.sheetnames)}")
    return workbook[form.sheet]


def _names(header: tuple[Any, ...]) -> list[str]:
    names = [text_of_cell(cell).strip() for cell in header[:COLUMNS_MAX]]
    while names and not names[-1]:
        names.pop()
    return names


def _rows(cells: Iterator[tuple[Any, ...]], width: int, at: list[int], path: Path) -> Iterator[Numbered | Problem]:
    while True:
        try:
            row = next(cells)
        except StopIteration:
            return
        except Exception as error:  # whatever the library meets in a damaged sheet
            raise DamagedFileError(f"{path} is damaged after row {at[0]}: {error}") from None
        at[0] += 1
        texts = [text_of_cell(cell) for cell in row[:width]]
        if any(texts):
            yield at[0], texts + [""] * (width - len(texts))


def text_of_cell(cell: Any) -> str:
    """What a cell says, as text."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return _text_of_number(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell.total_seconds())
    return str(cell)


def _text_of_number(number: float) -> str:
    """Excel keeps fifteen digits; what a sum of cents has beyond them is noise."""
    if not math.isfinite(number):
        return ""
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}"
