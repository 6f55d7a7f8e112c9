"""The short way and CEL say the same of everything, errors included."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stage_engine.condition import Condition, ConditionError
from stage_engine.counter import Kept
from stage_engine.course import Course
from stage_engine.journey import Journey
from stage_engine.model import parse_model
from stage_engine.shortcut import TOKENS_MAX, predicate
from stage_engine.touchpoint import Touchpoint
from tests.stage_engine.test_condition import MORE_WORDS, WORDS, touchpoint

MODEL = parse_model("""
name: counting
stages: [{name: s0}, {name: s1}]
signals: {told: {type: track}}
counters:
  orders: {count: told}
  spent: {sum: event.value, on: told}
  kinds: {distinct: event.type, on: told, max: 4}
  idle: {days_since: told}
  mood: {last: event.score, on: told}
  word: {first: event.name, on: told}
entry: [{to: s0}]
""")
KINDS = {name: counter.kind for name, counter in MODEL.counter_of.items()}
TEXTS = ("", "a", "web", "s0", 'it"s', "è", "true", "1")
NUMBERS = (0, 1, -1, 2, 1.0, 0.5, -0.5, 2**53 - 1, 2**53, 2**53 + 1, 2.0**53, 10**15, 86_400)
LONG = b'{"a": ' + b"9" * 400 + b"}"
JSON: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans(), st.none(), st.just([]), st.just({}),
    st.sampled_from((2**63, 2**64, -(2**63), 1e308, 10**30)),
)  # fmt: skip
TEXT_FIELDS = (
    *("event.type", "event.event", "event.name", "event.channel", "event.currency"),
    *("state.stage", "state.label", "state.highest_stage"),
)
NUMBER_FIELDS = (
    *("event.value", "event.score", "state.silence_s", "state.touchpoints", "state.purchases", "state.revenue.EUR"),
    *("state.orders", "state.spent", "state.kinds", "state.idle"),
)
ANY_FIELDS = (
    "event.properties.a",
    "event.properties.b",
    "event.traits.a",
    "event.context.a",
    "state.mood",
    "state.word",
)
OTHER_FIELDS = ("event.offline", "event.properties.a.b", "event.properties", "state.revenue")
FIELDS = TEXT_FIELDS + NUMBER_FIELDS + ANY_FIELDS + OTHER_FIELDS
TEXT_LITERALS = ("'web'", '"a"', "''", "'s0'", "'è'", "'it\\'s'")
NUMBER_LITERALS = (
    *("0", "1", "-1", "2", "1.0", "0.5", "-0.5", "1800", "9007199254740991", "9007199254740992", "9007199254740993"),
    *("9007199254740992.0", "1u", "1e3"),
)
LITERALS = (*TEXT_LITERALS, *NUMBER_LITERALS, "true", "false", "null", "[1]")
SIGNS = st.sampled_from(("==", "!=", "<", "<=", ">", ">="))


def compared(left: tuple[str, ...], right: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(left), SIGNS, st.sampled_from(right)).map(" ".join)


def listed(one: tuple[str, list[str]]) -> str:
    return f"{one[0]} in [{', '.join(one[1])}]"


QUESTIONS = st.one_of(
    compared(NUMBER_FIELDS, NUMBER_LITERALS),
    compared(NUMBER_LITERALS, NUMBER_FIELDS),
    compared(NUMBER_FIELDS, NUMBER_FIELDS),
    compared(TEXT_FIELDS, TEXT_LITERALS + TEXT_FIELDS),
    compared(ANY_FIELDS, LITERALS),
    compared(FIELDS + LITERALS, FIELDS + LITERALS),
    st.sampled_from(FIELDS).map("has({})".format),
    st.sampled_from((*ANY_FIELDS, *OTHER_FIELDS, "true", "false")),
    st.tuples(st.sampled_from(TEXT_FIELDS), st.lists(st.sampled_from(TEXT_LITERALS), max_size=3)).map(listed),
    st.tuples(st.sampled_from(FIELDS), st.lists(st.sampled_from(LITERALS), max_size=3)).map(listed),
)
CONDITIONS = st.recursive(
    QUESTIONS,
    lambda some: st.one_of(
        st.tuples(some, st.sampled_from((" && ", " || ", "&&", "||")), some).map("".join),
        some.map("({})".format),
        some.map("!{}".format),
        some.map("!({})".format),
        st.tuples(some, some).map(lambda two: "{} == ({})".format(*two)),
    ),
    max_leaves=5,
)
TOUCHPOINTS = st.builds(
    lambda **said: touchpoint(**said),
    type=st.sampled_from(("track", "page")),
    event=st.sampled_from(TEXTS),
    name=st.sampled_from(TEXTS),
    channel=st.sampled_from(TEXTS),
    currency=st.sampled_from(("", "EUR")),
    offline=st.booleans(),
    value=st.sampled_from((None, 0, 10_000, 5_000, -10_000, 2**53 * 10_000)),
    score=st.sampled_from((None, 0.0, 1.0, 0.5)),
    occurred_at=st.sampled_from((0, 1, 1_800_000, 10**12)),
    properties=st.one_of(
        st.dictionaries(st.sampled_from("ab"), JSON).map(lambda said: json.dumps(said).encode()),
        st.sampled_from((b"", b"[]", b"{", b'{"a": 1e999}', b'{"a": "\\ud800"}', b'{"a": 1, "a": "x"}', LONG)),
    ),
    traits=st.sampled_from((b"", b'{"a": "web"}', b'{"a": true}')),
    context=st.sampled_from((b"", b'{"a": {"b": 1}}', b'{"a": null}')),
)  # fmt: skip
COUNTERS: st.SearchStrategy[dict[str, Kept]] = st.fixed_dictionaries(
    {},
    optional={
        "orders": st.integers(1, 3),
        "spent": st.sampled_from((0, 10_000, -5_000)),
        "kinds": st.sampled_from(((1,), (1, 2))),
        "idle": st.sampled_from((0, 1, -86_400_000)),
        "mood": st.sampled_from((*NUMBERS, *TEXTS, True, False, 2**63 - 1)),
        "word": st.sampled_from((*NUMBERS, *TEXTS, True, False, 2**63 - 1)),
    },
)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    course = Course(MODEL, Journey(), Counter())
    course.stage = course.highest_stage = draw(st.sampled_from(("s0", "s1")))
    course.label = draw(st.sampled_from(TEXTS))
    course.last_touch_at = draw(st.sampled_from((0, 1)))
    course.touchpoints, course.purchases = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    course.revenue = draw(st.sampled_from(({}, {"EUR": 10_000}, {"EUR": -5_000, "USD": 1})))
    course.counters = {**draw(COUNTERS)}
    return course


def compiled(text: str) -> Condition:
    try:
        return Condition(text, "it")
    except ConditionError:
        return Condition("true", "it")


def both(condition: Condition, one: Touchpoint, course: Course) -> tuple[tuple[bool, int], tuple[bool, int]]:
    """What the short way says, and how many errors it counted; and the same of CEL."""
    course.errors = Counter()
    short = predicate(condition, KINDS)(one, course), course.errors["it"]
    errors: Counter[str] = Counter()
    return short, (condition.holds(one, course.told(condition.state_fields, one), errors), errors["it"])


@settings(max_examples=1500, deadline=None)
@given(text=CONDITIONS, one=TOUCHPOINTS, course=courses())
@example("event.properties.a == 1 || true", touchpoint(b"{}"), Course(MODEL, Journey(), None))
@example("event.score == 1.0 || event.offline", touchpoint(b""), Course(MODEL, Journey(), None))
@example("has(event.properties.a)", touchpoint(LONG), Course(MODEL, Journey(), None))
@example("!event.offline || event.properties.a == 1", touchpoint(LONG), Course(MODEL, Journey(), None))
@example("!has(event.properties.a) || event.properties.a > 1", touchpoint(b""), Course(MODEL, Journey(), None))
def test_the_short_way_says_what_cel_says(text: str, one: Touchpoint, course: Course) -> None:
    short, cel = both(compiled(text), one, course)
    assert short == cel


@settings(max_examples=300, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS + MORE_WORDS), max_size=14), one=TOUCHPOINTS, course=courses())
def test_it_does_so_of_any_text_that_is_a_condition(words: list[str], one: Touchpoint, course: Course) -> None:
    condition = compiled("".join(words))
    if set(condition.state_fields) <= {"purchases"}:
        short, cel = both(condition, one, course)
        assert short == cel


@pytest.mark.parametrize(
    "text",
    [
        "event.value >= 100.0 && event.currency == 'EUR'",
        "state.silence_s >= 1800 && state.silence_s <= 1209600",
        "state.label in ['lapsing', 'lost']",
        "!(has(state.mood) && state.mood >= 9.0) || event.offline",
        "state.orders >= 2 && state.revenue.EUR > 50.0 && state.idle < 30",
        "!has(event.properties.rating) || event.properties.rating != 2",
        "has(event.score) && 9 <= event.score",
    ],
)
def test_what_people_write_takes_the_short_way(text: str) -> None:
    assert predicate(Condition(text, "it"), KINDS).__name__ == "<lambda>"


@pytest.mark.parametrize(
    "text",
    [
        "double(event.properties.rating) >= 4.0",
        "state.purchases % 2 == 1",
        "event.name.startsWith('a')",
        "event.name < 'b'",
        "event.properties.a == event.properties.b",
        "event.properties.a.b == 1",
        "(event.value > 1.0) == true",
        " || ".join(["event.offline"] * (TOKENS_MAX // 2 + 2)),
    ],
)
def test_what_is_not_simple_is_left_to_cel(text: str) -> None:
    assert predicate(Condition(text, "it"), KINDS).__name__ == "by_cel"
