"""Examples of a model, run: whether what somebody does brings the visits that the file says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

import msgspec

from stage_engine.course import Course
from stage_engine.example_file import (
    ExampleFile,
    ExampleTouchpoint,
    ExampleVisit,
    moment_ms,
    moment_or_silence_ms,
)
from stage_engine.fold import one_per_identity, without_voids
from stage_engine.journey import Journey, Visit
from stage_engine.model import Model
from stage_engine.silence import silence_ms
from stage_engine.touchpoint import MONEY_UNIT, Touchpoint, place

START_MS: Final = moment_ms("2026-01-01T10:00Z")
"""When an example begins that does not say it."""
STEP_MS: Final = 60_000
"""Between touchpoints that do not say it."""
FIXED_EVENTS: Final = {
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identified",
    "group": "Group Joined",
    "alias": "Aliased",
    "receipt": "Receipt Issued",
}
"""The event of each type that has none of its own, as ingest gives it."""
TRANSACTIONS: Final = {
    "Order Completed": "sale",
    "Order Refunded": "return",
    "Receipt Issued": "sale",
    "Receipt Returned": "return",
    "Receipt Exchanged": "exchange",
    "Receipt Voided": "void",
}
"""What these events do to purchases and revenue, as ingest finds it."""
_TYPES: Final = {
    **{event: type_ for type_, event in FIXED_EVENTS.items()},
    "Receipt Returned": "receipt",
    "Receipt Exchanged": "receipt",
    "Receipt Voided": "receipt",
}

Way = tuple[str, int]
"""A way of the model: ``entry`` or ``moves``, and its index there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an example."""

    example: ExampleFile
    found: Sequence[Visit]
    first_at: int
    """Of the first touchpoint."""
    taken: frozenset[Way]
    """The ways that were taken."""
    errors: Counter[str]
    """Conditions and counters that failed, by name."""

    @property
    def rows(self) -> list[tuple[ExampleVisit | None, Visit | None]]:
        """Expected and found, side by side."""
        return list(zip_longest(self.example.visits, self.found))

    @property
    def passed(self) -> bool:
        """Whether what was found is what the example says."""
        return all(self.agree(expected, found) for expected, found in self.rows)

    def agree(self, expected: ExampleVisit | None, found: Visit | None) -> bool:
        """Whether one visit is as expected."""
        if expected is None or found is None:
            return False
        entered = (
            found.entered_at if expected.entered is None else moment_or_silence_ms(expected.entered, self.first_at)
        )
        return (expected.stage, expected.label or "", entered) == (found.stage, found.label, found.entered_at)


def run(model: Model, example: ExampleFile) -> Outcome:
    """Fold the example's touchpoints and follow the ways that they take."""
    touchpoints = example_touchpoints(example)
    placed, voided = without_voids(one_per_identity(map(place, touchpoints)))
    errors: Counter[str] = Counter()
    course = Course(model, Journey(voided=voided), errors)
    taken: set[Way] = set()
    for one in placed:
        taken |= _passed(model, course, one[2].occurred_at)
        begins = not course.stage
        if move := course.apply(one):
            taken.add(("entry" if begins else "moves", move.place))
    visits: tuple[Visit, ...] = ()
    if placed:
        until = moment_or_silence_ms(example.until, course.last_touch_at) if example.until else course.last_touch_at
        taken |= _passed(model, course, until)
        journey = course.journey()
        visits = (*journey.visits, *(visit for visit in journey.planned if visit.entered_at <= until))
    first_at = min(touchpoint.occurred_at for touchpoint in touchpoints)
    return Outcome(example=example, found=visits, first_at=first_at, taken=frozenset(taken), errors=errors)


def _passed(model: Model, course: Course, until: int) -> set[Way]:
    """The time-outs that are due by ``until``, if nobody arrives before."""
    lapses = model.silence[course.stage] if course.stage else ()
    return {("moves", lapse.place) for lapse in lapses if course.last_touch_at + lapse.offset_ms <= until}


def example_touchpoints(example: ExampleFile) -> list[Touchpoint]:
    """As the fold takes them, in the file's order."""
    touchpoints: list[Touchpoint] = []
    at = START_MS - STEP_MS
    for number, said in enumerate(example.touchpoints, 1):
        at = moment_ms(said.at) if said.at else at + (silence_ms(said.after) if said.after else STEP_MS)
        touchpoints.append(_touchpoint(number, at, said))
    return touchpoints


def _touchpoint(number: int, at: int, said: ExampleTouchpoint) -> Touchpoint:
    type_ = said.type or _TYPES.get(said.event or "", "track")
    event = said.event or FIXED_EVENTS[type_]
    known = TRANSACTIONS.get(event, "") if type_ in ("track", "receipt") else ""
    return Touchpoint(
        source=said.source,
        message_id=said.message_id or f"{number:04}",
        type=type_,
        event=event,
        name=said.name,
        channel=said.channel,
        acquisition_channel=said.acquisition_channel,
        offline=said.offline,
        occurred_at=at,
        original_timestamp=at,
        received_at=at,
        user_id="example",
        properties=msgspec.json.encode(said.properties),
        traits=msgspec.json.encode(said.traits),
        context=msgspec.json.encode(said.context),
        value=None if said.value is None else round(said.value * MONEY_UNIT),
        currency="" if said.value is None else said.currency,
        transaction=known if said.transaction is None else said.transaction,
        refers_to=said.refers_to,
        score_kind=said.score_kind or "",
        score=None if said.score is None else float(said.score),
        content_hash=bytes(16),
    )
