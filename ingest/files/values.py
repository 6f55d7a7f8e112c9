"""Values of a mapping, made into functions of a row once the file's columns are known, or of a payload."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import msgspec

from ingest.files.clock import time_reader
from ingest.files.mapping import MappingError, Scalar, TimeForm, Treatment

Row = Sequence[str]
Reading = Callable[[Any], Any]
"""What a row, or a payload, says; None when it says nothing. Raises ``RowError``."""

NUMBERS_REMEMBERED: Final = 10_000
"""Numbers read lately, of each column, for the same reason as times."""
TIMES_REMEMBERED: Final = 10_000
"""Times read lately: rows of one file repeat them, and reading one is slow."""


_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class RowError(ValueError):
    """A row cannot become a touchpoint; the message says why."""


class Names(Protocol):
    """Where the names of a mapping lead."""

    def reading(self, name: str) -> Reading:
        """What is found under a name. Raises ``MappingError`` when that can be nothing."""


class Columns:
    """The file's first line."""

    def __init__(self, names: Sequence[str], empty: Sequence[str]) -> None:
        self._places = {name: place for place, name in reversed(list(enumerate(names)))}
        self._empty = frozenset(empty)

    def reading(self, name: str) -> Callable[[Row], str | None]:
        """The text in one column, None when it is empty. Raises ``MappingError`` when there is no such column."""
        if name not in self._places:
            near = get_close_matches(name, self._places, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "it has: " + ", ".join(self._places)
            raise MappingError(f"the file has no column {name!r}; {hint}")
        place, empty = self._places[name], self._empty

        def text(row: Row) -> str | None:
            found = row[place].strip()
            return None if found in empty else found

        return text

    def cells(self, names: Sequence[str]) -> Callable[[Row], object]:
        """These columns as they are written. Rows in which that is the same are alike."""
        return itemgetter(*(self._places[name] for name in names))


def _remembering(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same of a text, faster: a file repeats its prices and quantities."""
    known = lru_cache(NUMBERS_REMEMBERED)(change)
    return lambda found: known(found) if isinstance(found, str) else change(found)


def reading(value: Treatment, names: Names) -> Reading:
    """What a value makes of a row. Raises ``MappingError`` for a column that the file does not have."""
    read: Reading = _origin(value, names)
    if value.map is not None:
        read = _mapped(read, value.map, value.otherwise)
    if value.time is not None:
        read = _then(read, _time(value.time))
    elif value.as_ == "number":
        read = _then(read, _remembering(partial(number_with, value.decimal) if value.decimal else _number))
    elif value.as_ != "text":
        read = _then(read, _CASTS[value.as_])
    if value.default is not None:
        read = _or_else(read, value.default)
    return read


def matches(text: str | None, patterns: Sequence[str]) -> bool:
    """Whether a text is one of these words, of which some may end in ``*``."""
    return text is not None and any(
        text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern for pattern in patterns
    )


def readings(targets: Mapping[str, Treatment], names: Names) -> list[tuple[list[str], Reading]]:
    """The path of each target, and its value. Raises ``MappingError``."""
    return [(target.split("."), reading(value, names)) for target, value in targets.items()]


def filled(readings: Sequence[tuple[list[str], Reading]], row: Any) -> dict[str, Any]:
    """The object with each value at its target. Raises ``RowError``."""
    body: dict[str, Any] = {}
    for path, read in readings:
        value = read(row)
        if value is None:
            continue
        if len(path) == 1:  # nearly all
            body[path[0]] = value
            continue
        inner = body
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
            if not isinstance(inner, dict):
                raise RowError(f"the mapping writes {'.'.join(path)} into something that is no object")
        inner[path[-1]] = value
    return body


def written(found: Any) -> str:
    """A value as a text, as JSON writes it."""
    return found if isinstance(found, str) else _encode(found).decode()


def _origin(value: Treatment, names: Names) -> Reading:
    several = [names.reading(name) for name in value.names]
    if len(several) == 1:
        return several[0]
    if several:
        return lambda row: next((text for one in several if (text := one(row)) is not None), None)
    if value.template is not None:
        return _template(value.template, names)
    constant = value.constant
    return lambda row: constant


def _template(template: str, names: Names) -> Reading:
    parts: list[str | Reading] = [
        names.reading(part[1:-1]) if part.startswith("{") else part
        for part in re.split(r"(\{[^{}]+\})", template)
        if part
    ]

    def text(row: Any) -> str | None:
        texts = [part if isinstance(part, str) else part(row) for part in parts]
        return None if None in texts else "".join(written(text) for text in texts)

    return text


def _mapped(read: Reading, words: dict[str, Scalar | None], otherwise: str) -> Reading:
    patterns = [(word[:-1], meaning) for word, meaning in words.items() if word.endswith("*")]

    def meaning(row: Any) -> Any:
        found = read(row)
        if found is None:
            return None
        text = written(found)
        if text in words:
            return words[text]
        for beginning, meant in patterns:
            if text.startswith(beginning):
                return meant
        if otherwise == "refuse":
            raise RowError(f"{text!r} is not in the mapping")
        return found if otherwise == "keep" else None

    return meaning


def _then(read: Reading, change: Callable[[Any], Any]) -> Reading:
    def changed(row: Any) -> Any:
        found = read(row)
        return None if found is None else change(found)

    return changed


def _or_else(read: Reading, default: Scalar) -> Reading:
    def value(row: Any) -> Any:
        found = read(row)
        return default if found is None else found

    return value


def _time(form: TimeForm) -> Callable[[Any], str]:
    zone, written = ZoneInfo(form.zone), form.format or "iso"
    read = time_reader(written)

    @lru_cache(TIMES_REMEMBERED)
    def time(text: str) -> str:
        try:
            if written in ("epoch_s", "epoch_ms"):
                moment = datetime.fromtimestamp(float(text) / (1 if written == "epoch_s" else 1000), UTC)
            elif written == "iso":
                moment = datetime.fromisoformat(text)
            else:
                moment = read(text)
        except (ValueError, OverflowError, OSError):
            raise RowError(f"{text!r} is no time of the form {written}") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat(timespec="milliseconds")

    return lambda found: time(str(found))


def _number(found: Any) -> Decimal:
    try:
        number = Decimal(str(found))
    except InvalidOperation:
        raise RowError(f"{found!r} is no number") from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise RowError(f"{found!r} is no number that anybody counts with")
    return number


def number_with(decimal: str, found: Any) -> Decimal:
    """A number as people write it, with this decimal mark. Marks between thousands must stand between thousands.
    Raises ``RowError``."""
    text = str(found).strip()
    if text.endswith("-"):
        text = "-" + text[:-1]
    shape = _WRITTEN[decimal].fullmatch(text)
    if shape is None:
        raise RowError(f"{found!r} is no number with {decimal!r} before its decimals")
    sign, whole, rest = shape["sign"] or "", re.sub(r"\D", "", shape["whole"]), shape["rest"] or ""
    return _number(f"{sign}{whole}.{rest or 0}" if rest else sign + whole)


def _integer(found: Any) -> int:
    number = _number(found)
    if number != int(number):
        raise RowError(f"{found!r} is no whole number")
    return int(number)


def _boolean(found: Any) -> bool:
    word = str(found).lower()
    if word in ("true", "t", "yes", "y", "1"):
        return True
    if word in ("false", "f", "no", "n", "0"):
        return False
    raise RowError(f"{found!r} is neither true nor false")


def _json(found: Any) -> Any:
    if not isinstance(found, str):
        return found  # of a payload that is JSON already
    try:
        return msgspec.json.decode(found)
    except msgspec.DecodeError:
        raise RowError(f"{found[:80]!r} is no JSON") from None


def _shape(decimal: str, thousands: str) -> re.Pattern[str]:
    money = r"(?:[€$£¥₹]|[A-Z]{3})?\s*"
    whole = rf"(?P<whole>\d{{1,3}}(?:[{thousands} \u00a0\u202f'’]\d{{3}})+|\d*)"
    return re.compile(
        rf"{money}(?P<sign>[+-])?\s*{money}(?=[{decimal}]?\d){whole}(?:[{decimal}](?P<rest>\d*))?\s*{money}"
    )


_WRITTEN: Final = {".": _shape(".", ","), ",": _shape(",", ".")}

_CASTS: Final[dict[str, Callable[[Any], Any]]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "json": _json,
}
