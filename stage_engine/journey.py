"""The journey of one customer under one model: what the fold returns, what is stored, what the next step needs."""

from __future__ import annotations

from itertools import chain
from typing import Final

import msgspec

from stage_engine.touchpoint import OrderKey

RECENT_MAX: Final = 32
"""So many visits are copied at a step, each a hundredth of a microsecond."""


class Visit(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True):
    """A stay in a stage. It ends when the next visit begins."""

    stage: str
    entered_at: int
    from_stage: str = ""
    """``""`` for the first visit."""
    label: str = ""
    cause_message_id: str = ""
    """``""`` when silence caused it, like the other causes."""
    cause_source: str = ""
    cause_identifiers: tuple[str, ...] = ()
    cause_original_timestamp: int = 0
    cause_event: str = ""
    cause_channel: str = ""


class Journey(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A customer under one model after some touchpoints. Immutable: a step returns a new one. Its fields' order is
    their stored format: append at the end, with a default."""

    earlier: tuple[tuple[Visit, ...], ...] = ()
    """All ``visits`` but the recent ones, ``RECENT_MAX`` by ``RECENT_MAX``. One step shares them with the next, which
    so costs the same after ten visits as after ten thousand."""
    planned: tuple[Visit, ...] = ()
    """The visits that silence alone will bring after the last touchpoint, in order; bounded."""
    highest_stage: str = ""
    """The furthest stage of ``visits``, by the model's order of stages."""
    first_touch_at: int = 0
    last_touch_at: int = 0
    touchpoints: int = 0
    """Touchpoints applied: no copies, no voided sales, no voids."""
    purchases: int = 0
    revenue: dict[str, int] = {}
    """Sum of values by currency, in 1/MONEY_UNIT, returns taken off."""
    counters: dict[str, int | float | str | bool | tuple[int, ...]] = {}
    """What the model's counters keep, by name (``stage_engine.counter``)."""
    voided: frozenset[str] = frozenset()
    """``message_id`` of the voids in the history, and of the sales that these refer to: whatever carries one is in
    doubt."""
    last_order: OrderKey | None = None
    """Of the last touchpoint applied; None before the first."""
    tail: bytes = b""
    """The last touchpoints applied (``stage_engine.tail``)."""
    forgotten_plain_max: int = 0
    """Of the applied touchpoints that are no longer in the tail, those whose clock was right (``occurred_at`` is the
    original timestamp): the largest original timestamp. 0 for none. With the next it proves that a touchpoint was
    never seen."""
    forgotten_corrected: tuple[int, int] | None = None
    """Of those whose clock was corrected: the smallest and the largest original timestamp. None for none."""
    own: bool = False
    """Whether all its touchpoints are filed under the customer's own identifier. Told from outside, and kept by every
    step."""
    recent: tuple[Visit, ...] = ()
    """The last ``visits``, at least one and at most ``RECENT_MAX``."""

    @property
    def visits(self) -> tuple[Visit, ...]:
        """Past visits, those that silence brought before the last touchpoint included, in order."""
        return (*chain.from_iterable(self.earlier), *self.recent)


def split(visits: tuple[Visit, ...]) -> tuple[tuple[tuple[Visit, ...], ...], tuple[Visit, ...]]:
    """``earlier`` and ``recent`` of a journey with these visits."""
    end = max(len(visits) - 1, 0) // RECENT_MAX * RECENT_MAX
    return tuple([visits[at : at + RECENT_MAX] for at in range(0, end, RECENT_MAX)]), visits[end:]
