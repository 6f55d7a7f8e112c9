"""The last touchpoints that a journey applied, so that a repeat of one of them costs no reading of the history.

A tail is bytes, ``ENTRY`` for each touchpoint, the oldest first: it is written with every customer of every batch, and
bytes cost a tenth of what as many structures do.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final

from stage_engine.touchpoint import Placed

TAIL_MAX: Final = 8
"""How many touchpoints are remembered."""

_ENTRY: Final = Struct(">16sqq16s")
"""Identity, ``occurred_at``, ``original_timestamp``, content hash."""
ENTRY: Final = _ENTRY.size
FULL: Final = TAIL_MAX * ENTRY
_pack: Final = _ENTRY.pack

Times = tuple[int, int]
"""``occurred_at`` and ``original_timestamp``."""


def with_applied(tail: bytes, placed: Sequence[Placed]) -> tuple[bytes, Sequence[Times]]:
    """The tail after some touchpoints more, and the times of those that it does not hold any longer."""
    entries = tail
    for order, identity, touchpoint in placed[-TAIL_MAX:]:
        entries += _pack(identity, order[0], order[4], touchpoint.content_hash)
    before = len(tail) // ENTRY
    excess = before + len(placed) - TAIL_MAX
    if excess <= 0:
        return entries, ()
    forgotten = [_times(tail, at) for at in range(0, min(excess, before) * ENTRY, ENTRY)]
    forgotten += [(order[0], order[4]) for order, _, _ in placed[: max(excess - before, 0)]]
    return entries[-FULL:], forgotten


def remembered(tail: bytes, identity: bytes) -> tuple[int, bytes] | None:
    """The precedence (``occurred_at``, content hash) of the copy that was applied; None for a touchpoint that the tail
    does not hold."""
    at = tail.find(identity)
    while at >= 0 and at % ENTRY:  # by chance across two fields
        at = tail.find(identity, at + 1)
    if at < 0:
        return None
    _, occurred_at, _, content_hash = _ENTRY.unpack_from(tail, at)
    return occurred_at, content_hash


def _times(tail: bytes, at: int) -> Times:
    _, occurred_at, original, _ = _ENTRY.unpack_from(tail, at)
    return occurred_at, original
