"""The explained walk is the fold, and says why."""

from __future__ import annotations

from hypothesis import given, settings
from msgspec.structs import replace

from stage_engine.explain import Silent, Walk, explain
from stage_engine.fold import fold
from stage_engine.journey import Journey, Visit
from stage_engine.model import Model, load_model, parse_model
from stage_engine.touchpoint import Touchpoint
from tests.stage_engine.histories import DAY, MINUTE, START, histories
from tests.stage_engine.models import models
from tests.stage_engine.test_random_models import parsed

SEVEN = load_model("seven_stage")


def made(number: int, event: str, *, at: int, **said: object) -> Touchpoint:
    common = {"source": "web", "type": "track", "channel": "web", "user_id": "u", "received_at": START + at}
    at += START
    return Touchpoint(
        message_id=f"{number}",
        event=event,
        occurred_at=at,
        original_timestamp=at,
        **(common | said),  # type: ignore[arg-type]
    )


def page(number: int, *, at: int) -> Touchpoint:
    return made(number, "Page Viewed", at=at, type="page")


def silences(found: tuple[Silent, ...]) -> list[Visit]:
    return [
        Visit(stage=one.lapse.to, entered_at=one.entered_at, from_stage=one.lapse.from_stage, label=one.lapse.label)
        for one in found
    ]


def visits_of(walk: Walk) -> list[Visit]:
    visits: list[Visit] = []
    for step in walk.steps:
        visits += silences(step.silence)
        if step.move:
            touchpoint, move = step.touchpoint, step.move
            visits.append(
                Visit(
                    stage=move.to,
                    entered_at=touchpoint.occurred_at,
                    from_stage=move.from_stage,
                    label=move.label,
                    cause_message_id=touchpoint.message_id,
                    cause_source=touchpoint.source,
                    cause_identifiers=touchpoint.identifiers,
                    cause_original_timestamp=touchpoint.original_timestamp,
                    cause_event=touchpoint.event,
                    cause_channel=touchpoint.channel,
                )
            )
    return visits


def holds(model: Model, history: list[Touchpoint]) -> None:
    walk = explain(model, history)
    journey = fold(model, history) or Journey()
    assert visits_of(walk) == list(journey.visits)
    assert silences(walk.planned) == list(journey.planned)
    assert sum(not step.skipped for step in walk.steps) == journey.touchpoints
    assert len(walk.steps) == len({touchpoint.identity for touchpoint in history})
    assert all(step.move.from_stage == step.found for step in walk.steps if step.move)


@settings(max_examples=150, deadline=None)
@given(text=models(), history=histories(size_max=12))
def test_the_walk_under_any_model_ends_in_exactly_the_visits_of_the_fold(text: str, history: list[Touchpoint]) -> None:
    holds(parsed(text), history)


@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_the_walk_under_seven_stages_ends_in_exactly_the_visits_of_the_fold(history: list[Touchpoint]) -> None:
    holds(SEVEN, history)


def test_a_condition_that_was_no_is_told_with_what_it_read() -> None:
    first, soon, later = explain(SEVEN, [page(1, at=0), page(2, at=MINUTE), page(3, at=DAY)]).steps
    assert (first.found, first.move and (first.move.to, first.move.place)) == ("", ("discovery", 10))
    assert (soon.found, soon.move, soon.signals) == ("discovery", None, ("visited",))
    [asked] = soon.asked
    assert (asked.move.to, asked.answer, asked.state) == ("evaluation", "no", {"silence_s": 60})
    assert (later.asked, later.move and later.move.label) == ((), "came_back")


def test_a_condition_that_could_not_be_evaluated_is_told_apart() -> None:
    model = parse_model("""\
name: mine
stages: [{name: look}, {name: buy}]
signals: {bought: {event: Order Completed}, rated: {when: event.properties.rating > 2}}
counters: {mood: {last: event.score, on: bought}}
entry: [{on: rated, to: buy}, {to: look}]
moves: [{from: look, on: bought, to: buy, when: state.mood > 3}]
""")
    first, second = explain(model, [page(1, at=0), made(2, "Order Completed", at=1)]).steps
    assert (first.signals, first.signals_failed) == ((), ("rated",))
    assert [(asked.answer, asked.state) for asked in second.asked] == [("failed", {})]


def test_a_touchpoint_without_a_signal_and_one_that_no_move_asks_for_are_told() -> None:
    history = [made(1, "Order Completed", at=0), made(2, "Lunch", at=1), made(3, "Product Viewed", at=2)]
    _, lunch, viewed = explain(SEVEN, history).steps
    assert (lunch.signals, lunch.move, lunch.asked) == ((), None, ())
    assert (viewed.signals, viewed.move, viewed.asked, viewed.found) == (("compared",), None, (), "purchase")


def test_silence_is_told_before_the_touchpoint_that_ends_it_at_its_exact_time_and_after_the_last_as_planned() -> None:
    walk = explain(SEVEN, [made(1, "Order Completed", at=0), made(2, "Order Completed", at=90 * DAY)])
    [lapsing] = walk.steps[1].silence
    assert (lapsing.entered_at, lapsing.lapse.label) == (START + 90 * DAY, "lapsing")
    assert walk.steps[1].move is not None
    assert walk.steps[1].move.label == "win_back"
    assert [silent.entered_at for silent in walk.planned] == [START + 180 * DAY, START + 455 * DAY]


def test_voids_and_the_sales_that_they_take_back_are_skipped() -> None:
    sale = made(1, "Receipt Issued", at=0, type="receipt", transaction="sale")
    void = made(2, "Receipt Voided", at=5, type="receipt", transaction="void", refers_to="1")
    walk = explain(SEVEN, [void, sale, page(3, at=9)])
    assert [step.skipped for step in walk.steps] == ["voided", "void", ""]
    assert explain(SEVEN, [void, sale]).planned == ()


def test_of_copies_the_one_that_counts_is_walked_through() -> None:
    one = page(1, at=0)
    [step] = explain(SEVEN, [replace(one, channel="app", content_hash=b"b"), replace(one, content_hash=b"a")]).steps
    assert step.touchpoint.channel == "web"
