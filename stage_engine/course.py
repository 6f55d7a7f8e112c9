"""A journey on its way: what one touchpoint after another makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Final

from stage_engine.condition import Context
from stage_engine.counter import kept_with, shown
from stage_engine.journey import RECENT_MAX, Journey, Visit, split
from stage_engine.model import Model
from stage_engine.tail import with_applied
from stage_engine.touchpoint import MONEY_UNIT, Placed, Touchpoint
from stage_engine.way import Lapse, Move

SALE: Final = "sale"
RETURN: Final = "return"
EXCHANGE: Final = "exchange"


class Course:
    """A journey on its way: mutable, so that many touchpoints cost one copy. Conditions read it as their ``State``."""

    __slots__ = (
        "_added",
        "_applied",
        "_before",
        "_silence",
        "_ways",
        "counters",
        "errors",
        "first_touch_at",
        "highest_stage",
        "label",
        "last_touch_at",
        "model",
        "purchases",
        "revenue",
        "stage",
        "touchpoints",
    )

    def __init__(self, model: Model, journey: Journey, errors: Counter[str] | None) -> None:
        self.model = model
        self.errors = errors
        self._before = journey
        self._applied: list[Placed] = []
        self._added: list[Visit] = []
        self._silence: tuple[Lapse, ...] = ()
        self._ways = model.entry
        self.stage = self.label = ""
        self.highest_stage = journey.highest_stage
        self.first_touch_at = journey.first_touch_at
        self.last_touch_at = journey.last_touch_at
        self.touchpoints = journey.touchpoints
        self.purchases = journey.purchases
        self.revenue = journey.revenue
        self.counters = {**journey.counters} if model.counter_of else journey.counters
        if journey.recent:
            last = journey.recent[-1]
            self._stay(last.stage, last.label)

    def apply(self, placed: Placed) -> Move | None:
        """Go on by a touchpoint that comes after all applied so far, and tell the move that it made."""
        at = placed[0][0]
        if self._silence and self.last_touch_at + self._silence[0].offset_ms <= at:
            self.pass_silence(at)
        return self.meet(placed)

    def pass_silence(self, until: int) -> None:
        """The visits that silence brought since the last touchpoint, those due at ``until`` included. Once only."""
        for lapse in self._silence:
            if self.last_touch_at + lapse.offset_ms > until:
                return
            self._added.append(self._visit(lapse))
            self._reach(lapse.to)
            self._stay(lapse.to, lapse.label)

    def meet(self, placed: Placed) -> Move | None:
        """``apply`` when the silence before has been passed."""
        order, _, touchpoint = placed
        event = touchpoint.event
        made = None
        for move in self._ways.by_event.get(event, self._ways.otherwise):
            if move.types is not None and touchpoint.type not in move.types:
                continue
            for ask in move.asks:
                if not ask(touchpoint, self):
                    break
            else:
                made = move
                self._enter(move, placed)
                break
        counters = self.model.counters
        for counter in counters.by_event.get(event, counters.otherwise):
            if counter.signal.carried_by(touchpoint, self):
                kept = kept_with(counter, self.counters.get(counter.name), touchpoint, self.errors)
                if kept is not None:
                    self.counters[counter.name] = kept
        self.touchpoints += 1
        self.last_touch_at = order[0]
        if touchpoint.transaction:
            self._settle(touchpoint)
        self._applied.append(placed)
        return made

    def journey(self, own: bool = False) -> Journey:
        """What has become of it; ``own`` is noted."""
        before = self._before
        earlier, recent = before.earlier, before.recent
        if self._added:
            recent += tuple(self._added)
            if len(recent) > RECENT_MAX:
                full, recent = split(recent)
                earlier += full
        tail, forgotten = with_applied(before.tail, self._applied)
        plain_max, corrected = before.forgotten_plain_max, before.forgotten_corrected
        for occurred_at, original in forgotten:
            if original == occurred_at:
                plain_max = max(plain_max, original)
            elif corrected is None:
                corrected = (original, original)
            else:
                corrected = (min(corrected[0], original), max(corrected[1], original))
        # By place: with so many names, msgspec takes half a microsecond more, an eighth of a step.
        return Journey(
            earlier,
            tuple([self._visit(lapse) for lapse in self._silence]) if self._silence else (),
            self.highest_stage,
            self.first_touch_at,
            self.last_touch_at,
            self.touchpoints,
            self.purchases,
            self.revenue,
            self.counters,
            before.voided,
            self._applied[-1][0] if self._applied else before.last_order,
            tail,
            plain_max,
            corrected,
            own,
            recent,
        )

    def _visit(self, lapse: Lapse) -> Visit:
        return Visit(
            stage=lapse.to,
            entered_at=self.last_touch_at + lapse.offset_ms,
            from_stage=lapse.from_stage,
            label=lapse.label,
        )

    def _enter(self, move: Move, placed: Placed) -> None:
        order, _, touchpoint = placed
        if not self.stage:
            self.first_touch_at = order[0]
        self._added.append(
            Visit(
                stage=move.to,
                entered_at=order[0],
                from_stage=move.from_stage,
                label=move.label,
                cause_message_id=order[1],
                cause_source=order[2],
                cause_identifiers=order[3],
                cause_original_timestamp=order[4],
                cause_event=touchpoint.event,
                cause_channel=touchpoint.channel,
            )
        )
        self._reach(move.to)
        self._stay(move.to, move.label)

    def _reach(self, stage: str) -> None:
        rank = self.model.rank
        if not self.highest_stage or rank[stage] > rank[self.highest_stage]:
            self.highest_stage = stage

    def _stay(self, stage: str, label: str) -> None:
        self.stage = stage
        self.label = label
        self._ways = self.model.moves[stage]
        self._silence = self.model.silence[stage]

    def told(self, fields: Collection[str], touchpoint: Touchpoint) -> Context:
        """As ``State.told``."""
        said = {field: self._told(field, touchpoint) for field in fields}
        return {field: value for field, value in said.items() if value is not None} if None in said.values() else said

    def _told(self, field: str, touchpoint: Touchpoint) -> object:
        match field:
            case "stage" | "label" | "highest_stage" | "touchpoints" | "purchases":
                return getattr(self, field)
            case "silence_s":
                return (touchpoint.occurred_at - self.last_touch_at) // 1000
            case "revenue":
                return {currency: amount / MONEY_UNIT for currency, amount in self.revenue.items()}
        return shown(self.model.counter_of[field], self.counters.get(field), touchpoint.occurred_at)

    def _settle(self, touchpoint: Touchpoint) -> None:
        """A sale counts and adds its value; a return takes its value off, whichever sign that was sent with; an
        exchange adds what was paid on top, or takes off what was paid back, and does not count."""
        if touchpoint.transaction in (SALE, EXCHANGE):
            self.purchases += touchpoint.transaction == SALE
            amount = touchpoint.value
        elif touchpoint.transaction == RETURN and touchpoint.value is not None:
            amount = -abs(touchpoint.value)
        else:
            return
        if amount is not None:
            currency = touchpoint.currency
            self.revenue = {**self.revenue, currency: self.revenue.get(currency, 0) + amount}
