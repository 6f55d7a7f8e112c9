"""Amounts and scores in properties, exact."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from stage_engine.touchpoint import MONEY_UNIT

AMOUNT_MAX: Final = 10**12
"""Larger amounts are mistakes: they are kept in the payload and have no value."""

SCORE_RANGES: Final = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "sentiment": (-1.0, 1.0)}

_WHOLE_DIGITS_MAX: Final = 13
NUMBER: Final = r"^\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\s*$"
"""Texts that are amounts, here and in the published schema."""
CURRENCY: Final = "^[A-Za-z]{3}$"
_NUMBER: Final = re.compile(NUMBER, re.ASCII)
_CURRENCY: Final = re.compile(CURRENCY)
_CHARACTERS_MAX: Final = 64
_EXACT: Final = Context(prec=_CHARACTERS_MAX, rounding=ROUND_HALF_EVEN)


def amount(raw: bytes) -> int | None:
    """A JSON number, or a text that is one, in 1/``MONEY_UNIT``; half a unit goes to the even one. None for anything
    else and for what is larger than ``AMOUNT_MAX``."""
    digits = raw[1:-1] if raw[:1] == b'"' else raw
    whole, dot, fraction = digits.partition(b".")
    if (
        whole.isdigit()
        and len(whole) <= _WHOLE_DIGITS_MAX
        and (fraction.isdigit() if dot else not fraction)
        and len(fraction) <= 4
    ):
        return _bounded(int(whole) * MONEY_UNIT + int(fraction.ljust(4, b"0")))  # nearly all amounts
    text = digits.decode(errors="replace")
    if len(text) > _CHARACTERS_MAX or not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text.strip())
        return _bounded(int((number * MONEY_UNIT).quantize(Decimal(1), context=_EXACT)))
    except InvalidOperation:
        return None


@lru_cache(maxsize=1024)
def currency(text: str) -> str:
    """ISO 4217 in capitals, ``""`` for what is no three letters."""
    return text.upper() if _CURRENCY.fullmatch(text) else ""


def score(kind: object, value: object) -> tuple[str, float | None]:
    """The score and its kind, nothing when the kind is unknown or the value outside the kind's range."""
    limits = SCORE_RANGES.get(kind) if isinstance(kind, str) else None
    if limits is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return "", None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return "", None
    return (str(kind), number) if limits[0] <= number <= limits[1] else ("", None)


def _bounded(units: int) -> int | None:
    return units if abs(units) <= AMOUNT_MAX * MONEY_UNIT else None
