"""What a mapping may say, and how a wrong one is answered."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from ingest.files.mapping import MappingError, load_mapping, mapping_schema, parse_mapping

ROOT = Path(__file__).parents[3]
MESSAGE = "version: 1\nmessage:\n  type: {constant: track}\n"


@pytest.mark.parametrize("sample", ["web", "clickstream", "receipts"])
def test_the_mapping_of_each_sample_is_valid_by_the_published_schema_too(sample: str) -> None:
    path = ROOT / "samples" / sample / "mapping.yaml"
    assert load_mapping(path).version == 1
    schema = json.loads((ROOT / "docs" / "schemas" / "mapping.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(path.read_text()))


def test_the_published_schema_is_the_one_of_the_code() -> None:
    assert json.loads((ROOT / "docs" / "schemas" / "mapping.schema.json").read_text()) == mapping_schema()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\n", "give either message or receipt"),
        ("version: 2\nmessage: {type: x}\n", "version"),
        (MESSAGE + "mesage: {}\n", "mesage: Extra inputs are not permitted"),
        (MESSAGE + "  event: {column: a, constant: b}\n", "message.event: Value error, give exactly one of"),
        (MESSAGE + "  event: {}\n", "give exactly one of"),
        (MESSAGE + "  event: {column: a, as: money}\n", "message.event.as"),
        ("version: 1\nmessage: {}\n", "message: Dictionary should have at least 1 item"),
        (": [", "m.yaml:1: this is not YAML"),
        (
            MESSAGE + "  event:\n    column: a\n    time: {zone: Rome}\n",
            "m.yaml:6: message.event.time.zone: Value error, there is",
        ),
        ("just text", "m.yaml"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, "m.yaml")
    assert "m.yaml" in str(caught.value)
    assert said in str(caught.value)


def test_a_mapping_that_is_not_there_is_a_mistake_too(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="cannot be read"):
        load_mapping(tmp_path / "none.yaml")
