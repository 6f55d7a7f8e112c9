"""The answer that explains a journey, as JSON has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from explore.answers import Answer


class Silence(Answer):
    """A time-out."""

    at: datetime
    from_stage: str
    to_stage: str = Field(description="The same stage, where it begins a visit of its own for the label.")
    label: str
    place: str = Field(description="In the model's file, counted from 1: `move 3`.")


class MoveMade(Answer):
    """A move that a touchpoint made."""

    from_stage: str = Field(description="Empty for the first touchpoint.")
    to_stage: str
    label: str
    place: str = Field(description="In the model's file, counted from 1: `move 3`, `entry 1`.")


class MoveRefused(Answer):
    """A move whose signal was there, and whose condition was not true."""

    place: str
    signal: str
    condition: str
    answer: Literal["no", "failed"] = Field(description="`failed`: it could not be evaluated, which means no.")
    state: dict[str, Any] = Field(description="What the condition read of `state.*`; what was not there is left out.")


class ExplainedTouchpoint(Answer):
    """What a touchpoint did."""

    occurred_at: datetime
    type: str
    event: str
    channel: str
    source: str
    message_id: str
    skipped: Literal["", "void", "voided"] = Field(
        description="`void`: it takes a sale back; `voided`: a sale that was taken back. Both count for nothing."
    )
    silence: tuple[Silence, ...] = Field(description="What silence brought before it.")
    stage_before: str = Field(description="The stage that it found the customer in; empty for the first.")
    signals: tuple[str, ...] = Field(description="Those that it carried, of the ones that the model uses.")
    move: MoveMade | None
    refused: tuple[MoveRefused, ...] = Field(description="Moves that came first and were not made, for a condition.")
    reasons: tuple[str, ...] = Field(description="In words: why it did not move, or not otherwise.")


class Explained(Answer):
    """A customer's journey under a model, touchpoint by touchpoint."""

    asked: str = Field(description="The identifier that was asked about, in the form that touchpoints have.")
    customer_id: str
    model: str
    model_version: str
    touchpoints_count: int = Field(description="How many there are, voids and voided sales among them.")
    touchpoints: tuple[ExplainedTouchpoint, ...] = Field(description="The last ones, in their order.")
    planned: tuple[Silence, ...] = Field(description="What silence will bring, if nobody arrives before.")
