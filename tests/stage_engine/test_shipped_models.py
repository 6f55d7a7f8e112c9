"""The shipped models: their examples hold and take every way, and each is described for people in two languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from stage_engine.example import run
from stage_engine.file_parts import in_language
from stage_engine.model import SHIPPED, load_model, shipped_models
from stage_engine.model_file import ModelFile, StageFile, read_model_file
from stage_engine.picture import picture

NAMES = shipped_models()
FILES: dict[str, ModelFile] = {name: read_model_file((SHIPPED / f"{name}.yaml").read_text(), name)[0] for name in NAMES}
DOCS = Path(__file__).parents[2] / "docs"
each_name = pytest.mark.parametrize("name", NAMES)


@each_name
def test_every_example_holds(name: str) -> None:
    model = load_model(name)
    outcomes = [run(model, example) for example in FILES[name].examples]
    assert [(outcome.example.name, outcome.rows) for outcome in outcomes if not outcome.passed] == []
    assert [(outcome.example.name, outcome.errors) for outcome in outcomes if outcome.errors] == []


@each_name
def test_every_entry_move_and_time_out_is_taken_in_an_example(name: str) -> None:
    file, model = FILES[name], load_model(name)
    ways = {("entry", place): way for place, way in enumerate(file.entry)}
    ways |= {("moves", place): move for place, move in enumerate(file.moves)}  # type: ignore[misc]
    for example in file.examples:
        for taken in run(model, example).taken:
            ways.pop(taken, None)
    assert ways == {}


@each_name
def test_a_model_and_its_stages_are_described_in_english_and_italian(name: str) -> None:
    file = FILES[name]
    texts = [file.title, file.summary, file.source]
    texts += [getattr(stage, field) for stage in file.stages for field in StageFile.model_fields if field != "name"]
    said = [text for text in texts if text is not None]
    assert all(isinstance(text, dict) and text.keys() == {"en", "it"} for text in said)
    assert all(isinstance(text, dict) and type(text["en"]) is type(text["it"]) for text in said)
    assert all(stage.title and stage.summary and stage.wants and stage.does and stage.help for stage in file.stages)
    assert file.title
    assert file.summary
    assert file.source


@each_name
def test_a_model_file_names_its_schema(name: str) -> None:
    line = (SHIPPED / f"{name}.yaml").read_text().splitlines()[0]
    schema = line.removeprefix("# yaml-language-server: $schema=")
    assert (SHIPPED / schema).resolve() == DOCS / "schemas" / "model.schema.json"


@each_name
def test_a_model_has_a_page_with_its_picture_its_stages_and_when_to_use_it(name: str) -> None:
    page = (DOCS / "models" / f"{name}.md").read_text()
    assert picture(FILES[name]) in page
    assert "**When to use it.**" in page
    assert [stage.name for stage in FILES[name].stages if f"| {stage.name} |" not in page] == []


def test_a_text_is_said_in_the_language_asked_for_or_in_english() -> None:
    assert in_language({"en": "Shop", "it": "Negozio"}, "it") == ["Negozio"]
    assert in_language({"en": ["a", "b"], "it": "c"}, "de") == ["a", "b"]
    assert in_language({"fr": "Magasin"}, "de") == ["Magasin"]
    assert in_language("Shop", "it") == ["Shop"]
    assert in_language(None, "it") == []
