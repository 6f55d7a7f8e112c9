"""``tappa model``: what a person sees who writes a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from stage_engine.model import SHIPPED, load_model, shipped_models
from tests.stage_engine.test_yaml_source import LAUGHS
from tests.typed import typed

MODEL = """\
name: mine
title: {en: My shop, it: Il mio negozio}
stages:
  - name: look
    summary: {en: Looks round., it: Si guarda intorno.}
    does: {en: [walks, looks], it: [cammina, guarda]}
  - {name: buy}
signals: {bought: {event: [Order Completed, purchase]}}
counters: {orders: {count: bought}}
entry: [{to: look}]
moves:
  - {from: look, on: bought, to: buy}
  - {from: buy, on: bought, label: again, when: state.orders >= 1}
  - {from: buy, after: P30D, to: look, label: lapsing}
examples:
  - name: buys
    touchpoints: [Page Viewed, Order Completed]
    visits: [look, buy]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.yaml").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tappa(*arguments: str) -> Result:
    return typed("model", *arguments)


def write(folder: Path, good: str, bad: str) -> None:
    assert good in MODEL
    (folder / "mine.yaml").write_text(MODEL.replace(good, bad))


def test_list_has_every_shipped_model_and_those_that_are_active(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "tappa.toml").write_text('[models]\nactive = ["five_e", "mine.yaml"]\ndefault = "mine.yaml"\n')
    rows = json.loads(tappa("list", "--data", "data", "--json").stdout)
    assert [row["file"] for row in rows] == [*shipped_models(), "mine.yaml"]
    assert {row["name"]: row["default"] for row in rows if row["active"]} == {"five_e": False, "mine": True}
    assert {row["name"]: row["version"] for row in rows}["five_e"] == load_model("five_e").version
    text = tappa("list", "--data", "data").stdout
    assert "mine.yaml    default  My shop: look, buy\n" in text
    assert "seven_stage           Seven stages: discovery" in text


def test_check_says_that_a_model_can_be_used(folder: Path) -> None:
    done = tappa("check", "mine.yaml", "circular")
    assert (done.exit_code, done.stdout) == (0, "mine.yaml: can be used\ncircular: can be used\n")


def test_check_says_what_is_wrong_where_and_what_to_do(folder: Path) -> None:
    write(folder, "to: buy}", "to: bye}")
    done = tappa("check", "mine.yaml", "five_e")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "mine.yaml:12:30: error: stage 'look': there is no stage 'bye' (did you mean 'buy'?)",
        "five_e: can be used",
    ]


def test_check_says_what_is_doubtful(folder: Path) -> None:
    write(folder, "name: buy}", "name: buy}\n  - {name: lost}")
    done = tappa("check", "mine.yaml")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "mine.yaml:8:6: warning: stage 'lost': no way leads here: add an entry or a move to it, or take it out",
        "mine.yaml: can be used; warnings: 1",
    ]


def test_check_answers_machines_in_json(folder: Path) -> None:
    write(folder, "name: mine", "nmae: mine")
    (folder / "other.yaml").write_text(MODEL.replace("when: state.orders >= 1", "when: 1 < 2"))
    done = tappa("check", "mine.yaml", "other.yaml", "--json")
    assert done.exit_code == 1
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["ok"] is False
    assert [(row["severity"], row["file"], row["line"]) for row in found["problems"]] == [
        ("error", "mine.yaml", 1),
        ("error", "mine.yaml", 1),
        ("warning", "other.yaml", 9),
    ]


HOSTILE = {
    "billion laughs": (LAUGHS, "anchors (&, *) are not used here: write it out"),
    "ten megabytes": ("a" * 10_000_000, "at most 262144 are read"),
    "deep": ("[" * 100_000, "nested more than 20 deep"),
    "not text": ("\0", "this is not YAML"),
    "twenty-five thousand unknown keys": ("".join(f"{n}: 0\n" for n in range(25_000)), "' is not known here"),
    "a long key": (f"? {'k' * 100_000}\n: 0", "k…' is not known here"),
    "time-outs in a circle": (
        MODEL.replace("examples:", "  - {from: look, after: P1D, to: buy}\nexamples:"),
        "silence leads in a circle (look to buy to look): take one 'after' out",
    ),
    "a time-out of no length": (MODEL.replace("P30D", "PT0M"), "'PT0M' is no silence: write days, hours or minutes"),
    "time-outs of no length in a circle": (
        MODEL.replace("examples:", "  - {from: look, after: PT0M, to: buy}\nexamples:"),
        "'PT0M' is no silence: write days, hours or minutes",
    ),
    "a condition in twenty-one brackets": (
        MODEL.replace("state.orders >= 1", f"'{'(' * 21}true{')' * 21}'"),
        "nested more than 20 deep",
    ),
    "a time-out of a thousand years": (MODEL.replace("P30D", "P99999D"), "'P99999D' is no silence"),
    "a condition that loops": (
        MODEL.replace("state.orders >= 1", "'event.properties.a.all(x, x > 1)'"),
        "'all' goes through a list",
    ),
}


