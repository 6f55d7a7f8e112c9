"""Why a journey went as it did: the fold, watched on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal

from stage_engine.condition import Condition
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
    course = _Watched(model, Journey(voided=voided), Counter())
    left = {order for order, _, _ in kept}
    steps = [course.step(one) if one[0] in left else _skipped(one[2]) for one in placed]
    return Walk(steps=tuple(steps), planned=course.planned() if kept else ())


def _skipped(touchpoint: Touchpoint) -> Step:
    return Step(touchpoint=touchpoint, skipped="void" if touchpoint.transaction == VOID else "voided")


class _Watched(Course):
    """A course that remembers what the last touchpoint met."""

    __slots__ = ("_asked", "_failures", "_found", "_silence")

    def __init__(self, model: Model, journey: Journey, failures: Counter[str]) -> None:
        super().__init__(model, journey, failures)
        self._failures: Final = failures
        self._asked: list[tuple[Condition, Answer, Mapping[str, object]]] = []
        self._silence: tuple[Silent, ...] = ()
        self._found = ""

    def step(self, placed: Placed) -> Step:
        """Go on by a touchpoint, and tell what it did."""
        touchpoint = placed[2]
        self._asked = []
        move = self.apply(placed)
        ways = (self.model.moves[self._found] if self._found else self.model.entry).of(touchpoint.event)
        carried, failed = self._carried(touchpoint)
        return Step(
            touchpoint=touchpoint,
            silence=self._silence,
            found=self._found,
            signals=carried,
            signals_failed=failed,
            asked=tuple(
                Asked(move=next(way for way in ways if way.when is condition), answer=answer, state=state)
                for condition, answer, state in self._asked
            ),
            move=move,
        )

    def planned(self) -> tuple[Silent, ...]:
        """What silence alone will bring from now on."""
        return self._silent(self.model.silence[self.visits[-1].stage])

    def _move(self, touchpoint: Touchpoint) -> Move | None:
        before = self.visits[-1].stage if self.visits else ""
        count = len(self.visits)
        move = super()._move(touchpoint)
        lapses = self.model.silence[before][: len(self.visits) - count] if before else ()
        self._silence = self._silent(lapses)
        self._found = self.visits[-1].stage if self.visits else ""
        return move

    def _silent(self, lapses: Iterable[Lapse]) -> tuple[Silent, ...]:
        return tuple(Silent(lapse=lapse, entered_at=self.last_touch_at + lapse.offset_ms) for lapse in lapses)

    def _holds(self, condition: Condition, touchpoint: Touchpoint) -> bool:
        failures = self._failures[condition.name]
        answer = super()._holds(condition, touchpoint)
        if not answer:
            state = {field: self._state(field, touchpoint) for field in condition.state_fields}
            known = {field: value for field, value in state.items() if value is not None}
            failed = self._failures[condition.name] > failures
            self._asked.append((condition, "failed" if failed else "no", known))
        return answer

    def _carried(self, touchpoint: Touchpoint) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of the signals that it carries, and of those that could not be evaluated."""
        carried: list[str] = []
        failed: list[str] = []
        for name, signal in sorted(dict(self._signals(touchpoint.event)).items()):
            failures = self._failures.total()
            if self._says(signal, touchpoint):
                carried.append(name)
            elif self._failures.total() > failures:
                failed.append(name)
        return tuple(carried), tuple(failed)

    def _signals(self, event: str) -> Iterator[tuple[str, Signal]]:
        """All that a touchpoint with this event can carry, as far as the event says."""
        ways = chain(self.model.entry.of(event), *(moves.of(event) for moves in self.model.moves.values()))
        for signal in chain((way.signal for way in ways), (each.signal for each in self.model.counters.of(event))):
            if signal is not None:
                yield signal.name, signal
