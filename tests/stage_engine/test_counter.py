"""Counters: what each of them keeps, what a condition reads of it, and that no value can break one."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from stage_engine.condition import Expression
from stage_engine.counter import DISTINCT_MAX, SUM_MAX, TEXT_CHARS_MAX, Kept, Kind, ModelCounter, kept_with, shown
from stage_engine.fold import fold, step
from stage_engine.model import parse_model
from stage_engine.touchpoint import MONEY_UNIT, Touchpoint
from stage_engine.way import Signal

DAY = 86_400_000
BOUGHT = Signal(name="bought", types=None, events=None, channels=None, score_kinds=None, when=None)
VALUE = "event.properties.v"


def touchpoint(at: int = 0, event: str = "Bought", **properties: Any) -> Touchpoint:
    said = {"source": "web", "message_id": f"m{at:015}", "type": "track", "event": event, "channel": "web"}
    times = {"occurred_at": at, "original_timestamp": at, "received_at": at}
    return Touchpoint(**said, **times, user_id="u", properties=json.dumps(properties).encode(), value=125_000)


def counter(kind: Kind, value: str | None = VALUE, most: int = 3) -> ModelCounter:
    expression = Expression(value, "counter it") if value and kind not in ("count", "days_since") else None
    return ModelCounter(name="it", kind=kind, signal=BOUGHT, value=expression, most=most)


def kept(one: ModelCounter, *values: object, errors: Counter[str] | None = None) -> Kept | None:
    """After a touchpoint a day with each of the values."""
    now: Kept | None = None
    for day, value in enumerate(values):
        now = kept_with(one, now, touchpoint(day * DAY, v=value), errors)
    return now


def seen(one: ModelCounter, *values: object) -> object:
    return shown(one, kept(one, *values), len(values) * DAY)


@pytest.mark.parametrize(
    ("kind", "values", "found"),
    [
        ("count", (), 0),
        ("count", (5, None, "x"), 3),
        ("sum", (), 0.0),
        ("sum", (0.1, 0.2, 3), 3.3),
        ("sum", (5, "x", True, None, 2), 7.0),
        ("last", (), None),
        ("last", (1, "two", "", None, [3]), "two"),
        ("last", (1, False), False),
        ("first", ("", None, "one", "two"), "one"),
        ("distinct", (), 0),
        ("distinct", ("a", "b", "a", "", None, "b"), 2),
        ("distinct", (1, 1.0, "1", True), 3),
        ("distinct", ("a", "b", "c", "d"), 3),
        ("days_since", (), None),
        ("days_since", (1, 1), 1),
    ],
)
def test_what_a_condition_reads_of_a_counter(kind: Kind, values: tuple[object, ...], found: object) -> None:
    assert seen(counter(kind), *values) == found


def test_a_value_may_be_computed_from_the_touchpoint() -> None:
    assert seen(counter("sum", "event.properties.v * 2.0 + event.value"), 1.5, 2.0) == 2 * 12.5 + 7.0
    assert seen(counter("last", "event.properties.v > 1 ? 'much' : 'little'"), 1, 2) == "much"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("sum", "many"),
        ("sum", True),
        ("sum", SUM_MAX // MONEY_UNIT + 1),
        ("last", {"a": 1}),
        ("last", "x" * (TEXT_CHARS_MAX + 1)),
        ("first", None),
        ("distinct", [1]),
    ],
)
def test_a_touchpoint_whose_value_cannot_be_kept_does_not_count_and_is_an_error(kind: Kind, value: object) -> None:
    errors: Counter[str] = Counter()
    assert kept(counter(kind), value, errors=errors) is None
    assert errors == {"counter it": 1}
    assert kept(counter(kind), value) is None


@pytest.mark.parametrize("value", ["1.0 / 0.0", "0.0 / 0.0", "1 / 0", "event.score", "event.properties", "[1]"])
@pytest.mark.parametrize("kind", ["sum", "last", "distinct"])
def test_no_expression_can_break_a_counter(kind: Kind, value: str) -> None:
    assert kept(counter(kind, value), 1) is None


def test_a_sum_is_exact_and_stops_at_its_bound() -> None:
    assert seen(counter("sum"), *([0.1] * 1000)) == 100.0
    most = SUM_MAX // MONEY_UNIT
    assert seen(counter("sum"), most, 1, -1) == most - 1


def test_what_is_kept_does_not_grow_and_can_be_written_whatever_the_values() -> None:
    full = kept(counter("distinct", most=DISTINCT_MAX), *(f"value {number}" for number in range(3 * DISTINCT_MAX)))
    assert isinstance(full, tuple)
    assert len(full) == DISTINCT_MAX
    for kind in ("sum", "last", "first"):
        value = kept(counter(kind), *(2**62 // MONEY_UNIT, -(2**62) // MONEY_UNIT, 1e14, 1e300, "é" * TEXT_CHARS_MAX))
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(value)) == value


MODEL = """
name: moods
stages: [{name: quiet}, {name: glad}]
signals: {said: {event: Said}, asked: {event: Asked}}
counters:
  mood: {last: event.properties.v, on: said}
  idle: {days_since: said}
entry: [{to: quiet}]
moves:
  - {from: quiet, on: asked, label: unknown, when: "!has(state.mood) && !has(state.idle)"}
  - {from: quiet, on: asked, to: glad, when: state.mood > 5 && state.idle == 2}
"""


def test_what_was_never_said_is_absent_and_a_condition_on_it_is_no() -> None:
    model = parse_model(MODEL)
    errors: Counter[str] = Counter()
    first = fold(model, [touchpoint(0, "Other"), touchpoint(1, "Asked")], errors)
    assert first is not None
    assert [visit.label for visit in first.visits] == ["", "unknown"]
    later = step(model, step(model, first, touchpoint(2, "Said", v=7)), touchpoint(2 + 2 * DAY, "Asked"), errors)
    assert later.visits[-1].stage == "glad"
    assert not errors
    bare = parse_model(MODEL.replace("!has(state.mood) && !has(state.idle)", "state.mood < 5"))
    journey = fold(bare, [touchpoint(0, "Other"), touchpoint(1, "Asked")], errors)
    assert journey is not None
    assert len(journey.visits) == 1
    assert errors == {"move 1 to unknown": 1, "move 2 to glad": 1}


def test_a_step_leaves_the_counters_of_the_journey_before_as_they_were() -> None:
    model = parse_model(MODEL)
    before = fold(model, [touchpoint(0, "Said", v=1)])
    assert before is not None
    step(model, before, touchpoint(1, "Said", v=2))
    assert before.counters == {"mood": 1, "idle": 0}
