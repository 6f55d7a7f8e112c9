"""The mapping: a YAML file that says how the columns of a table become touchpoints or receipts. Its values are those
of a webhook's mapping (``ingest.hooks.mapping``), too.

A mapping is a list of targets, each with a *value*: where it comes from (a column, the first of several that is not
empty, a constant, a template) and what is done to it, in this order: empty is absent; ``map``; ``time`` or ``as``;
``default``. Every further thing that a mapping may need is one more key of a value.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from stage_engine.yaml_source import SourceError, read_source

FIELDS_MAX: Final = 500
"""Targets of one mapping: more is a mistake."""

REMEMBERED: Final = 256
"""Mappings that are kept ready: as many as sources may have."""

Scalar = str | int | float | bool
Form = TypeVar("Form", bound=BaseModel)


class MappingError(ValueError):
    """The mapping cannot be used. The message has a line for each mistake."""


class Part(BaseModel):
    """A part of a mapping: what it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TimeForm(Part):
    """How a time is written."""

    format: str | None = Field(
        None,
        description="`iso`, `epoch_s`, `epoch_ms`, or a pattern of strptime such as `%m/%d/%Y %H:%M`. Without it "
        "`tappa import` looks at the column; elsewhere it is `iso`",
    )
    zone: str = Field(
        "UTC",
        description="IANA zone of times that do not say theirs, such as `Europe/Rome`. An hour that the clocks "
        "repeat is the first.",
    )

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {zone!r}; it is written like Europe/Rome") from None
        return zone


class Treatment(Part):
    """What is done to a value, and where it comes from if it is not read."""

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
    decimal: Literal[".", ","] | None = Field(
        None,
        description="Of a number: its decimal mark. The other mark, blanks and apostrophes may then stand between "
        "thousands, and a currency sign beside it. Without it `tappa import` looks at the columns; elsewhere it is a "
        "plain number with a point",
    )
    default: Scalar | None = Field(None, description="Instead of an absent value")

    @property
    def names(self) -> list[str]:
        """What is read, the first of these that is not empty; none for a constant and a template."""
        raise NotImplementedError


class Value(Treatment):
    """Where a target's value comes from, and what is done to it. A bare string is the name of a column."""

    column: str | None = Field(None, description="The column's name in the file's first line")
    columns: list[str] | None = Field(None, min_length=1, description="The first of these columns that is not empty")

    @property
    def names(self) -> list[str]:
        """The columns."""
        return [self.column] if self.column is not None else self.columns or []

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        check_one_of(column=self.column, columns=self.columns, constant=self.constant, template=self.template)
        return self


def check_one_of(**origins: object) -> None:
    """Raises ``ValueError`` unless exactly one of them is there."""
    if sum(origin is not None for origin in origins.values()) != 1:
        *names, last = origins
        raise ValueError(f"give exactly one of {', '.join(names)} and {last}")


def _from_name(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Written = Annotated[Value, BeforeValidator(_from_name, json_schema_input_type=str | Value)]
Targets = Annotated[dict[str, Written], Field(min_length=1, max_length=FIELDS_MAX)]


class CsvForm(Part):
    """How the file is written."""

    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="Between columns; a tab is `\\t`. Without it `tappa import` looks at the file; "
        "elsewhere it is a comma",
    )
    quote: str = Field(
        default='"', min_length=1, max_length=1, description="Around a column that contains delimiters or line breaks"
    )
    encoding: str | None = Field(
        default=None,
        description="Such as `utf-8`, `cp1252`. Without it `tappa import` looks at the file; elsewhere it is UTF-8",
    )
    empty: list[str] = Field(default=["", "NULL", "null"], description="Words that mean: nothing here")


class ExcelForm(Part):
    """Where in a workbook the rows are."""

    sheet: str | None = Field(default=None, description="The sheet's name; without it the first sheet")
    header_row: int = Field(default=1, ge=1, description="The row that names the columns")


