"""A journey on its way: what one touchpoint after another makes of it."""

from __future__ import annotations

from collections import Counter
from typing import Final

from stage_engine.condition import Condition
from stage_engine.counter import ModelCounter, kept_with, shown
from stage_engine.journey import Journey, Visit
from stage_engine.model import Model
from stage_engine.tail import ENTRY, FULL, oldest, with_last
from stage_engine.touchpoint import MONEY_UNIT, OrderKey, Placed, Touchpoint
from stage_engine.way import Lapse, Move, Signal

SALE: Final = "sale"
RETURN: Final = "return"


class Course:
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
        "own",
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
        self.counters = {**journey.counters} if model.counter_of else journey.counters
        self.voided = journey.voided
        self.last_order = journey.last_order
        self.tail = journey.tail
        self.plain_max = journey.forgotten_plain_max
        self.corrected = journey.forgotten_corrected
        self.own = journey.own

    def apply(self, placed: Placed) -> Move | None:
        """Go on by a touchpoint that comes after all applied so far, and tell the move that it made."""
        order, _, touchpoint = placed
        move = self._move(touchpoint)
        if move is not None:
            self._enter(move, touchpoint, order)
        for counter in self.model.counters.of(touchpoint.event):
            if self._says(counter.signal, touchpoint):
                self._count(counter, touchpoint)
        self.touchpoints += 1
        self.last_touch_at = touchpoint.occurred_at
        if touchpoint.transaction:
            self._settle(touchpoint)
        self.last_order = order
        self._remember(placed)
        return move

    def _move(self, touchpoint: Touchpoint) -> Move | None:
        """The move that the touchpoint makes; the silence before it has passed then."""
        if self.visits:
            self._pass_silence(touchpoint.occurred_at)
            ways = self.model.moves[self.visits[-1].stage].of(touchpoint.event)
        else:
            self.first_touch_at = touchpoint.occurred_at
            ways = self.model.entry.of(touchpoint.event)
        for move in ways:
            if (move.signal is None or self._says(move.signal, touchpoint)) and (
                move.when is None or self._holds(move.when, touchpoint)
            ):
                return move
        return None

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
            own=self.own,
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

    def _holds(self, condition: Condition, touchpoint: Touchpoint) -> bool:
        state = {field: self._state(field, touchpoint) for field in condition.state_fields}
        if None in state.values():
            state = {field: value for field, value in state.items() if value is not None}
        return condition.holds(touchpoint, state, self.errors)

    def _says(self, signal: Signal, touchpoint: Touchpoint) -> bool:
        return (
            (signal.events is None or touchpoint.event in signal.events)
            and (signal.types is None or touchpoint.type in signal.types)
            and (signal.channels is None or touchpoint.channel in signal.channels)
            and (signal.score_kinds is None or touchpoint.score_kind in signal.score_kinds)
            and (signal.when is None or signal.when.holds(touchpoint, {}, self.errors))
        )

    def _state(self, field: str, touchpoint: Touchpoint) -> object:
        """What ``state.<field>`` was when the touchpoint came; None: it was not there yet."""
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
        return shown(self.model.counter_of[field], self.counters.get(field), touchpoint.occurred_at)

    def _count(self, counter: ModelCounter, touchpoint: Touchpoint) -> None:
        kept = kept_with(counter, self.counters.get(counter.name), touchpoint, self.errors)
        if kept is not None:
            self.counters[counter.name] = kept

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
