"""Counters: what a model keeps of a customer's touchpoints, in a size that does not grow with their number.

A counter keeps one small value. What a condition reads of it as ``state.<name>`` is made from that value (``shown``):
of ``days_since`` the days from the kept time on, of ``distinct`` the number of values whose fingerprints are kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from typing import Final, Literal

from stage_engine.condition import Expression
from stage_engine.touchpoint import MONEY_UNIT, Touchpoint
from stage_engine.way import Signal

DISTINCT_MAX: Final = 100
"""Largest bound of ``distinct``: 900 bytes that are written with the customer."""
TEXT_CHARS_MAX: Final = 256
"""Of a text that is kept: it is written with the customer at every touchpoint. Longer ones do not count."""
SUM_MAX: Final = 10**18
"""In 1/MONEY_UNIT, either way: below what 64 bits hold. A value that would lead beyond does not count."""

Kind = Literal["count", "sum", "last", "first", "distinct", "days_since"]
Kept = int | float | str | bool | tuple[int, ...]
_INTEGERS: Final = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCounter:
    """One counter of a model: touchpoints that carry ``signal`` count."""

    name: str
    kind: Kind
    signal: Signal
    value: Expression | None
    """None where a touchpoint counts by being there."""
    most: int
    """Of ``distinct``: how many values are told apart."""


def kept_with(
    counter: ModelCounter, kept: Kept | None, touchpoint: Touchpoint, errors: Counter[str] | None
) -> Kept | None:
    """What is kept after a touchpoint with the counter's signal, given what was ``kept`` before; None: nothing yet. A
    touchpoint whose value cannot be had, or is not of a kind that can be kept, does not count: it is counted in
    ``errors`` instead, under the value's name. An empty text says nothing, and is no error."""
    if counter.kind == "count":
        return (kept if isinstance(kept, int) else 0) + 1
    if counter.kind == "days_since":
        return touchpoint.occurred_at
    if counter.kind == "first" and kept is not None:
        return kept
    if counter.kind == "distinct" and isinstance(kept, tuple) and len(kept) >= counter.most:
        return kept
    assert counter.value is not None
    try:
        value = counter.value.value(touchpoint, {})
        return _with_value(counter.kind, kept, value)
    except Exception:
        if errors is not None:
            errors[counter.value.name] += 1
        return kept


def shown(counter: ModelCounter, kept: Kept | None, now: int) -> object:
    """What a condition reads at ``now``; None: there is no such field yet."""
    match counter.kind:
        case "count":
            return kept or 0
        case "sum":
            return (kept if isinstance(kept, int) else 0) / MONEY_UNIT
        case "distinct":
            return len(kept) if isinstance(kept, tuple) else 0
        case "days_since" if isinstance(kept, int):
            return (now - kept) // 86_400_000
    return kept


def _with_value(kind: Kind, kept: Kept | None, value: object) -> Kept | None:
    if kind == "sum":
        return _sum(kept if isinstance(kept, int) else 0, value)
    if value == "":
        return kept
    plain = _plain(value)
    return _with_fingerprint(kept if isinstance(kept, tuple) else (), plain) if kind == "distinct" else plain


def _sum(total: int, value: object) -> int:
    """Exact, whatever the order and number of the addends: money and scores have at most four decimals."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    total += round(value * MONEY_UNIT)
    if abs(total) > SUM_MAX:
        raise OverflowError("larger than a sum may be")
    return total


def _plain(value: object) -> int | float | str | bool:
    """``value``, if it is of a kind that can be kept and compared."""
    match value:
        case bool():
            return value
        case str() if len(value) <= TEXT_CHARS_MAX:
            return value
        case int() if value in _INTEGERS:
            return value
        case float() if isfinite(value):
            return value
    raise TypeError("not text, number or boolean, or too large")


def _with_fingerprint(kept: tuple[int, ...], value: float | str | bool) -> tuple[int, ...]:
    """``kept`` with the fingerprint of ``value``, unless it is there. 1 and 1.0 are one value, as in CEL; 1, true and
    "1" are three."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    digest = blake2b(f"{type(value).__name__} {value}".encode(), digest_size=8).digest()
    fingerprint = int.from_bytes(digest)
    return kept if fingerprint in kept else (*kept, fingerprint)