class ReceiptForm(Part):
    """Rows that are lines of receipts."""

    group_by: list[str] = Field(
        min_length=1, description="Columns: neighbouring rows that are alike in all of them are one receipt"
    )
    fields: Targets = Field(
        description="The receipt's own fields, from its first row: `receipt_id`, `store_id`, `sold_at`, `currency`, "
        "`customer.user_id` … Without `total` it is the sum of quantity × unit_price less discount; "
        "without `kind`, a negative sum is a return"
    )
    lines: dict[str, Written] = Field(
        default_factory=dict,
        max_length=FIELDS_MAX,
        description="A line's fields: `sku`, `name`, `quantity`, `unit_price`, `discount`, `category`. Without them a "
        "row is a receipt without lines, and needs a `total`",
    )


class PoslogForm(Part):
    """What a POSLog leaves to be said."""

    zone: str | None = Field(
        default=None,
        description="IANA zone of times without an offset, such as `Europe/Rome`, in all stores but those of `zones`",
    )
    zones: dict[str, str] = Field(default_factory=dict, description="The same by store")
    currency: str | None = Field(default=None, description="Where no amount says its own: three letters, such as `EUR`")
    customer_id: str | None = Field(
        default="user_id",
        description="What a CustomerID is: `user_id`, `loyalty_card`, another kind of contact, or null: nothing",
    )
    loyalty_account: str | None = Field(
        default="loyalty_card",
        description="What the first LoyaltyAccountID is: `loyalty_card`, `user_id`, … or null: nothing",
    )

    @field_validator("zone", "zones")
    @classmethod
    def _zones_exist(cls, said: str | dict[str, str] | None) -> str | dict[str, str] | None:
        for zone in said.values() if isinstance(said, dict) else [said] if said else []:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(f"there is no time zone {zone!r}; it is written like Europe/Rome") from None
        return said


class Mapping(Part):
    """A mapping file."""

    version: Literal[1] = Field(description="Of the mapping language")
    description: str = Field("", description="For people")
    csv: CsvForm = Field(default_factory=lambda: CsvForm())
    excel: ExcelForm = Field(default_factory=lambda: ExcelForm())
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
    poslog: PoslogForm | None = Field(None, description="The file is a POSLog")

    @model_validator(mode="after")
    def _makes_one_thing(self) -> Self:
        if sum(form is not None for form in (self.message, self.receipt, self.poslog)) != 1:
            raise ValueError("give either message or receipt (or poslog)")
        return self


def load_mapping(path: Path) -> Mapping:
    """The mapping in a file. Raises ``MappingError``."""
    try:
        return parse_mapping(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} cannot be read: {error}") from None


def parse_mapping(text: str, name: str) -> Mapping:
    """The mapping in a YAML text. Raises ``MappingError``, which calls it ``name``."""
    return parsed(Mapping, text, name)


@lru_cache(REMEMBERED)
def known_mapping(text: str) -> Mapping:
    """The same for a text that is used again and again. Raises ``MappingError``."""
    return parse_mapping(text, "mapping")


def parsed(form: type[Form], text: str, name: str) -> Form:
    """A YAML text of this form. Raises ``MappingError``, which names the file as ``name``, the line and the field of
    each mistake."""
    try:
        source = read_source(text)
        return form.model_validate(source.data)
    except SourceError as error:
        raise MappingError(f"{name}:{error.place[0]}: {error.reason}") from None
    except ValidationError as error:
        lines = [
            f"{name}:{source.place(mistake['loc'])[0]}: {'.'.join(map(str, mistake['loc']))}: {mistake['msg']}"
            for mistake in error.errors(include_url=False, include_input=False)
        ]
        raise MappingError("\n".join(lines)) from None


def mapping_schema() -> dict[str, Any]:
    """The mapping's JSON Schema (2020-12), published as ``docs/schemas/mapping.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tappa import mapping",
        **Mapping.model_json_schema(by_alias=True, mode="validation"),
    }
