"""Why a journey went as it did: the fold, watched on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal

from stage_engine.course import Course
from stage_engine.fold import VOID, one_per_identity, without_voids
from stage_engine.journey import Journey
from stage_engine.model import Model
from stage_engine.touchpoint import Placed, Touchpoint, place
from stage_engine.way import Lapse, Move, Signal

Answer = Literal["no", "failed"]
Skipped = Literal["", "void", "voided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """What silence brought, or will bring."""

    lapse: Lapse
    entered_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A way whose signal the touchpoint carried, and whose condition kept it from being taken."""

    move: Move
    answer: Answer
    """``failed``: it could not be evaluated, which means no."""
    state: Mapping[str, object]
    """What it read of the state; what was not there yet is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one touchpoint did."""

    touchpoint: Touchpoint
    skipped: Skipped = ""
    """Why it is left out, if it is: a void, or a sale that a void takes back. The rest is empty then."""
    silence: tuple[Silent, ...] = ()
    """What silence brought before it."""
    found: str = ""
    """The stage that it found the customer in; ``""`` for the first touchpoint."""
    signals: tuple[str, ...] = ()
    """Those that it carried, of the signals that entries, moves and counters use."""
    signals_failed: tuple[str, ...] = ()
    """Those whose condition could not be evaluated."""
    asked: tuple[Asked, ...] = ()
    """The ways that came before the one it took, or all of them."""
    move: Move | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A journey, step by step."""

    steps: tuple[Step, ...]
    planned: tuple[Silent, ...]
    """What silence alone will bring after the last touchpoint."""


def explain(model: Model, touchpoints: Iterable[Touchpoint]) -> Walk:
    """What each touchpoint does, in total order, copies left out. Its moves and what silence brings are the visits of
    ``fold``."""
    placed = one_per_identity(map(place, touchpoints))
    kept, voided = without_voids(placed)
    walking = _Walking(model, voided)
    left = {order for order, _, _ in kept}
    steps = [walking.step(one) if one[0] in left else _skipped(one[2]) for one in placed]
    return Walk(steps=tuple(steps), planned=walking.planned() if kept else ())


def _skipped(touchpoint: Touchpoint) -> Step:
    return Step(touchpoint=touchpoint, skipped="void" if touchpoint.transaction == VOID else "voided")


class _Walking:
    """A course that is asked before each touchpoint what it will meet."""

    def __init__(self, model: Model, voided: frozenset[str]) -> None:
        self._model = model
        self._failures: Final = Counter[str]()
        self._course = Course(model, Journey(voided=voided), self._failures)

    def step(self, placed: Placed) -> Step:
        """Go on by a touchpoint, and tell what it did."""
        touchpoint, course = placed[2], self._course
        silence = tuple(one for one in self.planned() if one.entered_at <= touchpoint.occurred_at)
        course.pass_silence(touchpoint.occurred_at)
        found = course.stage
        carried, failed = self._carried(touchpoint)
        asked = tuple(self._asked(touchpoint))
        return Step(
            touchpoint=touchpoint,
            silence=silence,
            found=found,
            signals=carried,
            signals_failed=failed,
            asked=asked,
            move=course.meet(placed),
        )

    def planned(self) -> tuple[Silent, ...]:
        """What silence alone will bring from now on."""
        course = self._course
        lapses = self._model.silence[course.stage] if course.stage else ()
        return tuple(Silent(lapse=lapse, entered_at=course.last_touch_at + lapse.offset_ms) for lapse in lapses)

    def _asked(self, touchpoint: Touchpoint) -> Iterator[Asked]:
        """The ways that come before the one that it will take."""
        course = self._course
        ways = self._model.moves[course.stage] if course.stage else self._model.entry
        for way in ways.of(touchpoint.event):
            if way.signal is not None and not way.signal.carried_by(touchpoint, course):
                continue
            if way.when is None:
                return
            failures = self._failures[way.when.name]
            state = course.told(way.when.state_fields, touchpoint)
            if way.when.holds(touchpoint, state, self._failures):
                return
            failed = self._failures[way.when.name] > failures
            yield Asked(move=way, answer="failed" if failed else "no", state=state)

    def _carried(self, touchpoint: Touchpoint) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of the signals that it carries, and of those that could not be evaluated."""
        carried: list[str] = []
        failed: list[str] = []
        for name, signal in sorted(dict(self._signals(touchpoint.event)).items()):
            failures = self._failures.total()
            if signal.carried_by(touchpoint, self._course):
                carried.append(name)
            elif self._failures.total() > failures:
                failed.append(name)
        return tuple(carried), tuple(failed)

    def _signals(self, event: str) -> Iterator[tuple[str, Signal]]:
        """All that a touchpoint with this event can carry, as far as the event says."""
        ways = chain(self._model.entry.of(event), *(moves.of(event) for moves in self._model.moves.values()))
        for signal in chain((way.signal for way in ways), (each.signal for each in self._model.counters.of(event))):
            if signal is not None:
                yield signal.name, signal
