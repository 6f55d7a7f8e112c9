"""The answer that suggests a change of a model, as JSON has it."""

from __future__ import annotations

from pydantic import Field

from explore.answers import Answer


class RepurchaseGaps(Answer):
    """How long customers take to buy again, in days, of those who do."""

    category: str = Field(description="Of products; empty for the whole shop.")
    gaps: int = Field(description="How many were seen.")
    waiting: int = Field(description="Customers who have not come back yet.")
    coming_back: float = Field(description="The part of purchases that another follows, as far as can be seen.")
    p50_days: int | None = Field(description="null: nobody came back.")
    usual_days: int | None = Field(description="When 63 % of those who come back have: what is proposed.")
    p90_days: int | None


class ProposedTimeOut(Answer):
    """A move `after` a silence."""

    place: str = Field(description="In the model's file, counted from 1: `move 3`.")
    from_stages: tuple[str, ...]
    label: str
    after: str = Field(description="As the model has it.")
    proposed: str


class ProposedSignal(Answer):
    """An event that the model has no signal for, and after which people buy more often than after others."""

    name: str
    type: str
    event: str
    touchpoints: int
    customers: int
    bought: float = Field(description="The part of those customers who bought within 30 days.")
    average: float = Field(description="The same over all events that are no purchase.")


class StageEntered(Answer):
    """A stage, and how many customers have ever been in it."""

    stage: str
    customers: int


class Suggested(Answer):
    """What the data says about a model."""

    model: str
    model_version: str
    gaps: tuple[RepurchaseGaps, ...] = Field(description="The whole shop first, then the busiest categories.")
    time_outs: tuple[ProposedTimeOut, ...] = Field(description="Empty where too few came back, or nothing fits.")
    signals: tuple[ProposedSignal, ...]
    stages: tuple[StageEntered, ...] = Field(description="Empty where the model is not active.")
    never_entered: tuple[str, ...] = Field(description="Stages that nobody was ever in.")
    notes: tuple[str, ...] = Field(description="What could not be said, and why.")
    patch: str = Field(description="What to change in the model's file, as `patch` takes it; empty for nothing.")
