"""The published JSON Schema of model files."""

from __future__ import annotations

from typing import Any

from stage_engine.model_file import ModelFile


def model_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12), published as ``docs/schemas/model.schema.json``. Whatever ``tappa model check``
    accepts fits it, but for keys that are there without a value. What holds between parts (that a stage exists, that a
    condition can be read) it does not know."""
    made = _tidy(ModelFile.model_json_schema(by_alias=True, mode="validation"))
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Tappa journey model"}
    return {**schema, **made}


def _tidy(schema: Any) -> Any:  # any JSON
    """Without what only pydantic needs: a key without a value, defaults of nothing, titles that repeat the name."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy: dict[str, Any] = {
        key: {name: _tidy(part) for name, part in value.items()} if key in ("properties", "$defs") else _tidy(value)
        for key, value in schema.items()
        if key != "title" and not (key == "default" and value is None)
    }
    if "description" in tidy:
        tidy["description"] = " ".join(tidy["description"].replace("``", "`").split())
    alternatives = [one for one in tidy.get("anyOf", []) if one != {"type": "null"}]
    if len(alternatives) == 1:
        del tidy["anyOf"]
        return {**alternatives[0], **tidy}
    return {**tidy, "anyOf": alternatives} if alternatives else tidy
