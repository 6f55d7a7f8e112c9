"""Every form in which a file may come, as one thing: a stream of outcomes in an order that never changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from ingest.files.mapping import CsvForm, Mapping, MappingError, PoslogForm
from ingest.files.ndjson import read_array, read_ndjson
from ingest.files.outcome import Outcome, Upload
from ingest.files.poslog.reading import read_poslog
from ingest.files.rows import Rows, csv_rows
from ingest.files.table import read_rows
from tappa.imports.detection import Detected, detect_columns, detect_csv
from tappa.imports.excel import excel_rows
from tappa.imports.file import opened
from tappa.imports.json_rows import is_array, json_rows
from tappa.imports.parquet import parquet_rows

Format = Literal["ndjson", "json", "receipts", "csv", "tsv", "excel", "parquet", "poslog"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
TABLES: Final[frozenset[Format]] = frozenset({"csv", "tsv", "excel", "parquet"})
"""Rows under columns: they need a mapping."""
MAPPED: Final[frozenset[Format]] = TABLES | {"ndjson", "json", "poslog"}
"""What may have one."""
PLACES: Final[dict[Format, str]] = {"json": "element", "excel": "row", "parquet": "row", "poslog": "transaction"}
"""What is counted in a file of this form, where it is not lines."""
_SUFFIXES: Final[dict[str, Format]] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".parquet": "parquet",
    ".xml": "poslog",
    ".poslog": "poslog",
}


class Reading(msgspec.Struct, frozen=True):
    """A file that is being read."""

    outcomes: Iterator[Outcome]
    """The same whenever the same file is read with the same mapping: their number is the position of an import."""
    read: Callable[[], float]
    """Which part of the file is read, from 0 to 1."""


def format_of(path: Path) -> Format | None:
    """By the file's name, whatever it is packed with; None when that says nothing."""
    found = [_SUFFIXES[suffix] for suffix in map(str.lower, path.suffixes) if suffix in _SUFFIXES]
    return found[-1] if found else None


def detected(path: Path, form: Format, mapping: Mapping) -> Detected:
    """The mapping with all that it leaves open about this file. Raises ``MappingError`` when something can be read in
    two ways, ``DamagedFileError`` when the file cannot be read."""
    said: list[str] = []
    if form in ("csv", "tsv"):
        written, said = detect_csv(path, _form_of_csv(form, mapping.csv))
        mapping = mapping.model_copy(update={"csv": written})
    with table(path, form, mapping) as rows:
        columns = detect_columns(rows, mapping)
    return Detected(columns.mapping, said + columns.said)


@contextmanager
def table(path: Path, form: Format, mapping: Mapping) -> Iterator[Rows]:
    """The rows of a file of one of ``TABLES``, or of JSON objects that a mapping makes something of."""
    with ExitStack() as stack:
        if form == "excel":
            yield stack.enter_context(excel_rows(path, mapping.excel))
        elif form == "parquet":
            yield stack.enter_context(parquet_rows(path))
        elif form in ("ndjson", "json"):
            yield stack.enter_context(json_rows(path))
        else:
            size = max(path.stat().st_size, 1)
            content, beneath = stack.enter_context(opened(path))
            yield csv_rows(content, _form_of_csv(form, mapping.csv), lambda: beneath.tell() / size)


@contextmanager
def reading(path: Path, form: Format, mapping: Mapping | None, upload: Upload) -> Iterator[Reading]:
    """The outcomes of the file. Raises ``MappingError`` when the mapping does not fit it; reading them raises
    ``DamagedFileError`` where the file cannot be read on."""
    if form in TABLES or (mapping is not None and form != "poslog"):
        if mapping is None:
            raise MappingError(f"a file of the format {form} needs a mapping")
        with table(path, form, mapping) as rows:
            yield Reading(read_rows(rows, upload, mapping), rows.read)
        return
    size = max(path.stat().st_size, 1)
    array = form != "poslog" and is_array(path)
    with opened(path) as (content, beneath):
        if form == "poslog":
            said = (mapping.poslog if mapping is not None else None) or PoslogForm()
            yield Reading(read_poslog(content, upload, said), lambda: beneath.tell() / size)
            return
        read = read_array if array else read_ndjson
        yield Reading(read(content, upload, receipts=form == "receipts"), lambda: beneath.tell() / size)


def place(path: Path, form: Format) -> str:
    """What the places of this file's outcomes count: lines, rows or elements."""
    if form in ("ndjson", "json", "receipts"):
        return "element" if is_array(path) else "line"
    return PLACES.get(form, "line")


def _form_of_csv(form: Format, csv: CsvForm) -> CsvForm:
    return csv.model_copy(update={"delimiter": "\t"}) if form == "tsv" and csv.delimiter is None else csv
