"""The last touchpoints that a journey applied, so that a repeat of one of them costs no reading of the history.

A tail is bytes, ``ENTRY`` for each touchpoint, the oldest first: it is written with every customer of every batch, and
bytes cost a tenth of what as many structures do.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from stage_engine.touchpoint import Placed

TAIL_MAX: Final = 8
"""How many touchpoints are remembered."""

_ENTRY: Final = Struct(">16sqq16s")
"""Identity, ``occurred_at``, ``original_timestamp``, content hash."""
ENTRY: Final = _ENTRY.size
FULL: Final = TAIL_MAX * ENTRY


def with_last(tail: bytes, placed: Placed) -> bytes:
    """The tail with one touchpoint more; it may be longer than ``FULL`` then."""
    order, identity, touchpoint = placed
    return tail + _ENTRY.pack(identity, order[0], order[4], touchpoint.content_hash)


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


def oldest(tail: bytes) -> tuple[int, int]:
    """``occurred_at`` and ``original_timestamp`` of the first touchpoint in it."""
    _, occurred_at, original, _ = _ENTRY.unpack_from(tail)
    return occurred_at, original
