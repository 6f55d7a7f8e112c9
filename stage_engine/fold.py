"""The fold: from touchpoints to a journey, all at once or step by step, always with the same answer.

The journey is a function of the set of touchpoints: one per identity (of copies the one with the smallest precedence),
in their total order, without voids and without the sales that these take back. The first touchpoint opens the first
visit; each later one makes at most one move, the first in the file's order that fits. Silence moves too, at its exact
time, and a time-out due at a touchpoint's own time comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from operator import itemgetter
from typing import Final

from stage_engine.journey import Journey, Visit
from stage_engine.model import Lapse, Model, Move, Signal
from stage_engine.tail import ENTRY, FULL, oldest, remembered, with_last
from stage_engine.touchpoint import MONEY_UNIT, OrderKey, Placed, Touchpoint, place

SALE: Final = "sale"
RETURN: Final = "return"
VOID: Final = "void"

_BEGINNING: Final = Journey()


class Bearing(Enum):
    """Where a touchpoint stands to a journey."""

    NEW = auto()
    """Never seen, and newer than all that was applied: ``step`` gives the journey with it."""
    KNOWN = auto()
    """A copy that changes nothing."""
    DOUBT = auto()
    """Late, or a copy with a smaller precedence, or a void, or perhaps a copy of something forgotten: fold the history
    again."""


def bearing(journey: Journey, touchpoint: Touchpoint) -> Bearing:
    """How ``touchpoint`` bears on ``journey``, the fold of a customer's history. Never wrong: where the journey alone
    cannot tell, it says DOUBT."""
    return bearing_of(journey, place(touchpoint))


def bearing_of(journey: Journey, placed: Placed) -> Bearing:
    """``bearing`` of a touchpoint whose place is at hand."""
    order, identity, touchpoint = placed
    if (applied := remembered(journey.tail, identity)) is not None:
        return Bearing.KNOWN if applied <= touchpoint.precedence else Bearing.DOUBT
    last = journey.last_order
    if last is None or order <= last or touchpoint.transaction == VOID or touchpoint.message_id in journey.voided:
        return Bearing.DOUBT
    if len(journey.tail) == FULL and _may_be_forgotten(journey, touchpoint):
        return Bearing.DOUBT
    return Bearing.NEW


def _may_be_forgotten(journey: Journey, touchpoint: Touchpoint) -> bool:
    """Whether a touchpoint newer than all others may yet be a copy of one that the tail no longer holds. Copies share
    the original timestamp. A forgotten one came earlier, so the clock of one of the two was corrected: either the
    forgotten one's, whose original timestamp then lies between the smallest and the largest of those, or else this
    one's."""
    original = touchpoint.original_timestamp
    corrected = journey.forgotten_corrected
    if corrected is not None and corrected[0] <= original <= corrected[1]:
        return True
    return original != touchpoint.occurred_at and original <= journey.forgotten_plain_max


def step(model: Model, journey: Journey, touchpoint: Touchpoint, errors: Counter[str] | None = None) -> Journey:
    """``journey`` after a touchpoint whose bearing is NEW. ``errors`` counts the conditions that could not be
    evaluated, by their name."""
    return steps(model, journey, [place(touchpoint)], errors)


def steps(model: Model, journey: Journey, placed: Iterable[Placed], errors: Counter[str] | None = None) -> Journey:
    """``journey`` after several touchpoints, no copies among them, in total order, each of whose bearing on ``journey``
    is NEW: what comes before it among them cannot change that. ``errors`` as for ``step``."""
    course = _Course(model, journey, errors)
    for one in placed:
        course.apply(one)
    return course.journey()


def fold(model: Model, touchpoints: Iterable[Touchpoint], errors: Counter[str] | None = None) -> Journey | None:
    """The journey from scratch: any order, copies and voids. None when nothing is left of it. ``errors`` as for
    ``step``."""
    return fold_placed(model, one_per_identity(map(place, touchpoints)), errors)


def fold_placed(model: Model, placed: Sequence[Placed], errors: Counter[str] | None = None) -> Journey | None:
    """``fold`` of touchpoints that are in total order, no copies among them."""
    voids = [touchpoint for _, _, touchpoint in placed if touchpoint.transaction == VOID]
    if voids:
        taken_back = {void.refers_to for void in voids if void.refers_to}
        placed = [
            one
            for one in placed
            if one[2].transaction != VOID and not (one[2].transaction == SALE and one[2].message_id in taken_back)
        ]
        start = Journey(voided=frozenset(taken_back.union(void.message_id for void in voids)))
    else:
        start = _BEGINNING
    return steps(model, start, placed, errors) if placed else None


def one_per_identity(placed: Iterable[Placed]) -> list[Placed]:
    """Of copies the one with the smallest precedence; in total order."""
    kept: dict[bytes, Placed] = {}
    for one in placed:
        other = kept.get(one[1])
        if other is None or one[2].precedence < other[2].precedence:
            kept[one[1]] = one
    return sorted(kept.values(), key=itemgetter(0))


