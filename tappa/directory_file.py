"""A CSV file of stores, made into what the store directory says of each. Pure: countries and zones are known lists."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import available_timezones

import msgspec

from ingest.text import text_of
from store.listing import FIELDS, Listing

STORES_MAX: Final = 100_000
"""More stores than any company has: the directory is read and compared as a whole."""
TEXT_CHARS_MAX: Final = 1_000
"""Longest name, street or opening hours: a column that holds more is another one."""
DELIMITERS: Final = ",;\t"

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,3}(?:\.\d{1,20})?", re.ASCII)


class DirectoryFileError(ValueError):
    """The file is none of stores. The message says why and what to do."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was not taken."""

    line: int
    """Where it ends in the file, from 1."""
    reason: str


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says."""

    listings: dict[str, Listing]
    """By store."""
    faults: list[Fault]
    left_out: list[str]
    """Columns that the directory does not have."""


class _RowError(ValueError):
    """A row cannot be taken; the message says why."""


def read_directory_file(lines: Iterable[str], *, id_bytes_max: int) -> Loaded:
    """The stores of a file; a row that cannot be read is told and the rest goes on. Raises ``DirectoryFileError``."""
    given = iter(lines)
    first = next(given, "")
    delimiter = max(DELIMITERS, key=first.count)
    names = [_plain(name) for name in next(csv.reader([first], delimiter=delimiter), [])]
    if "store_id" not in names:
        raise DirectoryFileError(f"its first line names no column store_id; columns may be: {', '.join(FIELDS)}")
    if twice := sorted({name for name in names if name in FIELDS and names.count(name) > 1}):
        raise DirectoryFileError(f"its first line names the column {twice[0]} twice")
    listings: dict[str, Listing] = {}
    lines_of: dict[str, int] = {}
    faults: list[Fault] = []
    rows = csv.reader(given, delimiter=delimiter)
    for row in rows:
        line = rows.line_num + 1
        if not any(cell.strip() for cell in row):
            continue
        if len(listings) + len(faults) >= STORES_MAX:
            raise DirectoryFileError(f"it has more than {STORES_MAX:,} rows")
        try:
            listing = _listing(names, row, id_bytes_max)
            if listing.store_id in lines_of:
                raise _RowError(f"line {lines_of[listing.store_id]} has the store {listing.store_id} already")
        except _RowError as error:
            faults.append(Fault(line=line, reason=str(error)))
            continue
        listings[listing.store_id] = listing
        lines_of[listing.store_id] = line
    return Loaded(listings=listings, faults=faults, left_out=[name for name in names if name not in FIELDS])


def meant(column: str) -> str:
    """The column of the directory that a name is close to; ``""`` when there is none."""
    return next(iter(get_close_matches(column, FIELDS, n=1)), "")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def _listing(names: Sequence[str], row: Sequence[str], id_bytes_max: int) -> Listing:
    if len(row) != len(names):
        raise _RowError(f"it has {len(row)} cells, the first line {len(names)}")
    said: dict[str, Any] = {}
    for name, cell in zip(names, row, strict=True):
        text = text_of(cell)
        if name in FIELDS and text:
            if len(text) > TEXT_CHARS_MAX or "\0" in text:
                raise _RowError(f"{name} is longer than {TEXT_CHARS_MAX:,} characters, or has a NUL in it")
            said[name] = _READ.get(name, str)(text)
    if "store_id" not in said:
        raise _RowError("store_id is empty")
    if len(said["store_id"].encode()) > id_bytes_max:
        raise _RowError(f"store_id is longer than {id_bytes_max} bytes")
    if ("latitude" in said) != ("longitude" in said):
        raise _RowError("latitude and longitude belong together: one of them is empty")
    listing = Listing(**said)
    if listing.opened_on and listing.closed_on and listing.closed_on < listing.opened_on:
        raise _RowError(f"closed_on {listing.closed_on} is before opened_on {listing.opened_on}")
    return listing


def _country(text: str) -> str:
    if text.upper() not in _countries():
        raise _RowError(f"country {text[:20]!r} is no code of ISO 3166: two letters, such as IT")
    return text.upper()


def _time_zone(text: str) -> str:
    if text not in _zones():
        raise _RowError(f"there is no time_zone {text[:40]!r}; it is written like Europe/Rome")
    return text


def _day(text: str) -> date:
    try:
        if not _DAY.fullmatch(text) or not "1900" <= text[:4] < "2299":
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise _RowError(f"{text[:20]!r} is no day from 1900 on: it is written like 2019-03-01") from None


def _degrees(most: int) -> Callable[[str], float]:
    def degrees(text: str) -> float:
        if not _NUMBER.fullmatch(text) or abs(float(text)) > most:
            raise _RowError(f"{text[:20]!r} are no degrees from -{most} to {most}, with a point for decimals")
        return float(text)

    return degrees


@cache
def _countries() -> frozenset[str]:
    table = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text(encoding="utf-8")
    return frozenset(line[:2] for line in table.splitlines() if not line.startswith("#"))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


_READ: Final[dict[str, Callable[[str], Any]]] = {
    "country": _country,
    "time_zone": _time_zone,
    "opened_on": _day,
    "closed_on": _day,
    "latitude": _degrees(90),
    "longitude": _degrees(180),
}
