"""What is doubtful about a model that can be used."""

from __future__ import annotations

import pytest

from stage_engine.advice import doubts
from stage_engine.model import model_text, shipped_models

MODEL = """\
name: small
stages: [{name: look}, {name: buy}]
signals:
  bought: {event: [Order Completed, purchase]}
  web_sale: {event: Order Completed, channel: web}
  seen: {type: page}
counters:
  views: {count: seen}
entry:
  - {on: web_sale, to: buy, label: web}
  - {on: bought, to: buy}
  - {to: look}
moves:
  - {from: look, on: bought, to: buy, when: state.views >= 2}
  - {from: look, on: web_sale, to: buy, label: web}
  - {from: look, on: bought, to: buy}
  - {from: buy, after: P30D, label: lapsing}
  - {from: buy, after: P60D, to: look}
"""


def said(text: str) -> list[str]:
    return [str(doubt) for doubt in doubts(text, "small.yaml")]


@pytest.mark.parametrize("name", shipped_models())
def test_the_shipped_models_leave_no_doubt(name: str) -> None:
    assert doubts(*model_text(name)) == []


def test_special_ways_before_general_ones_leave_no_doubt() -> None:
    assert said(MODEL) == []


@pytest.mark.parametrize(
    ("good", "other", "doubt"),
    [
        ("{name: buy}]", "{name: buy}, {name: far}]", "2:38: stage 'far': no way leads here: add an entry or a move"),
        (
            "{name: buy}]",
            "{name: buy}, {name: far}]\nforward_only: false",
            "2:38: stage 'far': no way leads here",
        ),
        ("  seen: {", "  other: {type: screen}\n  seen: {", "6:3: no entry, move or counter uses the signal 'other'"),
        ("when: state.views >= 2", "label: again", "15:5: stage 'look': this is never taken: line 14 comes first"),
        ("{from: look, on: web_sale", "{from: look, on: bought", "16:5: stage 'look': this is never taken: line 15"),
        ("{from: look, on: web_sale", "{from: any, on: bought", "16:5: stage 'look': this is never taken: line 15"),
        (
            "to: buy, label: web}\n  - {from: look, on: bought, to: buy}",
            "to: buy, label: web, when: state.views >= 2}\n  - {from: look, on: bought, to: buy}",
            "15:5: stage 'look': this is never taken: line 14 comes first",
        ),
        (
            "  - {on: web_sale, to: buy, label: web}\n  - {on: bought, to: buy}\n",
            "  - {on: bought, to: buy}\n  - {on: web_sale, to: buy, label: web}\n",
            "11:5: stage 'buy': this is never taken: line 10 comes first",
        ),
        ("when: state.views >= 2", "when: state.purchases >= 2", "8:3: no condition asks for state.views"),
        ("after: P60D, to: look", "after: P20D, to: look", "17:5: stage 'buy': this is never made: by line 18 silence"),
        (
            "  - {from: buy, after: P60D, to: look}\n",
            "examples: [{name: it, touchpoints: [X], visits: [lok]}]\n",
            "18:50: there is no stage 'lok' (did you mean 'look'?)",
        ),
    ],
)
def test_a_doubt_has_its_place_and_what_to_do(good: str, other: str, doubt: str) -> None:
    assert good in MODEL
    found = said(MODEL.replace(good, other, 1))
    assert any(f"small.yaml:{doubt}" in line for line in found), found


@pytest.mark.parametrize(
    ("good", "other"),
    [
        ("{from: look, on: web_sale", "{from: [look, buy], on: web_sale"),
        ("event: Order Completed, channel: web", "event: [Order Completed, Other], channel: web"),
        ("event: [Order Completed, purchase]", "event: [Order Completed, purchase], when: event.value > 1"),
    ],
)
def test_what_may_be_meant_leaves_no_doubt(good: str, other: str) -> None:
    assert good in MODEL
    assert said(MODEL.replace(good, other, 1)) == []


def test_a_stage_that_silence_alone_leads_to_is_reached() -> None:
    text = MODEL.replace("{name: buy}]", "{name: buy}, {name: far}]").replace("P60D, to: look", "P60D, to: far")
    assert said(text) == []
