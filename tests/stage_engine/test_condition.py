"""Conditions: what they may say, and that nothing they say can stop the fold."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_engine.condition import CONDITION_CHARS_MAX, NESTING_MAX, Condition, ConditionError
from stage_engine.touchpoint import Touchpoint


def touchpoint(properties: bytes = b"", **other: Any) -> Touchpoint:
    said = {
        "source": "web",
        "message_id": "m",
        "type": "track",
        "event": "Product Viewed",
        "channel": "web",
        "user_id": "u",
    }
    times = {"occurred_at": 1, "original_timestamp": 1, "received_at": 1}
    return Touchpoint(properties=properties, **{**said, **times, **other})


RICH = touchpoint(
    json.dumps({"price": 12.5, "tags": ["new", "red"], "size": {"eu": 43}, "name": "Boot", "nothing": None}).encode(),
    value=125_000,
    currency="EUR",
    score_kind="nps",
    score=9.0,
    traits=b'{"plan": "gold"}',
    context=b'{"page": {"path": "/shop"}}',
)
STATE = {"purchases": 2, "revenue": {"EUR": 10.5}, "label": "lapsing"}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("event.type == 'track' && event.channel != 'store'", True),
        ("event.value > 12 && event.value < 13.0", True),
        ("event.score >= 9", True),
        ("event.properties.price * 2.0 == 25.0", True),
        ("'red' in event.properties.tags", True),
        ("event.properties.size.eu == 43", True),
        ("event.properties.name.startsWith('Bo') && size(event.properties.name) == 4", True),
        ("event.properties['name'] == 'Boot' && event.properties.nothing == null", True),
        ("has(event.properties.missing)", False),
        ("!has(event.properties.missing) || event.properties.missing > 1", True),
        ("event.traits.plan == 'gold' && event.context.page.path.contains('shop')", True),
        ("state.purchases >= 2 && state.revenue.EUR > 10.0 && state.label in ['lapsing', 'lost']", True),
        ("event.event == 'state.nonsense' || event.event == \"Product Viewed\"", True),
        ("(state.purchases > 1 ? event.currency : 'none') == 'EUR'", True),
    ],
)
def test_a_condition_says_yes_or_no(text: str, answer: bool) -> None:
    errors: Counter[str] = Counter()
    assert Condition(text, "it").holds(RICH, STATE, errors) is answer
    assert not errors


@pytest.mark.parametrize(
    "text",
    [
        "1 / (state.purchases - 2) > 0",
        "event.properties.missing == 1",
        "event.properties.name > 3",
        "event.properties.name + 1 == 'Boot1'",
        "event.properties.tags[9] == 'red'",
        "event.value",
        "'yes'",
        "9223372036854775807 + state.purchases > 0",
        "double(event.properties.name) > 1.0",
    ],
)
def test_an_error_inside_means_no_and_is_counted(text: str) -> None:
    errors: Counter[str] = Counter()
    assert Condition(text, "move 3").holds(RICH, STATE, errors) is False
    assert errors == {"move 3": 1}
    assert Condition(text, "move 3").holds(RICH, STATE, None) is False


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("true || " * 200 + "true", f"at most {CONDITION_CHARS_MAX}"),
        ("(" * (NESTING_MAX + 1) + "true" + ")" * (NESTING_MAX + 1), "nested"),
        ("event.properties.tags.exists(tag, tag == 'red')", "'exists' goes through a list"),
        ("event.properties.tags . map (event, true) == []", "'map' goes through a list"),
        ("event.price > 1", "event.price does not exist"),
        ("event == 1", "'event' alone"),
        ("event['price'] > 1", "'event' alone"),
        ("purchases > 1", "'purchases' does not exist"),
        ("event.name.matches('^(a+)+$')", "'matches' may not be called"),
        ("now() > 1", "'now' may not be called"),
        ("event.value >", "not CEL"),
        ("event.type == 'track' // of course", "comment"),
        ("event.type == r'track'", "without a letter in front"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_to_do(text: str, reason: str) -> None:
    with pytest.raises(ConditionError, match=reason.replace("(", "\\(")):
        Condition(text, "it")


@pytest.mark.parametrize(
    "properties",
    [
        b'{"price": 1e999}',
        b"{",
        b"[1]",
        b'{"price": ' + b"9" * 400 + b"}",
        b'{"price": "\\ud800"}',
        b'{"a":' * 5000,
        b"\xff",
    ],
)
def test_no_properties_can_break_a_condition(properties: bytes) -> None:
    assert Condition("event.properties.price == 1", "it").holds(touchpoint(properties), {}, Counter()) is False
    assert Condition("event.properties == {'a': 1}", "it").holds(touchpoint(properties), {}, Counter()) is False


def test_deep_properties_cannot_break_a_condition() -> None:
    deep = b'{"price": ' + b"[" * 900 + b"]" * 900 + b"}"
    Condition("event.properties.price == 1", "it").holds(touchpoint(deep), {}, Counter())


WORDS = (
    "event",
    "state",
    ".",
    "type",
    "purchases",
    "properties",
    "(",
    ")",
    "[",
    "]",
    "'a'",
    "1",
    "2.5",
    "&&",
    "||",
    "!",
    "==",
    ">",
)
MORE_WORDS = (
    "+",
    "-",
    "/",
    "%",
    "?",
    ":",
    "in",
    "has",
    "size",
    "{",
    "}",
    ",",
    "null",
    "true",
    '"',
    "'",
    "//",
    " ",
    "r'",
    "map",
)


@given(st.lists(st.sampled_from(WORDS + MORE_WORDS), max_size=14))
def test_any_text_is_a_condition_that_answers_or_is_refused(words: list[str]) -> None:
    try:
        condition = Condition("".join(words), "it")
    except ConditionError:
        return
    assert condition.holds(RICH, dict.fromkeys(condition.state_fields, 1), None) in (True, False)
