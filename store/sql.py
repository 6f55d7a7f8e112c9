"""Text for statements: whatever comes from outside gets into them as literals only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

_IDS_BYTES_MAX: Final = 400_000
"""Ids in one query, as text: about ten thousand. Some queries carry them twice."""

_SEPARATOR: Final = "\x1f"
"""Of ids in one literal."""


def literal(text: str) -> str:
    """``text`` as a string literal of ClickHouse's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


def arrays(ids: Collection[str]) -> Iterator[str]:
    """The ids as arrays for the right of an ``IN``, each about as long as a statement can carry. One long literal that
    ClickHouse takes apart costs it half as much as a literal each, and a constant much less than a subquery."""
    part: list[str] = []
    size = 0
    for one in ids:
        if part and size > _IDS_BYTES_MAX:
            yield array_of(part)
            part, size = [], 0
        part.append(one)
        size += len(one.encode()) + 1
    if part:
        yield array_of(part)


def array_of(ids: Sequence[str]) -> str:
    """The ids as one array."""
    together = _SEPARATOR.join(ids)
    if together.count(_SEPARATOR) == len(ids) - 1:
        return f"splitByChar('\\x1f', {literal(together)})"
    return f"[{', '.join(map(literal, ids))}]"
