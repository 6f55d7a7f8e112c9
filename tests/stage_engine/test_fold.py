"""The fold: steps and the whole history give one answer, which is the brute force's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stage_engine.counter import shown
from stage_engine.fold import Bearing, bearing, fold, step
from stage_engine.journey import RECENT_MAX, Journey
from stage_engine.model import SHIPPED, Model, parse_model, shipped_models
from stage_engine.tail import TAIL_MAX
from stage_engine.touchpoint import Touchpoint
from tests.reference.naive_model import Row
from tests.reference.reference import Reference
from tests.stage_engine.histories import DAY, START, histories, touchpoints

SEVEN_STAGE = (SHIPPED / "seven_stage.yaml").read_text()

RESTLESS = """
name: restless
stages: [{name: cold}, {name: warm}, {name: hot}, {name: gone}]
signals:
  paid: {event: [Order Completed, Receipt Issued]}
  in_store: {channel: store, when: "!has(event.value) || event.value > 100"}
  odd: {when: event.properties.quantity > 1}
  anything: {type: [page, track, receipt]}
counters:
  odd_ones: {count: odd}
  payments: {count: paid}
  channels: {distinct: event.channel, on: anything, max: 2}
  rated: {last: event.properties.rating, on: anything}
entry:
  - {on: in_store, to: warm, label: walked_in}
  - {on: paid, to: hot, when: event.value / 2.0 > 50.0}
  - {to: cold}
moves:
  - {from: any, on: odd, to: hot, when: state.odd_ones >= 2 || state.revenue.USD > 100.0}
  - {from: [cold, gone], on: in_store, to: warm, label: stepped_in}
  - {from: any, on: paid, to: hot}
  - {from: hot, on: paid, label: again, when: state.purchases % 2 == 1 && state.highest_stage == 'hot'}
  - {from: any, on: anything, label: minute, when: state.silence_s == 300 && state.stage != 'gone'}
  - {from: warm, on: anything, to: cold, when: 1 / (state.touchpoints - 3) > 0}
  - {from: cold, on: paid, to: warm, when: state.channels == 2 && state.rated == 'many'}
  - {from: cold, after: PT20M, label: bored}
  - {from: hot, after: P1D, to: warm}
  - {from: warm, after: P14D, label: drifting}
  - {from: warm, after: P14DT40M, to: cold}
  - {from: cold, after: P90D, to: gone, label: lost}
"""
COUNTING = """
name: counting
stages: [{name: idle}, {name: busy}]
signals:
  paid: {event: [Order Completed, Receipt Issued]}
  told: {type: [track, page]}
  rated: {when: event.properties.rating > 1}
counters:
  orders: {count: paid}
  spent: {sum: event.value, on: paid}
  balance: {sum: "event.value / 7.0 - double(event.properties.quantity)", on: told}
  mood: {last: event.score, on: told}
  word: {last: event.properties.rating, on: told}
  came_from: {first: event.channel, on: paid}
  first_product: {first: event.properties.product_id, on: told}
  ratings: {distinct: event.properties.rating, on: told, max: 3}
  kinds: {distinct: event.type + event.channel, on: told, max: 4}
  rich: {distinct: event.value > 1.0, on: told, max: 1}
  idle_since_order: {days_since: paid}
  since_rating: {days_since: rated}
entry: [{to: idle}]
moves:
  - {from: idle, on: paid, to: busy, when: state.spent > 100.0, label: spent}
  - {from: any, on: told, to: busy, when: "has(state.mood) && state.mood >= 9.0", label: glad}
  - {from: any, on: told, to: idle, when: state.idle_since_order >= 14, label: rested}
  - {from: busy, on: told, to: idle, when: state.word == 'many' || state.came_from == 'store', label: many}
  - {from: any, on: told, to: busy, when: state.ratings >= 2 && state.kinds > 1, label: varied}
  - {from: busy, on: paid, label: rich, when: state.rich == 1 && state.balance < 0.0}
  - {from: idle, on: told, label: known, when: state.first_product == 'sku-1' && state.since_rating < 90}
  - {from: busy, after: P30D, to: idle}
