"""Model files: what is refused, with place and remedy, and what a version depends on."""

from __future__ import annotations

from pathlib import Path

import pytest

from stage_engine.model import SHIPPED, ModelError, load_model, parse_model
from stage_engine.model_file import EVENTS_MAX

SMALL = """\
name: small
title: Small
stages:
  - name: look
    title: {en: Looking, it: Guarda}
  - name: buy
signals:
  bought: {event: [Order Completed, purchase], channel: web}
  viewed: {type: page}
counters:
  views: {count: viewed}
entry:
  - {on: bought, to: buy}
  - {to: look}
moves:
  - {from: look, on: bought, to: buy, when: state.views >= 2}
  - {from: buy, after: P30D, label: lapsing}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ModelError) as caught:
        parse_model(text, "small.yaml")
    return caught.value.problems


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("moves:", "mvoes:", "15:1: 'mvoes' is not known here (did you mean 'moves'?)"),
        ("    title: {en", "    titel: {en", "5:5: stage 'look': 'titel' is not known here (did you mean 'title'?)"),
        ("to: buy, when", "to: bye, when", "16:30: stage 'look': there is no stage 'bye' (did you mean 'buy'?)"),
        (
            "{from: look, on",
            "{from: loook, on",
            "16:6: stage 'loook': there is no stage 'loook' (did you mean 'look'?)",
        ),
        (
            "on: bought, to: buy, w",
            "on: bougth, to: buy, w",
            "stage 'look': there is no signal 'bougth' (did you mean 'bought'",
        ),
        ("count: viewed", "count: veiwed", "11:11: there is no signal 'veiwed' (did you mean 'viewed'?)"),
        ("state.views", "state.veiws", "16:39: stage 'look': state.veiws does not exist (did you mean 'views'?)"),
        ("state.views >= 2", "state.views >", "16:39: stage 'look': this is not CEL"),
        ("P30D", "30 days", "17:17: stage 'buy': '30 days' is no silence: write days, hours or minutes"),
        ("P30D", "P0D", "'P0D' is no silence"),
        ("P30D", "P4000D", "'P4000D' is no silence"),
        ("after: P30D", "after: P30D, on: bought", "17:5: stage 'buy': a move needs either 'on'"),
        ("after: P30D", "after: P30D, when: 'true'", "a move 'after' a silence has no 'when'"),
        ("after: P30D, label: lapsing", "after: P30D", "17:5: stage 'buy': a move without 'to' stays where it is"),
        ("{to: look}", "{on: bought, to: look}", "14:5: stage 'look': the last entry is for all other touchpoints"),
        ("  - {on: bought, to: buy}\n", "  - {to: buy}\n", "13:5: stage 'buy': only the last entry goes without 'on'"),
        ("{type: page}", "{type: pages}", "9:12: 'type': input should be 'track', 'identify'"),
        ("{type: page}", "{}", "9:3: a signal needs at least one of"),
        ("{type: page}", "{type: page, when: state.purchases > 1}", "only a move's condition may ask for the state"),
        ("{type: page}", "{event: 404}", "'event'"),
        ("  - name: buy\n", "  - name: look\n", "6:5: stage 'look': a stage of this name is already there"),
        ("  - name: buy\n", "  - name: any\n", "'any' means every stage"),
        ("  - name: buy\n", "  - name: Buy now\n", "must be a name in lower case"),
        ("views: {count", "purchases: {count", "11:3: state.purchases is built in"),
        ("{from: look, on", "{from: [any, look], on", "'any' is already every stage"),
        ("{count: viewed}", "{}", "11:3: a counter is one of count, sum, last, first, distinct, days_since"),
        ("{count: viewed}", "{count: viewed, last: event.score}", "write exactly one of them"),
        ("{count: viewed}", "{count: viewed, on: bought}", "'count' names its signal itself: leave 'on' out"),
        ("{count: viewed}", "{sum: event.value}", "'sum' needs 'on': the signal whose touchpoints have the value"),
        ("{count: viewed}", "{sum: event.valeu, on: viewed}", "11:11: event.valeu does not exist"),
        ("{count: viewed}", "{sum: state.views, on: viewed}", "only a move's condition may ask for the state"),
        ("{count: viewed}", "{last: event.score, on: veiwed}", "there is no signal 'veiwed' (did you mean 'viewed'?)"),
        ("{count: viewed}", "{distinct: event.channel, on: viewed}", "'distinct' needs 'max' (1 to 100)"),
        ("{count: viewed}", "{distinct: event.channel, on: viewed, max: 101}", "'max': input should be less than"),
        ("{count: viewed}", "{days_since: viewed, max: 3}", "and no other counter has it"),
        ("name: small\n", "", "1:1: 'name' is missing: add it"),
        ("title: Small\n", "forward_only: yes\n", "'forward_only'"),
        ("title: Small\n", "title: Small\n  x: 1\n", "this is not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_to_do(good: str, bad: str, problem: str) -> None:
    assert good in SMALL
    found = problems(SMALL.replace(good, bad, 1))
    assert any(problem in line for line in found), found
    assert all(line.startswith("small.yaml:") for line in found)


def test_all_problems_are_said_at_once() -> None:
    text = SMALL.replace("count: viewed", "count: veiwed").replace("to: buy, when", "to: bye, when")
    assert len(problems(text)) == 2


@pytest.mark.parametrize("text", ["", "- a\n", "just words"])
def test_what_is_no_mapping_is_no_model(text: str) -> None:
    assert problems(text) == ["small.yaml:1:1: a model is a mapping that begins with 'name:'"]


def test_time_outs_in_a_circle_are_refused() -> None:
    circle = SMALL + "  - {from: look, after: P1D, to: buy}\n  - {from: buy, after: P31D, to: look}\n"
    assert any("silence leads in a circle (look to buy to look)" in line for line in problems(circle))


def test_a_chain_of_time_outs_longer_than_ten_years_is_refused() -> None:
    chain = SMALL + "  - {from: look, after: P3000D, to: buy}\n  - {from: buy, after: P3000D, label: forgotten}\n"
    assert any("add up to more than ten years" in line for line in problems(chain))


def test_a_move_that_only_leads_back_is_refused_in_a_forward_only_model() -> None:
    text = SMALL.replace("title: Small", "forward_only: true") + "  - {from: buy, on: viewed, to: look}\n"
    assert any("it only leads back" in line for line in problems(text))


def test_silence_is_one_chain_by_length_and_ends_where_it_leaves_for_good() -> None:
    text = SMALL.replace(
        "  - {from: buy, after: P30D, label: lapsing}\n",
        "  - {from: look, after: P2D, to: buy}\n  - {from: look, after: P9D, label: never}\n"
        "  - {from: look, after: P1DT1M, label: waiting}\n  - {from: buy, after: PT12H, label: cooling}\n",
    )
    lapses = [
        (lapse.offset_ms // 60_000, lapse.from_stage, lapse.to, lapse.label)
        for lapse in parse_model(text).silence["look"]
    ]
    assert lapses == [
        (1441, "look", "look", "waiting"),
        (2880, "look", "buy", ""),
        (3600, "buy", "buy", "cooling"),
    ]


@pytest.mark.parametrize(
    ("good", "other"),
    [
        ("name: small\n", "# a comment\nname: small\n"),
        ("title: Small\n", "title: {en: Very small}\nsummary: Two stages\n"),
        ("[Order Completed, purchase], channel: web", "[purchase, Order Completed, purchase], channel: [web]"),
        (
            "{from: look, on: bought, to: buy, when: state.views >= 2}",
            "{when: state.views >= 2, to: buy, on: bought, from: [look]}",
        ),
        ("after: P30D", "after: P29DT24H"),
        ("forward_only", "forward_only"),
    ],
)
def test_what_is_only_for_people_does_not_change_the_version(good: str, other: str) -> None:
    assert parse_model(SMALL.replace(good, other)).version == parse_model(SMALL).version


@pytest.mark.parametrize(
    ("good", "other"),
    [
        ("state.views >= 2", "state.views >= 3"),
        ("after: P30D", "after: P31D"),
        ("label: lapsing", "label: asleep"),
        ("{count: viewed}", "{count: bought}"),
        ("{count: viewed}", "{days_since: viewed}"),
        ("[Order Completed, purchase]", "[Order Completed]"),
        ("title: Small\n", "forward_only: true\n"),
    ],
)
def test_what_changes_journeys_changes_the_version(good: str, other: str) -> None:
    assert parse_model(SMALL.replace(good, other)).version != parse_model(SMALL).version


def test_the_default_model_keeps_its_version() -> None:
    """Who changes it has every customer of every installation folded again: on purpose, or not at all."""
    assert load_model("seven_stage").version == "5f676269e39b6eed"


def test_a_shipped_model_is_loaded_by_its_name_and_any_by_its_path(tmp_path: Path) -> None:
    assert load_model("seven_stage").version == load_model(SHIPPED / "seven_stage.yaml").version
    (tmp_path / "mine.yaml").write_text(SMALL)
    assert load_model(tmp_path / "mine.yaml").stages == ("look", "buy")


def test_a_file_that_is_not_there_is_named_with_the_models_that_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be read .*shipped models: .*seven_stage"):
        load_model(tmp_path / "mine.yaml")


def test_more_events_than_the_index_may_hold_are_refused() -> None:
    events = ", ".join(f"e{number}" for number in range(EVENTS_MAX))
    assert any("at most 500" in line for line in problems(SMALL.replace("{type: page}", f"{{event: [{events}]}}")))


def test_a_hostile_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_text("a" * 10_000_000)
    with pytest.raises(ModelError, match="at most"):
        load_model(tmp_path / "large.yaml")
