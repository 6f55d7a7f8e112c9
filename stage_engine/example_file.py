"""Examples in a model file: what somebody does, and the visits that it brings."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from stage_engine.file_parts import Name, Part, ScoreKind, Silence, TouchpointType
from stage_engine.silence import silence_ms

EXAMPLES_MAX: Final = 200
TOUCHPOINTS_MAX: Final = 100
"""Of one example. Both are far more than people read."""

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT.{3,40}")
_read_moment: Final = TypeAdapter(AwareDatetime).validate_python


def moment_ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time with its offset. Raises ``ValueError``."""
    try:
        if _MOMENT.fullmatch(text):
            return round(_read_moment(text).timestamp() * 1000)
    except (ValidationError, OverflowError):
        pass
    raise ValueError(f"'{text}' is no time: write 2026-01-31T10:00Z, or +01:00 in place of Z")


def moment_or_silence_ms(text: str, since: int) -> int:
    """Of a time; or of a silence (``P30D``), which begins at ``since``. Raises ``ValueError``."""
    return since + silence_ms(text) if text.startswith("P") else moment_ms(text)


def _moment(text: str) -> str:
    moment_ms(text)
    return text


def _moment_or_silence(text: str) -> str:
    moment_or_silence_ms(text, 0)
    return text


Moment = Annotated[str, AfterValidator(_moment)]
MomentOrSilence = Annotated[str, AfterValidator(_moment_or_silence)]


class ExampleTouchpoint(Part):
    """A touchpoint of an example. An event's name alone is one, too."""

    event: str | None = None
    """The event's name; left out where the type has a fixed one (``type: page``)."""
    type: TouchpointType | None = None
    """Left out, it follows from the event: track, or page for Page Viewed, receipt for Receipt Issued and so on."""
    at: Moment | None = None
    """When: 2026-01-31T10:00Z."""
    after: Silence | None = None
    """How long after the touchpoint before it: PT1H, P3D. Neither this nor ``at``: a minute after."""
    channel: str = "web"
    """Where it happened: web, app, store, call_centre, email …"""
    acquisition_channel: str = ""
    """What brought the visitor: Organic Search, Paid Social …"""
    offline: bool = False
    """Whether it happened offline."""
    source: str = "example"
    """The name of the source that brings it."""
    name: str = ""
    """Of a page or screen."""
    value: int | float | None = None
    """Money."""
    currency: str = "EUR"
    """Of the value."""
    transaction: Literal["sale", "return", "exchange", "void"] | None = None
    """What it does to purchases and revenue; left out, it follows from the event (Order Completed is a sale)."""
    message_id: str = ""
    """Only for what is referred to later."""
    refers_to: str = ""
    """Of a return or void: the ``message_id`` of the sale."""
    score_kind: ScoreKind | None = None
    """nps (0 to 10), csat (1 to 5), sentiment (-1 to 1)."""
    score: int | float | None = None
    """Of that kind."""
    properties: dict[str, Any] = Field({})
    """The event's own."""
    traits: dict[str, Any] = Field({})
    """The person's."""
    context: dict[str, Any] = Field({})
    """The page's, the device's, the campaign's."""

    @model_validator(mode="after")
    def _is_one(self) -> ExampleTouchpoint:
        if self.event is None and self.type is None:
            raise ValueError("a touchpoint needs an event, or a type that has a fixed one (page, screen, receipt …)")
        if self.event is None and self.type == "track":
            raise ValueError("a touchpoint of type track needs an event")
        if self.at is not None and self.after is not None:
            raise ValueError("a touchpoint has 'at' or 'after', not both")
        if (self.score is None) != (self.score_kind is None):
            raise ValueError("score_kind and score go together")
        return self


class ExampleVisit(Part):
    """A visit of an example. ``stage`` alone, or ``stage label``, is one, too."""

    stage: Name
    """The stage that is entered."""
    label: Name | None = None
    """The label of the move; left out: none."""
    entered: MomentOrSilence | None = None
    """When: a time, or how long after the first touchpoint (P90D). Left out, it is not compared."""


def _named_touchpoint(value: object) -> object:
    return {"event": value} if isinstance(value, str) else value


def _named_visit(value: object) -> object:
    if not isinstance(value, str):
        return value
    stage, _, label = value.partition(" ")
    return {"stage": stage, "label": label.strip()} if label else {"stage": stage}


class ExampleFile(Part):
    """What somebody does, and the visits that it brings. It does not change what the model means."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """A sentence: what it shows."""
    touchpoints: Annotated[
        list[
            Annotated[
                ExampleTouchpoint, BeforeValidator(_named_touchpoint, json_schema_input_type=str | ExampleTouchpoint)
            ]
        ],
        Field(min_length=1, max_length=TOUCHPOINTS_MAX),
    ]
    """In any order: what counts is when they happen."""
    visits: list[Annotated[ExampleVisit, BeforeValidator(_named_visit, json_schema_input_type=str | ExampleVisit)]]
    """All that these touchpoints and the silences between them bring, in order."""
    until: MomentOrSilence | None = None
    """The visits that silence brings after the last touchpoint are among them up to here: a time, or how long after
    the last touchpoint (P90D). Left out: none of them."""