"""
LEADS_BACK = (
    "{from: warm, on: anything, to: cold",
    "{from: hot, after: P1D, to: warm}",
    "{from: warm, after: P14DT40M",
)
FORWARD = "\n".join(line for line in RESTLESS.splitlines() if not any(move in line for move in LEADS_BACK)).replace(
    "name: restless", "name: forward\nforward_only: true"
)
SHIPPED_TEXTS = {name: (SHIPPED / f"{name}.yaml").read_text() for name in shipped_models()}
TEXTS = {**SHIPPED_TEXTS, "restless": RESTLESS, "forward": FORWARD, "counting": COUNTING}
MODELS = {name: parse_model(text, name) for name, text in TEXTS.items()}

each_model = pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
each_name = pytest.mark.parametrize("name", TEXTS)


def plain(touchpoint: Touchpoint) -> Row:
    """For the reference."""
    row = {name: getattr(touchpoint, name) for name in touchpoint.__struct_fields__}
    objects = {name: json.loads(row[name] or b"{}") for name in ("properties", "traits", "context")}
    return {**row, **objects, "identifiers": list(touchpoint.identifiers), "content": touchpoint.content_hash}


def rows(journey: Journey) -> list[tuple[object, ...]]:
    visits = [*journey.visits, *journey.planned]
    return [
        (
            v.stage,
            v.entered_at,
            v.from_stage,
            v.label,
            v.cause_message_id,
            v.cause_source,
            v.cause_event,
            v.cause_channel,
        )
        for v in visits
    ]


def reference_rows(visits: Sequence[Row]) -> list[tuple[object, ...]]:
    names = ("stage", "entered_at", "from_stage", "label")
    causes = ("cause_message_id", "cause_source", "cause_event", "cause_channel")
    return [tuple(visit[name] for name in (*names, *causes)) for visit in visits]


def read(model: Model, journey: Journey) -> dict[str, object]:
    """What conditions would read of the counters at the last touchpoint."""
    values = {
        name: shown(counter, journey.counters.get(name), journey.last_touch_at)
        for name, counter in model.counter_of.items()
    }
    return {name: value for name, value in values.items() if value is not None}


def counted(touchpoint: Touchpoint, **changes: object) -> Touchpoint:
    return Touchpoint(**{**{n: getattr(touchpoint, n) for n in touchpoint.__struct_fields__}, **changes})


@each_name
@settings(max_examples=80, deadline=None)
@given(history=histories())
def test_the_fold_is_what_the_brute_force_finds(name: str, history: list[Touchpoint]) -> None:
    model = MODELS[name]
    reference = Reference([plain(touchpoint) for touchpoint in history], TEXTS[name])
    journey = fold(model, history)
    if journey is None:
        assert reference.visits == {}
        return
    assert rows(journey) == reference_rows(reference.visits["user:u"])
    [customer] = reference.v_customers(journey.last_touch_at)
    assert customer["highest_stage"] == journey.highest_stage
    assert customer["first_touch_at"] == journey.first_touch_at
    assert customer["last_touch_at"] == journey.last_touch_at
    assert customer["touchpoints"] == journey.touchpoints
    assert customer["purchases"] == journey.purchases
    assert customer["revenue_by_currency"] == journey.revenue
    assert read(model, journey) == reference.model.counts


@each_model
@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_steps_and_refolds_give_the_fold_after_every_arrival(model: Model, history: list[Touchpoint]) -> None:
    journey = None
    for arrived, touchpoint in enumerate(history, 1):
        whole = fold(model, history[:arrived])
        found = Bearing.DOUBT if journey is None else bearing(journey, touchpoint)
        if journey is not None and found is Bearing.NEW:
            journey = step(model, journey, touchpoint)
        elif found is Bearing.DOUBT:
            journey = whole
        assert journey == whole, (found, touchpoint)


@each_model
@given(history=histories(), data=st.data())
def test_arrival_order_and_copies_change_nothing(model: Model, history: list[Touchpoint], data: st.DataObject) -> None:
    repeated = data.draw(st.lists(st.sampled_from(history), max_size=5))
    assert fold(model, data.draw(st.permutations([*history, *repeated]))) == fold(model, history)


@each_model
@given(history=histories())
def test_visits_are_contiguous_ordered_and_start_at_the_first_touchpoint(
    model: Model, history: list[Touchpoint]
) -> None:
    journey = fold(model, history)
    if journey is None:
        return
    visits = [*journey.visits, *journey.planned]
    assert (visits[0].entered_at, visits[0].from_stage) == (journey.first_touch_at, "")
    assert [visit.from_stage for visit in visits[1:]] == [visit.stage for visit in visits[:-1]]
    assert [visit.entered_at for visit in visits] == sorted(visit.entered_at for visit in visits)
    assert all(visit.entered_at <= journey.last_touch_at for visit in journey.visits)
    assert all(visit.entered_at > journey.last_touch_at for visit in journey.planned)


@each_model
@given(history=histories(size_max=8), later=st.integers(0, 500 * DAY), data=st.data())
def test_planned_visits_come_true_exactly_when_nobody_arrives(
    model: Model, history: list[Touchpoint], later: int, data: st.DataObject
) -> None:
    journey = fold(model, history)
    if journey is None:
        return
    due = data.draw(st.sampled_from([*(visit.entered_at for visit in journey.planned), journey.last_touch_at + later]))
    last = counted(
        data.draw(touchpoints(due)), message_id="zz", event="Nothing", type="group", transaction="", channel=""
    )
    after = step(model, journey, last)
    passed = [visit for visit in journey.planned if visit.entered_at <= due]
    assert after.visits[: len(journey.visits) + len(passed)] == (*journey.visits, *passed)


@given(history=histories())
def test_what_comes_in_order_by_a_right_clock_and_is_no_void_is_always_new(history: list[Touchpoint]) -> None:
    ordered = sorted(history, key=lambda one: one.order)
    straight = [
        counted(one, message_id=f"{number:03}", original_timestamp=one.occurred_at, transaction="")
        for number, one in enumerate(ordered)
    ]
    journeys = [folded(straight[:seen]) for seen in range(1, len(straight))]
    assert {bearing(journey, straight[seen]) for seen, journey in enumerate(journeys, 1)} <= {Bearing.NEW}


def simple(number: int, *, at: int, skew: int = 0, **other: object) -> Touchpoint:
    said = {
        "type": "track",
        "event": "Something",
        "channel": "web",
        "source": "web",
        "user_id": "u",
        "content_hash": b"c" * 16,
    }
    times = {"occurred_at": START + at, "original_timestamp": START + at + skew, "received_at": START + at}
    return Touchpoint(**{"message_id": f"m{number:03}", **said, **times, **other})


def folded(history: Sequence[Touchpoint]) -> Journey:
    journey = fold(MODELS["seven_stage"], history)
    assert journey is not None
    return journey


def test_a_device_whose_clock_is_always_wrong_causes_no_doubt() -> None:
    history = [simple(number, at=number * 1000, skew=-DAY) for number in range(3 * TAIL_MAX)]
    journeys = [folded(history[:seen]) for seen in range(1, len(history))]
    found = {bearing(journey, history[seen]) for seen, journey in enumerate(journeys, 1)}
    assert found == {Bearing.NEW}


def test_an_old_touchpoint_whose_clock_is_corrected_now_is_not_counted_twice() -> None:
    history = [simple(number, at=number * 1000) for number in range(2 * TAIL_MAX)]
    again = counted(history[0], occurred_at=START + DAY)
    assert bearing(folded(history), again) is Bearing.DOUBT
    assert folded([*history, again]) == folded(history)


def test_an_old_touchpoint_that_was_corrected_and_comes_uncorrected_is_not_counted_twice() -> None:
    history = [simple(number, at=number * 1000, skew=DAY * (number == 0)) for number in range(2 * TAIL_MAX)]
    again = counted(history[0], occurred_at=history[0].original_timestamp)
    assert bearing(folded(history), again) is Bearing.DOUBT


def test_a_corrected_clock_long_ago_does_not_put_everything_in_doubt() -> None:
    history = [simple(number, at=number * 1000, skew=400 * DAY * (number == 0)) for number in range(2 * TAIL_MAX)]
    assert bearing(folded(history), simple(99, at=DAY)) is Bearing.NEW


def test_a_repeat_of_the_last_touchpoint_changes_nothing() -> None:
    history = [simple(number, at=number) for number in range(3)]
    assert bearing(folded(history), history[2]) is Bearing.KNOWN


def test_a_copy_that_counts_more_than_the_one_applied_is_in_doubt() -> None:
    history = [simple(number, at=number) for number in range(3)]
    assert bearing(folded(history), counted(history[2], content_hash=b"a" * 16)) is Bearing.DOUBT


def test_a_void_takes_a_sale_back_without_a_trace() -> None:
    sale = simple(2, at=DAY, event="Receipt Issued", transaction="sale", value=100_000, currency="EUR")
    void = simple(3, at=2 * DAY, event="Receipt Voided", transaction="void", refers_to=sale.message_id)
    page = simple(1, at=0)
    assert rows(folded([page, sale, void])) == rows(folded([page]))
    assert folded([page, sale, void]).revenue == {}
    assert bearing(folded([page, sale]), void) is Bearing.DOUBT
    assert bearing(folded([page, void]), sale) is Bearing.DOUBT


def test_nothing_is_left_of_a_voided_sale_alone() -> None:
    sale = simple(2, at=DAY, event="Receipt Issued", transaction="sale")
    void = simple(3, at=2 * DAY, event="Receipt Voided", transaction="void", refers_to=sale.message_id)
    assert fold(MODELS["seven_stage"], [void, sale]) is None


def test_a_return_takes_its_value_off_whichever_sign_it_has() -> None:
    sale = simple(1, at=0, transaction="sale", value=100_000, currency="EUR")
    one, two = (simple(n, at=n, transaction="return", value=v, currency="EUR") for n, v in ((2, 30_000), (3, -20_000)))
    assert folded([sale, one, two]).revenue == {"EUR": 50_000}
    assert folded([sale, one, two]).purchases == 1


def test_an_exchange_changes_the_revenue_and_counts_as_no_purchase() -> None:
    sale = simple(1, at=0, transaction="sale", value=100_000, currency="EUR")
    on_top, back = (
        simple(n, at=n, transaction="exchange", value=value, currency="EUR") for n, value in ((2, 30_000), (3, -20_000))
    )
    void = simple(4, at=4, transaction="void", refers_to=on_top.message_id)
    assert folded([sale, on_top, back]).revenue == {"EUR": 110_000}
    assert folded([sale, on_top, back]).purchases == 1
    assert rows(folded([sale, on_top, back, void])) == rows(folded([sale, back]))


def test_a_time_out_due_at_the_time_of_a_touchpoint_comes_first() -> None:
    sale = simple(1, at=0, event="Order Completed", transaction="sale")
    again = simple(2, at=90 * DAY, event="Order Completed", transaction="sale")
    assert [visit.label for visit in folded([sale, again]).visits] == ["", "lapsing", "win_back"]


def test_conditions_that_fail_mean_no_and_are_counted_by_name() -> None:
    errors: Counter[str] = Counter()
    fold(MODELS["restless"], [simple(1, at=0, channel="email"), simple(2, at=1, channel="email")], errors)
    assert errors == {"signal odd": 3, "counter rated": 2}


def test_the_step_of_a_journey_leaves_the_journey_before_as_it_was() -> None:
    before = folded([simple(1, at=0, event="Order Completed", transaction="sale", value=1, currency="EUR")])
    step(
        MODELS["seven_stage"],
        before,
        simple(2, at=1, event="Order Completed", transaction="sale", value=5, currency="EUR"),
    )
    assert before.revenue == {"EUR": 1}


def test_a_journey_of_many_visits_is_the_fold_after_every_step_and_shares_what_is_past() -> None:
    model = MODELS["five_e"]
    history = [simple(number, at=number * DAY, type="page", event="Page Viewed") for number in range(2 * RECENT_MAX)]
    journey = fold(model, history[:1])
    for seen, touchpoint in enumerate(history[1:], 2):
        assert journey is not None
        before, journey = journey, step(model, journey, touchpoint)
        assert journey == fold(model, history[:seen])
        assert all(one is other for one, other in zip(before.earlier, journey.earlier, strict=False))
        assert 1 <= len(journey.recent) <= RECENT_MAX
    assert journey is not None
    assert len(journey.visits) == 4 * RECENT_MAX - 1
    assert {len(some) for some in journey.earlier} == {RECENT_MAX}