@pytest.mark.parametrize(("text", "reason"), HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("command", ["check", "test"])
def test_a_hostile_file_is_refused_with_its_reason(folder: Path, command: str, text: str, reason: str) -> None:
    (folder / "mine.yaml").write_text(text)
    done = tappa(command, "mine.yaml")
    assert done.exit_code == 1
    assert reason in done.output
    assert isinstance(done.exception, SystemExit)
    assert len(done.output) < 100_000


@pytest.mark.parametrize("name", ["nothing.yaml", "nothing", "."])
def test_a_file_that_cannot_be_read_is_named_with_the_models_that_are_shipped(folder: Path, name: str) -> None:
    for command in ("check", "show", "test"):
        done = tappa(command, name)
        assert done.exit_code == 1
        assert "cannot be read (" in done.output
        assert "shipped models: circular, five_e" in done.output


def test_what_is_no_text_is_refused(folder: Path) -> None:
    (folder / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    assert "it is no text in UTF-8" in tappa("check", "mine.yaml").stdout


def test_show_draws_the_default_model(folder: Path) -> None:
    page = (SHIPPED.parents[1] / "docs" / "models" / "seven_stage.md").read_text()
    assert tappa("show").stdout.strip() in page
    assert "look --> buy: bought" in tappa("show", "mine.yaml").stdout


def test_show_tells_a_model_in_words_in_the_language_asked_for(folder: Path) -> None:
    told = tappa("show", "mine.yaml", "--text", "--language", "it").stdout
    assert told.splitlines() == [
        "mine: Il mio negozio",
        "",
        "A journey begins",
        "  in look  on anything else",
        "",
        "look: look",
        "  Si guarda intorno.",
        "  Does: cammina, guarda",
        "  to buy  on bought",
        "",
        "buy: buy",
        "  stays    on bought, if state.orders >= 1  (again)",
        "  to look  on silence of P30D  (lapsing)",
        "",
        "Signals",
        "  bought  event Order Completed or purchase",
        "",
        "Counters",
        "  orders  count bought",
    ]


def test_test_runs_the_examples_of_the_active_models_or_of_those_named(folder: Path) -> None:
    count = len(json.loads(tappa("test", "--json").stdout)["examples"])
    assert tappa("test").stdout == f"seven_stage: {count} of {count} examples hold\n"
    assert tappa("test", "mine.yaml").stdout == "mine.yaml: 1 of 1 examples hold\n"
    write(folder, MODEL[MODEL.index("examples:") :], "")
    assert tappa("test", "mine.yaml").stdout == "mine.yaml: no examples; write some under 'examples:'\n"


def test_test_shows_what_differs(folder: Path) -> None:
    write(folder, "visits: [look, buy]", "visits: [look, {stage: buy, label: again, entered: PT5M}, look]")
    done = tappa("test", "mine.yaml")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "mine.yaml: 0 of 1 examples hold",
        "",
        "mine.yaml:16:5: buys",
        f"      {'expected':<34} {'found':<34} entered",
        f"     1 {'look':<33} {'look':<34} 2026-01-01T10:00Z  Page Viewed",
        f"  !  2 {'buy again PT5M':<33} {'buy':<34} 2026-01-01T10:01Z  Order Completed",
        f"  !  3 {'look':<33} nothing more",
    ]
    [row] = json.loads(tappa("test", "mine.yaml", "--json").stdout)["examples"]
    assert (row["passed"], row["line"], row["name"]) == (False, 16, "buys")
    assert [visit["stage"] for visit in row["found"]] == ["look", "buy"]


@pytest.mark.parametrize("command", ["list", "check", "show", "test", "explain", "suggest"])
def test_every_command_has_examples_in_its_help(folder: Path, command: str) -> None:
    assert "Examples: tappa model" in " ".join(tappa(command, "--help").stdout.split())
