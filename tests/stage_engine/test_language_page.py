"""The page about the language: its model can be loaded, and it names all that a condition may ask for."""

from __future__ import annotations

from pathlib import Path

from stage_engine.advice import doubts
from stage_engine.compilation import BUILT_IN_STATE
from stage_engine.condition import EVENT_FIELDS, FUNCTIONS
from stage_engine.example import run
from stage_engine.model import parse_model
from stage_engine.model_file import (
    CounterFile,
    EntryFile,
    ModelFile,
    MoveFile,
    SignalFile,
    StageFile,
    read_model_file,
)

PAGE = (Path(__file__).parents[2] / "docs" / "models" / "language.md").read_text()


def test_the_model_on_the_page_can_be_loaded() -> None:
    model = parse_model(PAGE.split("```yaml\n")[1].split("```")[0], "language.md")
    assert model.stages == ("looking", "customer", "regular")


def test_the_model_on_the_page_leaves_no_doubt() -> None:
    assert doubts(PAGE.split("```yaml\n")[1].split("```")[0], "language.md") == []


def test_the_example_on_the_page_holds() -> None:
    text = PAGE.split("```yaml\n")[1].split("```")[0]
    file, _ = read_model_file(text, "language.md")
    assert [run(parse_model(text), example).passed for example in file.examples] == [True]


def test_the_page_names_every_field_and_function_of_conditions() -> None:
    names = {*EVENT_FIELDS, *FUNCTIONS, *(f"state.{name}" for name in BUILT_IN_STATE)}
    assert [name for name in sorted(names) if name not in PAGE] == []


def test_the_page_names_every_key_of_a_model_file() -> None:
    parts = (ModelFile, StageFile, SignalFile, CounterFile, EntryFile, MoveFile)
    keys = {field.alias or name for part in parts for name, field in part.model_fields.items()}
    assert [key for key in sorted(keys) if f"{key}:" not in PAGE and f"`{key}`" not in PAGE] == []
