"""A mapping proposed for a table that nobody has described: by the names of its columns and by what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from ingest.files.mapping import CsvForm, ExcelForm
from tappa.imports.words import MEANINGS, ROLES, likeness, plain
from tappa.imports.written import Numbers, Times

ROWS_SEEN: Final = 2_000
"""Of the file's beginning, to propose by."""
KINDS_MAX: Final = 12
"""Different words of a column that says the kind of a receipt."""
_ENOUGH: Final = 0.8
"""Part of a column's values that must look like what the column is taken for."""
_MAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE: Final = re.compile(r"[+(]?[\d][\d\s()/.-]{5,19}")
_CLOCK: Final = re.compile(r"\d{1,2}[:.]\d{2}([:.]\d{2})?( ?[AaPp][Mm])?")
_SIGNS: Final = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY", "zł": "PLN"}
_LINE_FIELDS: Final = ("sku", "name", "quantity", "unit_price", "discount", "category")


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has said about the file."""

    zone: str = ""
    currency: str = ""
    store: str = ""


class Proposal(msgspec.Struct, frozen=True):
    """A mapping, as it would be written, and what a person should look at."""

    mapping: dict[str, Any]
    notes: list[str]


class _Column(msgspec.Struct, frozen=True):
    name: str
    values: list[str]
    """Those that are not empty."""

    def share(self, fits: Callable[[str], bool]) -> float:
        """Which part of the values is like that; 0 without values."""
        return sum(map(fits, self.values)) / len(self.values) if self.values else 0.0


def propose(
    names: Sequence[str], rows: Sequence[Sequence[str]], csv: CsvForm, excel: ExcelForm, wishes: Wishes, *, is_csv: bool
) -> Proposal | None:
    """For receipts when the table has a number and a time of receipts and an amount, else for messages when it has an
    event and a time; None when it has neither."""
    empty = frozenset(csv.empty)
    columns = [
        _Column(name, [text for row in rows if (text := row[place].strip()) not in empty])
        for place, name in enumerate(names)
        if name.strip()
    ]
    roles = _roles(columns)
    proposer = _Proposer(roles, columns, wishes)
    if {"receipt_id", "sold_at"} <= roles.keys() and roles.keys() & {"unit_price", "line_total", "total"}:
        made = {"receipt": proposer.receipt()}
    elif "sold_at" in roles and roles.keys() & {"event", "url"}:
        made = {"message": proposer.message()}
    else:
        return None
    written = {"version": 1, **_form(csv, excel, is_csv=is_csv), **made}
    unused = [column.name for column in columns if column.name not in proposer.used]
    if unused:
        proposer.notes.append(f"not used: {', '.join(unused)}")
    return Proposal(written, proposer.notes)


class _Proposer:
    def __init__(self, roles: dict[str, _Column], columns: list[_Column], wishes: Wishes) -> None:
        self._roles = roles
        self._columns = columns
        self._wishes = wishes
        self.notes: list[str] = []
        self.used: set[str] = set()
        numbers = Numbers()
        for role in ("quantity", "unit_price", "line_total", "total", "discount"):
            for text in roles[role].values if role in roles else ():
                numbers.see(text)
        marks = numbers.marks
        self._decimal = marks[0] if marks else ""
        if len(marks) > 1:
            self.notes.append("numbers: a comma may be before decimals or between thousands; taken for decimals")

    def receipt(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "receipt_id": self._column("receipt_id"),
            "store_id": self._column("store_id") or self._store(),
            "till_id": self._column("till_id"),
            "business_date": self._column("business_date"),
            "sold_at": self._time(),
            "currency": self._column("currency") or self._currency(),
            "kind": self._kind(),
            "total": self._number("total"),
            **{f"customer.{role}": self._column(role) for role in ("user_id", "loyalty_card", "email", "phone")},
        }
        lines = self._lines()
        if lines and "sku" not in lines:
            lines["sku"] = lines.get("name") or {"constant": "unknown"}
            self.notes.append("lines: no column says the article's number; taken from its name")
        group = [str(fields["receipt_id"])]
        group += [self._roles[role].name for role in ("store_id", "till_id") if role in self._roles]
        receipt: dict[str, Any] = {"group_by": group, "fields": _without_none(fields)}
        if lines:
            receipt["lines"] = _without_none(lines)
        return receipt

    def message(self) -> dict[str, Any]:
        page = "event" not in self._roles
        targets: dict[str, Any] = {
            "type": {"constant": "page" if page else "track"},
            "event": None if page else self._column("event"),
            "messageId": self._column("message_id"),
            "timestamp": self._time(),
            "userId": self._column("user_id"),
            "anonymousId": self._column("anonymous_id"),
            "context.page.url": self._column("url"),
            **{f"context.traits.{role}": self._column(role) for role in ("loyalty_card", "email", "phone")},
            "properties.total": self._number("total") or self._number("line_total"),
            "properties.currency": self._column("currency"),
        }
        return _without_none(targets)

    def _lines(self) -> dict[str, Any]:
        lines: dict[str, Any] = {
            role: self._number(role) if role in ("quantity", "unit_price", "discount") else self._column(role)
            for role in _LINE_FIELDS
        }
        if lines["unit_price"] is None:
            lines["unit_price"] = self._number("line_total")
            if lines["unit_price"] is None:
                return {}
            lines["quantity"] = {"constant": 1}
            self.notes.append("lines: no column says the price of one; the line's amount is taken, as one piece")
        elif lines["quantity"] is None:
            lines["quantity"] = {"constant": 1}
            self.notes.append("lines: no column says how many; taken as one piece")
        return _without_none(lines)

    def _column(self, role: str) -> str | None:
        if role not in self._roles:
            return None
        self.used.add(self._roles[role].name)
        return self._roles[role].name

    def _number(self, role: str) -> dict[str, Any] | None:
        name = self._column(role)
        if name is None:
            return None
        return {"column": name, "as": "number", **({"decimal": self._decimal} if self._decimal else {})}

    def _time(self) -> dict[str, Any]:
        day, clock = self._roles["sold_at"], self._roles.get("clock")
        self.used.add(day.name)
        times = Times()
        origin: dict[str, Any] = {"column": day.name}
        values = day.values
        if clock is not None and not any(":" in value for value in values[:50]):
            self.used.add(clock.name)
            origin = {"template": f"{{{day.name}}} {{{clock.name}}}"}
            values = [f"{one} {other}" for one, other in zip(day.values, clock.values, strict=False)]
        for text in values:
            times.see(text)
        forms = times.forms
        form = next((one for one in forms if one.startswith("%m") is self._is_american(values)), (forms or ["iso"])[0])
        if others := [one for one in forms if one != form]:
            self.notes.append(f"times: could also be {' or '.join(others)}; taken as {form}")
        zone = self._wishes.zone or "UTC"
        if not self._wishes.zone and form not in ("epoch_s", "epoch_ms") and not all(map(_has_offset, values[:50])):
            self.notes.append("times: they do not say their zone; taken as UTC (--zone says another)")
        return {**origin, "time": {"format": form, "zone": zone}}

    def _is_american(self, values: list[str]) -> bool:
        """Whether days that may be months are likelier months: 12/1/2010 without zeros, and no decimal comma."""
        return self._decimal != "," and any(re.match(r"\d/|\d+/\d/", value) for value in values)

    def _store(self) -> dict[str, str]:
        store = self._wishes.store or "store-1"
        if not self._wishes.store:
            self.notes.append(f"store: no column says it; taken as {store} (--store says another)")
        return {"constant": store}

    def _currency(self) -> dict[str, str]:
        if self._wishes.currency:
            return {"constant": self._wishes.currency}
        prices = [text for role in ("unit_price", "line_total", "total") if role in self._roles
                  for text in self._roles[role].values[:50]]  # fmt: skip
        found = next((code for sign, code in _SIGNS.items() if any(sign in text for text in prices)), "EUR")
        self.notes.append(f"currency: no column says it; taken as {found} (--currency says another)")
        return {"constant": found}

    def _kind(self) -> dict[str, Any] | None:
        if "kind" not in self._roles:
            return None
        column = self._roles["kind"]
        words = sorted(set(column.values))
        known = {word: MEANINGS[plain(word)] for word in words if plain(word) in MEANINGS}
        if not known or len(words) > KINDS_MAX:
            return None
        self.used.add(column.name)
        if unknown := [word for word in words if word not in known]:
            self.notes.append(f"kind: {', '.join(unknown)}: say what these are; such rows are refused")
        return {"column": column.name, "map": known, "otherwise": "refuse"}


def _roles(columns: list[_Column]) -> dict[str, _Column]:
    """Which column is what: the likeliest pairs first, each column and each role once."""
    pairs = [
        (likeness(column.name, role), -place, role, column)
        for place, column in enumerate(columns)
        for role in ROLES
        if _fits(column, role)
    ]
    roles: dict[str, _Column] = {}
    taken: set[str] = set()
    for score, _, role, column in sorted(pairs, key=lambda pair: pair[:2], reverse=True):
        if score and role not in roles and column.name not in taken:
            roles[role] = column
            taken.add(column.name)
    for role in ("email", "sold_at"):  # what is in these says it alone
        rest = [column for column in columns if column.name not in taken and _fits(column, role)]
        if role not in roles and rest:
            roles[role] = rest[0]
            taken.add(rest[0].name)
    return roles


def _fits(column: _Column, role: str) -> bool:
    if role in ("quantity", "unit_price", "line_total", "total", "discount"):
        return column.share(_is_number) >= _ENOUGH
    if role == "email":
        return column.share(lambda text: _MAIL.fullmatch(text) is not None) >= _ENOUGH
    if role == "phone":
        return column.share(lambda text: _PHONE.fullmatch(text) is not None) >= _ENOUGH
    if role in ("sold_at", "business_date"):
        sample = Times()
        for text in column.values[:20]:
            sample.see(text)
        return bool(sample.forms)
    if role == "clock":
        return (
            column.share(lambda text: re.fullmatch(r"\d{1,2}[:.]\d{2}([:.]\d{2})?( ?[AaPp][Mm])?", text) is not None)
            >= _ENOUGH
        )
    if role == "currency":
        return column.share(lambda text: re.fullmatch(r"[A-Za-z]{3}", text) is not None) >= _ENOUGH
    return bool(column.values)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[€$£¥]?\s*[+-]?\s*[€$£¥]?\s*\d[\d.,' \u00a0’]*-?\s*(?:[€$£¥]|[A-Z]{3}|zł)?", text) is not None


def _has_offset(text: str) -> bool:
    return re.search(r"(?:Z|[+-]\d{2}:?\d{2})$", text) is not None


def _form(csv: CsvForm, excel: ExcelForm, *, is_csv: bool) -> dict[str, Any]:
    if is_csv:
        return {"csv": csv.model_dump(exclude_unset=False, exclude={"quote", "empty"}, exclude_none=True)}
    found = excel.model_dump(exclude_defaults=True)
    return {"excel": found} if found else {}


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
