"""What conditions read as ``state.*``: what is known of a customer between two touchpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Protocol

from stage_engine.condition import Context
from stage_engine.touchpoint import Touchpoint


class State(Protocol):
    """A course, as conditions see it."""

    stage: str
    """``""`` before the first touchpoint."""
    label: str
    highest_stage: str
    last_touch_at: int
    touchpoints: int
    purchases: int
    revenue: dict[str, int]
    """In 1/MONEY_UNIT, by currency."""
    counters: dict[str, Any]
    """What is kept of them (``stage_engine.counter``), by name."""
    errors: Counter[str] | None
    """Where conditions that cannot be evaluated are counted, by their name."""

    def told(self, fields: Collection[str], touchpoint: Touchpoint) -> Context:
        """``state.<field>`` for each of these, as it was when the touchpoint came; without those that were not there
        yet."""
        ...


Predicate = Callable[[Touchpoint, State], bool]
"""Whether something is true of a touchpoint, given the state before it."""
