"""Settings of the read side."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ReadKey = Annotated[str, StringConstraints(min_length=8, max_length=128, pattern=r"^[!-9;-~]+$")]
"""Printable ASCII without colon and spaces: it must fit a header."""


class ExploreSettings(BaseModel):
    """The HTTP read side, on the port of ingest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read_keys: tuple[ReadKey, ...] = Field(
        default=(),
        repr=False,
        description="Keys that may read customers over HTTP; none of them may be a write key. Better changed with "
        "`tappa readers add`; a running ingest sees it at once.",
    )
    answers_max: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Questions that are answered at once, each in a thread of its own, so that reading never slows "
        "the sending.",
    )
    waiting_max: int = Field(
        default=32, ge=0, description="Questions that wait for their turn; more are told 503, and to come again."
    )
    store_timeout_s: float = Field(
        default=20.0, ge=1, description="Time that the store has for one statement of a question."
    )
    retry_after_s: int = Field(
        default=5, ge=1, le=300, description="What a reader is told to wait while the store is away or too many read."
    )
