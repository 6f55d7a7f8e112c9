"""The published schema says of a model file what reading it says."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from stage_engine.model import SHIPPED, ModelError, shipped_models
from stage_engine.model_file import read_model_file
from stage_engine.schema import model_schema
from stage_engine.yaml_source import read_source
from tests.stage_engine.test_language_page import PAGE
from tests.stage_engine.test_model import SMALL

SCHEMA = model_schema()
JUDGE = Draft202012Validator(SCHEMA)


def mistakes(text: str) -> list[str]:
    return [error.message for error in JUDGE.iter_errors(read_source(text).data)]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", shipped_models())
def test_the_shipped_models_fit_it(name: str) -> None:
    assert mistakes((SHIPPED / f"{name}.yaml").read_text()) == []


def test_the_model_on_the_page_about_the_language_fits_it() -> None:
    assert mistakes(PAGE.split("```yaml\n")[1].split("```")[0]) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("moves:", "mvoes:"),
        ("    title: {en", "    titel: {en"),
        ("    title: {en: Looking, it: Guarda}", "    title: 5"),
        ("{count: viewed}", "{}"),
        ("{count: viewed}", "{count: viewed, last: event.score, on: viewed}"),
        ("{count: viewed}", "{distinct: event.channel, on: viewed, max: 101}"),
        ("{type: page}", "{}"),
        ("{type: page}", "{type: pages}"),
        ("{type: page}", "{event: 404}"),
        ("{type: page}", "{event: []}"),
        ("P30D", "30 days"),
        ("P30D", "P"),
        ("after: P30D", "after: P30D, on: bought"),
        ("  - name: buy\n", "  - name: Buy now\n"),
        ("name: small\n", ""),
        ("title: Small\n", "forward_only: yes\n"),
        ("title: Small\n", "examples: [{name: it, touchpoints: [], visits: []}]\n"),
        ("title: Small\n", "examples: [{name: it, touchpoints: [{type: pages}], visits: []}]\n"),
    ],
)
def test_what_it_refuses_is_refused_when_the_file_is_read(good: str, bad: str) -> None:
    text = SMALL.replace(good, bad, 1)
    assert mistakes(SMALL) == []
    assert mistakes(text) != []
    with pytest.raises(ModelError):
        read_model_file(text, "small.yaml")


def test_every_key_is_described() -> None:
    parts: dict[str, Any] = {"": SCHEMA, **SCHEMA["$defs"]}
    bare = [
        f"{part}.{key}"
        for part, schema in parts.items()
        for key, value in schema["properties"].items()
        if "description" not in value
    ]
    assert bare == []
