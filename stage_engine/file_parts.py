"""What the parts of a model file are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from stage_engine.silence import silence_ms


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _silence(text: str) -> str:
    silence_ms(text)
    return text


Silence = Annotated[
    str,
    AfterValidator(_silence),
    Field(json_schema_extra={"pattern": r"^P(\d{1,5}D)?(T(?=\d)(\d{1,6}H)?(\d{1,7}M)?)?$", "minLength": 3}),
]
"""A length of time without touchpoints: ``P30D``, ``PT12H``, ``P1DT30M``."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Text = str | dict[str, str]
"""For people: one text, or one by language (``{en: …, it: …}``)."""
Texts = str | list[str] | dict[str, str | list[str]]
"""For people: a text or a list of texts, or one by language (``{en: [search, ads], it: [ricerca, annunci]}``)."""
TouchpointType = Literal["track", "identify", "page", "screen", "group", "alias", "receipt"]
ScoreKind = Literal["nps", "csat", "sentiment"]
Words = Annotated[list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str]), Field(min_length=1)]
Names = Annotated[list[Name], BeforeValidator(_listed, json_schema_input_type=Name | list[Name]), Field(min_length=1)]
Types = Annotated[
    list[TouchpointType],
    BeforeValidator(_listed, json_schema_input_type=TouchpointType | list[TouchpointType]),
    Field(min_length=1),
]
ScoreKinds = Annotated[
    list[ScoreKind], BeforeValidator(_listed, json_schema_input_type=ScoreKind | list[ScoreKind]), Field(min_length=1)
]


class Part(BaseModel):
    """A part of a model file. The texts under its fields are the descriptions in the published schema."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


def in_language(text: Text | Texts | None, language: str) -> list[str]:
    """``text`` in ``language``, else in English, else in the first that there is; as a list."""
    if isinstance(text, dict):
        text = text.get(language) or text.get("en") or next(iter(text.values()), None)
    return text if isinstance(text, list) else [text] if text else []
