from __future__ import annotations

import pytest

from stage_engine.model import model_text, parse_model, shipped_models
from stage_engine.model_file import read_model_file
from stage_engine.proposal import changed, patch, signal_names, time_outs

SALES = frozenset({"Order Completed", "Receipt Issued"})
MINE = """\
name: mine
stages: [{name: look}, {name: buy}, {name: own}]
signals:   # what is said
  bought: {type: receipt}
entry: [{to: look}]
moves:
  - {from: look, on: bought, to: buy}
  - {from: look, after: P5D, label: away}
  - {from: buy, after: P3D, to: own}
  - {from: [buy, own], "after": "P10D", to: look}  # cools
  - from: own
    after: P15DT12H   # and cools
    label: gone
  - {from: own, after: PT10M, label: left}
"""


def proposed(text: str, days: int) -> dict[int, tuple[str, str]]:
    file, _ = read_model_file(text, "mine.yaml")
    return {one.place: (one.after, one.proposed) for one in time_outs(file, SALES, days)}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("seven_stage", [("P90D", "P20D"), ("P365D", "P81D")]),
        ("five_stage", [("P90D", "P20D"), ("P365D", "P81D")]),
        ("four_stage", [("P180D", "P20D"), ("P365D", "P41D")]),
        ("linear", [("P180D", "P20D")]),
        ("circular", [("P180D", "P20D"), ("P540D", "P60D")]),
        ("five_e", []),
    ],
)
def test_the_time_outs_after_a_purchase_are_fitted_in_every_shipped_model(
    name: str, found: list[tuple[str, str]]
) -> None:
    assert list(proposed(model_text(name)[0], 20).values()) == found


def test_only_silence_of_buyers_that_leads_nowhere_further_is_dormancy() -> None:
    assert proposed(MINE, 40) == {3: ("P10D", "P40D"), 4: ("P15DT12H", "P62D")}


def test_what_is_proposed_stays_within_what_a_model_may_plan() -> None:
    assert proposed(MINE, 3_000) == {3: ("P10D", "P1800D"), 4: ("P15DT12H", "P1800D")}


def test_the_changed_file_differs_in_nothing_else() -> None:
    file, _ = read_model_file(MINE, "mine.yaml")
    text = changed(MINE, time_outs(file, SALES, 40), {"lunch": 'Lunch: "late"'})
    assert patch(MINE, text, "mine.yaml").splitlines() == [
        "--- mine.yaml",
        "+++ mine.yaml",
        "@@ -1,14 +1,15 @@",
        " name: mine",
        " stages: [{name: look}, {name: buy}, {name: own}]",
        " signals:   # what is said",
        '+  lunch: {event: "Lunch: \\"late\\""}',
        "   bought: {type: receipt}",
        " entry: [{to: look}]",
        " moves:",
        "   - {from: look, on: bought, to: buy}",
        "   - {from: look, after: P5D, label: away}",
        "   - {from: buy, after: P3D, to: own}",
        '-  - {from: [buy, own], "after": "P10D", to: look}  # cools',
        '+  - {from: [buy, own], "after": "P40D", to: look}  # cools',
        "   - from: own",
        "-    after: P15DT12H   # and cools",
        "+    after: P62D   # and cools",
        "     label: gone",
        "   - {from: own, after: PT10M, label: left}",
    ]


@pytest.mark.parametrize("name", shipped_models())
def test_a_changed_shipped_model_can_be_used(name: str) -> None:
    text, filename = model_text(name)
    file, _ = read_model_file(text, filename)
    names = signal_names(["Lunch", "Ça va?", "Lunch", "42", "¿"], file.signals)
    again = changed(text, time_outs(file, SALES, 900), names)
    parse_model(again, filename)
    assert list(read_model_file(again, filename)[0].signals)[: len(names)] == list(names)
    assert list(names) == ["lunch", "a_va", "lunch_2", "event_42", "event"]


def test_nothing_to_change_is_no_patch_and_signals_in_one_line_stay_as_they_are() -> None:
    assert patch(MINE, changed(MINE, [], {}), "mine.yaml") == ""
    flat = MINE.replace("signals:   # what is said\n  bought: {type: receipt}", "signals: {bought: {type: receipt}}")
    assert changed(flat, [], {"lunch": "Lunch"}) == flat
