"""Examples in model files: how they are written, and what they compare."""

from __future__ import annotations

import pytest

from ingest.normalise import EVENT_NAMES
from ingest.normalise import TRANSACTIONS as OF_EVENTS
from ingest.receipts import EVENTS as OF_RECEIPTS
from stage_engine.example import FIXED_EVENTS, START_MS, TRANSACTIONS, Outcome, example_touchpoints, run
from stage_engine.example_file import ExampleFile
from stage_engine.model import ModelError, parse_model
from stage_engine.model_file import read_model_file

MINUTE, DAY = 60_000, 86_400_000
MODEL = """\
name: small
stages: [{name: look}, {name: buy}]
signals: {bought: {event: [Order Completed, Receipt Issued]}, odd: {when: event.properties.a > 1}}
entry: [{to: look}]
moves:
  - {from: look, on: bought, to: buy}
  - {from: buy, on: odd, to: look}
  - {from: buy, after: P30D, label: lapsing}
  - {from: buy, after: P60D, to: look}
"""


def example(text: str) -> ExampleFile:
    file, _ = read_model_file(MODEL + "examples:\n  - " + text.replace("\n", "\n    "), "small.yaml")
    return file.examples[0]


def outcome(text: str) -> Outcome:
    return run(parse_model(MODEL), example("name: it\n" + text))


def test_touchpoints_are_short_to_write() -> None:
    text = """name: it
touchpoints:
  - Page Viewed
  - {event: Order Completed, value: 12.3, after: P1D}
  - {type: receipt, at: "2026-01-01T11:00+01:00", channel: store, value: 5, currency: CHF}
  - {event: Receipt Voided, refers_to: r1, message_id: r2}
  - {event: Order Refunded, transaction: sale, properties: {a: 1}, score_kind: nps, score: 9}
visits: []"""
    page, order, receipt, void, refund = example_touchpoints(example(text))
    assert (page.type, page.event, page.occurred_at, page.transaction) == ("page", "Page Viewed", START_MS, "")
    assert (order.type, order.transaction, order.value, order.currency) == ("track", "sale", 123_000, "EUR")
    assert order.occurred_at == START_MS + DAY
    assert (receipt.event, receipt.transaction, receipt.currency) == ("Receipt Issued", "sale", "CHF")
    assert (receipt.occurred_at, receipt.channel) == (START_MS, "store")
    assert (void.type, void.transaction, void.refers_to, void.message_id) == ("receipt", "void", "r1", "r2")
    assert void.occurred_at == START_MS + MINUTE
    assert (refund.transaction, refund.properties, refund.score) == ("sale", b'{"a":1}', 9.0)


def test_events_and_transactions_are_those_of_ingest() -> None:
    assert {**EVENT_NAMES, "receipt": OF_RECEIPTS["sale"]} == FIXED_EVENTS
    assert {**OF_EVENTS, **{event: kind for kind, event in OF_RECEIPTS.items()}} == TRANSACTIONS


@pytest.mark.parametrize(
    "visits",
    [
        "touchpoints: [Page Viewed, Order Completed]\nvisits: [look, buy]",
        "touchpoints: [Order Completed]\nvisits: [{stage: look, entered: '2026-01-01T10:00Z'}]",
        "touchpoints: [Page Viewed, Order Completed]\nvisits: [look, buy, buy lapsing]\nuntil: P30D",
        "touchpoints: [Page Viewed, Order Completed]\nvisits: [look, buy]\nuntil: P29D",
        "touchpoints: [Page Viewed, Order Completed]\nvisits: [look, buy, buy lapsing]\nuntil: '2026-02-01T00:00Z'",
        "touchpoints: [Page Viewed, Order Completed, {type: page, after: P99D}]\n"
        "visits: [look, buy, {stage: buy, label: lapsing, entered: P30DT1M}, {stage: look, entered: P60DT1M}]",
        "touchpoints: [{event: Receipt Issued, message_id: r}, {event: Receipt Voided, refers_to: r}]\nvisits: []",
    ],
)
def test_an_example_holds_when_all_visits_are_as_it_says(visits: str) -> None:
    found = outcome(visits)
    assert found.passed, found.rows


@pytest.mark.parametrize(
    "visits",
    ["[look]", "[look, buy, buy]", "[look, buy lapsing]", "[buy, look]", "[look, {stage: buy, entered: PT2M}]", "[]"],
)
def test_an_example_does_not_hold_when_a_visit_is_missing_too_many_or_another(visits: str) -> None:
    assert not outcome(f"touchpoints: [Page Viewed, Order Completed]\nvisits: {visits}").passed


def test_the_ways_that_an_example_takes_are_known_those_of_silence_too() -> None:
    bought = "touchpoints: [Page Viewed, Order Completed, {type: page, after: P40D}]\nvisits: []"
    assert outcome(bought).taken == {("entry", 0), ("moves", 0), ("moves", 2)}
    assert outcome(bought + "\nuntil: P60D").taken == {("entry", 0), ("moves", 0), ("moves", 2), ("moves", 3)}


def test_conditions_that_fail_in_an_example_are_known() -> None:
    found = outcome("touchpoints: [Order Completed, Order Completed, {event: X, properties: {a: b}}]\nvisits: []")
    assert found.errors == {"signal odd": 1}


def test_examples_do_not_change_the_version() -> None:
    more = MODEL + "examples: [{name: it, touchpoints: [Page Viewed], visits: [look]}]\n"
    assert parse_model(more).version == parse_model(MODEL).version


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{name: it, touchpoints: [{evnt: X}], visits: []}", "'evnt' is not known here (did you mean 'event'?)"),
        ("{name: it, touchpoints: [{channel: web}], visits: []}", "a touchpoint needs an event, or a type"),
        ("{name: it, touchpoints: [{type: track}], visits: []}", "of type track needs an event"),
        ("{name: it, touchpoints: [{type: page, at: yesterday}], visits: []}", "'yesterday' is no time: write 2026"),
        ("{name: it, touchpoints: [{type: page, at: '20260101'}], visits: []}", "'20260101' is no time"),
        ("{name: it, touchpoints: [{type: page, at: '2026-01-01T10:00'}], visits: []}", "is no time"),
        ("{name: it, touchpoints: [{type: page, after: 1h}], visits: []}", "'1h' is no silence"),
        ("{name: it, touchpoints: [{event: X, score: 3}], visits: []}", "score_kind and score go together"),
        ("{name: it, touchpoints: [], visits: []}", "'touchpoints': list should have at least 1 item"),
        ("{name: it, touchpoints: [X], visits: [Look]}", "'stage' must be a name in lower case"),
        ("{name: it, touchpoints: [X], visits: [{stage: look, entered: soon}]}", "'soon' is no time"),
        ("{name: it, touchpoints: [X]}", "'visits' is missing: add it"),
    ],
)
def test_what_is_wrong_in_an_example_is_said_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_model(MODEL + "examples:\n  - " + text + "\n", "small.yaml")
    assert any(line.startswith("small.yaml:11:") and problem in line for line in caught.value.problems), str(
        caught.value
    )
