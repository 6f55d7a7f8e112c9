"""What a model asks of a touchpoint, compiled: signals, and the ways from stage to stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from stage_engine.condition import Condition

Way = TypeVar("Way")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a touchpoint must say. Tests of None are not asked."""

    name: str
    types: frozenset[str] | None
    events: frozenset[str] | None
    channels: frozenset[str] | None
    score_kinds: frozenset[str] | None
    when: Condition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A way out of one stage, or into the first (``from_stage`` is then ``""``)."""

    place: int
    """Its index in the file's ``moves``, or in its ``entry``."""
    from_stage: str
    signal: Signal | None
    """None: whatever the touchpoint says (the last entry)."""
    when: Condition | None
    to: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """A move on silence, ``offset_ms`` after the last touchpoint."""

    place: int
    """Its index in the file's ``moves``."""
    offset_ms: int
    from_stage: str
    to: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways(Generic[Way]):
    """Ways in the file's order, found by the touchpoint's event."""

    by_event: Mapping[str, tuple[Way, ...]]
    otherwise: tuple[Way, ...]
    """For an event that no signal names."""

    def of(self, event: str) -> tuple[Way, ...]:
        """Those that a touchpoint with this event can take, as far as the event says."""
        return self.by_event.get(event, self.otherwise)