class _Course:
    """A journey on its way: mutable, so that many touchpoints cost one copy."""

    __slots__ = (
        "corrected",
        "counters",
        "errors",
        "first_touch_at",
        "highest_stage",
        "last_order",
        "last_touch_at",
        "model",
        "plain_max",
        "purchases",
        "revenue",
        "tail",
        "touchpoints",
        "visits",
        "visits_before",
        "voided",
    )

    def __init__(self, model: Model, journey: Journey, errors: Counter[str] | None) -> None:
        self.model = model
        self.errors = errors
        self.visits_before = journey.visits
        self.visits = list(journey.visits[-1:])
        """The last visit before, then those that are added."""
        self.highest_stage = journey.highest_stage
        self.first_touch_at = journey.first_touch_at
        self.last_touch_at = journey.last_touch_at
        self.touchpoints = journey.touchpoints
        self.purchases = journey.purchases
        self.revenue = journey.revenue
        self.counters = journey.counters
        self.voided = journey.voided
        self.last_order = journey.last_order
        self.tail = journey.tail
        self.plain_max = journey.forgotten_plain_max
        self.corrected = journey.forgotten_corrected

    def apply(self, placed: Placed) -> None:
        """Go on by a touchpoint that comes after all applied so far."""
        order, _, touchpoint = placed
        if self.visits:
            self._pass_silence(touchpoint.occurred_at)
            ways = self.model.moves[self.visits[-1].stage].of(touchpoint.event)
        else:
            self.first_touch_at = touchpoint.occurred_at
            ways = self.model.entry.of(touchpoint.event)
        for move in ways:
            if self._fits(move, touchpoint):
                self._enter(move, touchpoint, order)
                break
        for name, signal in self.model.counters.of(touchpoint.event):
            if self._says(signal, touchpoint):
                self.counters = {**self.counters, name: int(self.counters.get(name, 0)) + 1}
        self.touchpoints += 1
        self.last_touch_at = touchpoint.occurred_at
        if touchpoint.transaction:
            self._settle(touchpoint)
        self.last_order = order
        self._remember(placed)

    def journey(self) -> Journey:
        """What has become of it."""
        return Journey(
            visits=self.visits_before + tuple(self.visits[1:]) if self.visits_before else tuple(self.visits),
            planned=tuple([self._visit(lapse) for lapse in self.model.silence[self.visits[-1].stage]]),
            highest_stage=self.highest_stage,
            first_touch_at=self.first_touch_at,
            last_touch_at=self.last_touch_at,
            touchpoints=self.touchpoints,
            purchases=self.purchases,
            revenue=self.revenue,
            counters=self.counters,
            voided=self.voided,
            last_order=self.last_order,
            tail=self.tail,
            forgotten_plain_max=self.plain_max,
            forgotten_corrected=self.corrected,
        )

    def _pass_silence(self, until: int) -> None:
        """The visits that silence brought since the last touchpoint, those due at ``until`` included."""
        for lapse in self.model.silence[self.visits[-1].stage]:
            if self.last_touch_at + lapse.offset_ms > until:
                return
            self.visits.append(self._visit(lapse))
            self._reach(lapse.to)

    def _visit(self, lapse: Lapse) -> Visit:
        return Visit(
            stage=lapse.to,
            entered_at=self.last_touch_at + lapse.offset_ms,
            from_stage=lapse.from_stage,
            label=lapse.label,
        )

    def _enter(self, move: Move, touchpoint: Touchpoint, order: OrderKey) -> None:
        self.visits.append(
            Visit(
                stage=move.to,
                entered_at=touchpoint.occurred_at,
                from_stage=move.from_stage,
                label=move.label,
                cause_message_id=touchpoint.message_id,
                cause_source=touchpoint.source,
                cause_identifiers=order[3],
                cause_original_timestamp=touchpoint.original_timestamp,
                cause_event=touchpoint.event,
                cause_channel=touchpoint.channel,
            )
        )
        self._reach(move.to)

    def _reach(self, stage: str) -> None:
        rank = self.model.rank
        if not self.highest_stage or rank[stage] > rank[self.highest_stage]:
            self.highest_stage = stage

    def _fits(self, move: Move, touchpoint: Touchpoint) -> bool:
        if move.signal is not None and not self._says(move.signal, touchpoint):
            return False
        return move.when is None or move.when.holds(
            touchpoint, {field: self._state(field, touchpoint) for field in move.when.state_fields}, self.errors
        )

    def _says(self, signal: Signal, touchpoint: Touchpoint) -> bool:
        return (
            (signal.events is None or touchpoint.event in signal.events)
            and (signal.types is None or touchpoint.type in signal.types)
            and (signal.channels is None or touchpoint.channel in signal.channels)
            and (signal.score_kinds is None or touchpoint.score_kind in signal.score_kinds)
            and (signal.when is None or signal.when.holds(touchpoint, {}, self.errors))
        )

    def _state(self, field: str, touchpoint: Touchpoint) -> object:
        """What ``state.<field>`` was when the touchpoint came."""
        match field:
            case "stage":
                return self.visits[-1].stage
            case "label":
                return self.visits[-1].label
            case "highest_stage":
                return self.highest_stage
            case "silence_s":
                return (touchpoint.occurred_at - self.last_touch_at) // 1000
            case "touchpoints":
                return self.touchpoints
            case "purchases":
                return self.purchases
            case "revenue":
                return {currency: amount / MONEY_UNIT for currency, amount in self.revenue.items()}
        return self.counters.get(field, 0)

    def _settle(self, touchpoint: Touchpoint) -> None:
        """A sale counts and adds its value; a return takes its value off, whichever sign that was sent with."""
        if touchpoint.transaction == SALE:
            self.purchases += 1
            amount = touchpoint.value
        elif touchpoint.transaction == RETURN and touchpoint.value is not None:
            amount = -abs(touchpoint.value)
        else:
            return
        if amount is not None:
            currency = touchpoint.currency
            self.revenue = {**self.revenue, currency: self.revenue.get(currency, 0) + amount}

    def _remember(self, placed: Placed) -> None:
        tail = with_last(self.tail, placed)
        if len(tail) <= FULL:
            self.tail = tail
            return
        self.tail = tail[ENTRY:]
        occurred_at, original = oldest(tail)
        if original == occurred_at:
            self.plain_max = max(self.plain_max, original)
        elif self.corrected is None:
            self.corrected = (original, original)
        else:
            self.corrected = (min(self.corrected[0], original), max(self.corrected[1], original))
