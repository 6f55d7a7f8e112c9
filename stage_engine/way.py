"""What a model asks of a touchpoint, compiled: signals, and the ways from stage to stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from stage_engine.condition import Condition
from stage_engine.state import Predicate, State
from stage_engine.touchpoint import Touchpoint

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
    asks: tuple[Predicate, ...] = ()
    """All tests but those of event and type; each is asked when those before it are passed."""

    def carried_by(self, touchpoint: Touchpoint, state: State) -> bool:
        """Whether the touchpoint says it. Of ``state`` only ``errors`` is used."""
        if self.events is not None and touchpoint.event not in self.events:
            return False
        if self.types is not None and touchpoint.type not in self.types:
            return False
        for ask in self.asks:  # noqa: SIM110 - a generator takes three times as long
            if not ask(touchpoint, state):
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A way out of one stage, or into the first (``from_stage`` is then ``""``)."""

    place: int
    """Its index in the file's ``moves``, or in its ``entry``."""
    from_stage: str
    signal: Signal | None
    """None: whatever the touchpoint says (the last entry)."""
    when: Condition | None
    types: frozenset[str] | None
    """Of the signal: most touchpoints are told by it."""
    asks: tuple[Predicate, ...]
    """What a touchpoint with event and type of the signal must pass to make the move: the rest of the signal, then
    ``when``."""
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
