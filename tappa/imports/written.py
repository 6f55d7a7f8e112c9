"""How times and numbers are written in a column, found out from what is in it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Final

_DAYS: Final = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y",
)  # fmt: skip
_CLOCKS: Final = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %H.%M", " %H.%M.%S", ", %H:%M",
    ", %H:%M:%S", "T%H:%M:%S", " %H:%M:%S %z", " %H:%M %z",
)  # fmt: skip
_PATTERNS: Final = tuple(day + clock for day in _DAYS for clock in _CLOCKS)
_SECONDS: Final = re.compile(r"1?\d{9}(?:\.\d+)?")
_MILLISECONDS: Final = re.compile(r"1?\d{12}")
VALUES_REMEMBERED: Final = 5_000
"""Times seen lately: rows of one receipt repeat them."""


class Times:
    """What the times of a column can be read as. Each form that reads a value gets a vote."""

    def __init__(self) -> None:
        self._votes: Counter[str] = Counter()
        self._seen: set[str] = set()

    def see(self, text: str) -> None:
        """One more value."""
        if text in self._seen:
            return
        if len(self._seen) >= VALUES_REMEMBERED:
            self._seen.clear()
        self._seen.add(text)
        self._votes.update(forms_of_time(text, [form for form in _PATTERNS if form in self._votes]))

    @property
    def forms(self) -> list[str]:
        """Those with the most votes: none when nothing was a time, several when it cannot be told."""
        most = max(self._votes.values(), default=0)
        return [form for form, votes in self._votes.items() if votes == most]


def forms_of_time(text: str, likely: list[str] | None = None) -> list[str]:
    """The forms in which a text is a time: ``iso``, ``epoch_s``, ``epoch_ms``, or patterns of strptime, the ``likely``
    alone if one of them fits."""
    if _MILLISECONDS.fullmatch(text):
        return ["epoch_ms"]
    if _SECONDS.fullmatch(text):
        return ["epoch_s"]
    if _is_iso(text):
        return ["iso"]
    if likely and (found := [form for form in likely if _reads(text, form)]):
        return found
    return [form for form in _PATTERNS if _reads(text, form)]


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) >= 8 and (len(text) > 8 or text.startswith(("19", "20")))


def _reads(text: str, pattern: str) -> bool:
    try:
        datetime.strptime(text, pattern)  # noqa: DTZ007 - nothing but the form is asked for
    except ValueError:
        return False
    return True


_MONEY: Final = r"(?:[€$£¥₹]|[A-Z]{3})?\s*"
_BODY: Final = re.compile(rf"{_MONEY}[+-]?\s*{_MONEY}(?P<body>\d[\d.,' \u00a0\u202f’]*)-?\s*{_MONEY}")
_PLAIN: Final = re.compile(r"\d+(?:\.\d{1,2}|\.\d{4,})?")
_GROUPED: Final = re.compile(r"\d{1,3}(?P<mark>[.,])\d{3}")


class Numbers:
    """What the decimal mark of a file's numbers can be."""

    def __init__(self) -> None:
        self._points = 0
        self._commas = 0
        self._either = 0
        self._written = 0

    def see(self, text: str) -> None:
        """One more value."""
        shape = _BODY.fullmatch(text)
        if shape is None:
            return
        body = re.sub(r"[' \u00a0\u202f’]", "", shape["body"])
        self._written += not _PLAIN.fullmatch(text.lstrip("+-"))
        last = max(body.rfind("."), body.rfind(","))
        if last < 0:
            return
        mark, other = body[last], ".,"[body[last] == "."]
        if body.count(mark) > 1:
            mark = other  # 1.234.567: between thousands
        elif other not in body and _GROUPED.fullmatch(body):
            self._either += 1
            return
        if mark == ",":
            self._commas += 1
        else:
            self._points += 1

    @property
    def marks(self) -> list[str]:
        """The decimal mark; none when plain numbers say all; both when it cannot be told, or when both are seen."""
        if self._commas and self._points:
            return [",", "."]
        if self._commas:
            return [","]
        if self._points:
            return ["."] if self._written else []
        if self._either:
            return [",", "."]
        return ["."] if self._written else []
