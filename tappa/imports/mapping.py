"""The mapping: a YAML file that says how the columns of a CSV file become touchpoints or receipts.

A mapping is a list of targets, each with a *value*: where it comes from (a column, the first of several that is not
empty, a constant, a template) and what is done to it, in this order: empty is absent; ``map``; ``time`` or ``as``;
``default``. Every further thing that a mapping may need is one more key of a value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

FIELDS_MAX: Final = 500
"""Targets of one mapping: more is a mistake."""

Scalar = str | int | float | bool


class MappingError(ValueError):
    """The mapping cannot be used. The message has a line for each mistake."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TimeForm(_Part):
    """How a time is written."""

    format: str = Field(
        "iso", description="`iso`, `epoch_s`, `epoch_ms`, or a pattern of strptime such as `%m/%d/%Y %H:%M`"
    )
    zone: str = Field(
        "UTC",
        description="IANA zone of times that do not say theirs, such as `Europe/Rome`. An hour that the clocks "
        "repeat is the first.",
    )


class Value(_Part):
    """Where a target's value comes from, and what is done to it. A bare string is the name of a column."""

    column: str | None = Field(None, description="The column's name in the file's first line")
    columns: list[str] | None = Field(None, min_length=1, description="The first of these columns that is not empty")
    constant: Scalar | None = Field(None, description="The same for every row")
    template: str | None = Field(
        None, description="Text with columns in braces: `{Invoice}-{Line}`; absent when one of them is empty"
    )
    map: dict[str, Scalar | None] | None = Field(
        None,
        description="The file's words and ours. A key may end in `*`; exact keys come first, then the patterns in "
        "order. Null is absent.",
    )
    otherwise: Literal["keep", "omit", "refuse"] = Field(
        "keep", description="What becomes of a word that `map` does not have: kept, absent, or the row is refused"
    )
    time: TimeForm | None = Field(None, description="The value is a time")
    as_: Literal["text", "number", "integer", "boolean", "json"] = Field(
        "text", alias="as", description="What the value is read as"
    )
    default: Scalar | None = Field(None, description="Instead of an absent value")

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if sum(origin is not None for origin in (self.column, self.columns, self.constant, self.template)) != 1:
            raise ValueError("give exactly one of column, columns, constant and template")
        return self


def _from_name(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Written = Annotated[Value, BeforeValidator(_from_name, json_schema_input_type=str | Value)]
Targets = Annotated[dict[str, Written], Field(min_length=1, max_length=FIELDS_MAX)]


class CsvForm(_Part):
    """How the file is written."""

    delimiter: str = Field(default=",", min_length=1, max_length=1, description="Between columns; a tab is `\\t`")
    quote: str = Field(
        default='"', min_length=1, max_length=1, description="Around a column that contains delimiters or line breaks"
    )
    encoding: str = Field(default="utf-8", description="Such as `utf-8`, `cp1252`")
    empty: list[str] = Field(default=["", "NULL", "null"], description="Words that mean: nothing here")


class ReceiptForm(_Part):
    """Rows that are lines of receipts."""

    group_by: list[str] = Field(
        min_length=1, description="Columns: neighbouring rows that are alike in all of them are one receipt"
    )
    fields: Targets = Field(
        description="The receipt's own fields, from its first row: `receipt_id`, `store_id`, `sold_at`, `currency`, "
        "`customer.user_id` … Without `total` it is the sum of quantity × unit_price less discount; "
        "without `kind`, a negative sum is a return"
    )
    lines: Targets = Field(
        description="A line's fields: `sku`, `name`, `quantity`, `unit_price`, `discount`, `category`"
    )


class Mapping(_Part):
    """A mapping file."""

    version: Literal[1] = Field(description="Of the mapping language")
    description: str = Field("", description="For people")
    csv: CsvForm = Field(default_factory=lambda: CsvForm())
    skip: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Rows that are no touchpoints: column and the values to leave out; `v*` matches by its beginning",
    )
    message: Targets | None = Field(
        None,
        description="A row is one message in Segment's form: dotted targets such as `event`, `userId`, `timestamp`, "
        "`properties.price`, `context.page.url`",
    )
    receipt: ReceiptForm | None = Field(None, description="Rows are lines of receipts")

    @model_validator(mode="after")
    def _makes_one_thing(self) -> Self:
        if (self.message is None) == (self.receipt is None):
            raise ValueError("give either message or receipt")
        return self


def load_mapping(path: Path) -> Mapping:
    """The mapping in a file. Raises ``MappingError``."""
    try:
        return parse_mapping(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} cannot be read: {error}") from None


def parse_mapping(text: str, name: str) -> Mapping:
    """The mapping in a YAML text. Raises ``MappingError``, which calls it ``name``."""
    try:
        return Mapping.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise MappingError(f"{name}: this is no YAML: {error}") from None
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False)
        lines = [f"{name}: {'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']}" for mistake in mistakes]
        raise MappingError("\n".join(lines)) from None


def mapping_schema() -> dict[str, Any]:
    """The mapping's JSON Schema (2020-12), published as ``docs/schemas/mapping.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tappa import mapping",
        **Mapping.model_json_schema(by_alias=True, mode="validation"),
    }
