"""The answers of the read side, as JSON has them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def moment(ms: int | None) -> datetime | None:
    """The time of so many milliseconds since 1970; None for none."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


class Answer(BaseModel):
    """What all answers are."""

    model_config = ConfigDict(frozen=True)


class TouchpointName(Answer):
    """Which touchpoint says so."""

    message_id: str
    source: str
    occurred_at: datetime
    type: str = Field(description="track, identify, page … ; empty when the touchpoint itself is not there any more.")
    event: str
    channel: str
    identifiers: tuple[str, ...] = Field(description="All that it carries, as sent.")


class Step(Answer):
    """A touchpoint that carries two identifiers."""

    one: str
    other: str
    touchpoint: TouchpointName = Field(description="The first that carries both.")


class Obstacle(Answer):
    """An identifier that keeps two others apart."""

    identifier: str
    reason: str = Field(description="In words: how many others it was seen with, or who decided it, when and why.")


class Why(Answer):
    """Why two identifiers are one customer, or why they are not."""

    a: str = Field(description="The first identifier, in the form that touchpoints have.")
    b: str
    joined: bool = Field(description="Whether they are one customer; a device: for some stretch of time.")
    verdict: Literal["joined", "shared", "split", "too_large", "other_person", "never_met"] = Field(
        description="`joined`: one customer. Otherwise what keeps them apart: `shared`: an identifier seen with too "
        "many others joins nothing; `split`: somebody decided so; `too_large`: a group past its bound joins nothing; "
        "`other_person`: a chain leads from one to the other, but through two users, or over somebody else's device "
        "or contact; `never_met`: no touchpoints lead from one to the other."
    )
    customer_id: str | None = Field(description="The one customer, when they are joined.")
    summary: str = Field(description="The answer as a sentence.")
    chain: tuple[Step, ...] = Field(
        description="The shortest chain of touchpoints from a to b: that joins them, or that would, were it not for "
        "the verdict."
    )
    because: tuple[Obstacle, ...] = Field(description="The identifiers that keep them apart.")


class Stretch(Answer):
    """A time in which an identifier belongs to somebody."""

    customer_id: str | None = Field(description="Whose it is then; null: nobody's.")
    valid_from: datetime | None = Field(description="From then on; null: ever since.")
    valid_to: datetime | None = Field(description="Before then; null: until now.")


class CustomerIdentifier(Answer):
    """An identifier that leads to the customer."""

    identifier: str
    kind: str
    value: str
    stretches: tuple[Stretch, ...] = Field(
        description="Whose it is at what times, this customer's and others': only a device's changes with time."
    )


class Trait(Answer):
    """What was last said of a customer under one name."""

    value: Any
    at: datetime = Field(description="When it was told.")
    source: str = Field(description="Which source told it.")


class Visit(Answer):
    """A stay in a stage."""

    seq: int = Field(description="1 for the first.")
    stage: str
    entered_at: datetime
    left_at: datetime | None = Field(description="null: still there.")
    from_stage: str
    label: str
    cause_message_id: str = Field(description="Of the touchpoint that began it; empty when silence did.")
    cause_event: str
    cause_channel: str


class State(Answer):
    """Where a customer is, under one journey model."""

    model: str
    stage: str
    stage_since: datetime
    highest_stage: str
    first_touch_at: datetime
    last_touch_at: datetime
    touchpoints: int
    purchases: int
    revenue: Decimal = Field(description="In the reporting currency, returns taken off; as text, so that it is exact.")
    revenue_by_currency: dict[str, Decimal]
    visits: tuple[Visit, ...] = Field(description="The last stage visits, at most 1,000; the latest first.")


class CustomerTouchpoint(Answer):
    """A touchpoint of the customer."""

    occurred_at: datetime
    received_at: datetime
    type: str
    event: str
    name: str
    channel: str
    acquisition_channel: str
    stage_before: str = Field(description="Stage of the default model that it found the customer in.")
    stage_after: str = Field(description="Stage of the default model that it left the customer in.")
    value: Decimal | None
    currency: str
    source: str
    message_id: str
    identifiers: tuple[str, ...]


class Customer(Answer):
    """All about one customer."""

    asked: str = Field(description="The identifier that was asked about, in the form that touchpoints have.")
    customer_id: str = Field(description="The customer that it leads to today.")
    asked_stretches: tuple[Stretch, ...] = Field(
        description="Whose the identifier is at what times; more than one for a device that changed hands."
    )
    identifiers: tuple[CustomerIdentifier, ...] = Field(description="What leads to this customer, at most 1,000.")
    identifiers_count: int = Field(description="How many there are.")
    traits: dict[str, Trait] = Field(description="What identify messages say of them, each trait as told last in time.")
    group_traits: dict[str, Trait] = Field(description="What group messages say of their company or household.")
    consent: dict[str, bool] = Field(
        description="What they consent to, or not, by purpose, as told last: `context.consent.categoryPreferences`."
    )
    models: tuple[State, ...] = Field(description="Stage and visits under each journey model.")
    touchpoints: tuple[CustomerTouchpoint, ...] = Field(description="The last ones, the latest first.")


class Error(Answer):
    """The answer when there is none."""

    success: Literal[False] = False
    code: str = Field(description="Why, in one word.")
    message: str = Field(description="What is wrong and what to do.")
