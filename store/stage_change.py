"""What is said of a stage visit to whoever reacts to it, and how that becomes rows of ``stage_changes``. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, Literal

import msgspec

from stage_engine.journey import Visit
from store.column import Column

Kind = Literal["entered", "corrected", "retracted"]
LAST_SAID: Final = (
    *("customer_id", "model", "visit_id", "generation", "kind", "version", "toUnixTimestamp64Micro(said_at)", "stage"),
    *("toUnixTimestamp64Milli(entered_at)", "from_stage", "label", "cause_message_id", "cause_source"),
    *("cause_identifiers", "toUnixTimestamp64Milli(cause_original_timestamp)", "cause_event", "cause_channel"),
)
"""What to select for ``stage_change_of``, in its order."""

_encode: Final = msgspec.msgpack.Encoder().encode


class StageChange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One thing said of one visit. Of all that is said of a visit what ``comes_last`` counts: the visit is there unless
    that is ``retracted``."""

    customer_id: str
    model: str
    generation: int = 0
    kind: Kind
    """``entered``: the customer is in another stage. ``corrected``: they were, as is known only now. ``retracted``:
    they were not, whatever was said."""
    visit_id: str
    """Of the same visit always the same: a repeat can be told by it."""
    visit: Visit
    corrects: str = ""
    """Of a correction: the ``visit_id`` of the visit that is retracted in its favour, where there is one."""
    version: int
    """As of a ``CustomerRow``."""
    said_at: int
    """Microseconds since 1970 UTC, by the clock of who said it."""

    @property
    def comes_last(self) -> tuple[int, int]:
        """The largest counts."""
        return (self.version, self.said_at)

    @property
    def is_there(self) -> bool:
        """Whether it says that the visit took place."""
        return self.kind != "retracted"


def visit_id(customer_id: str, model: str, visit: Visit) -> str:
    """The same for the same visit, whoever works it out, and when. A visit that passes to another customer together
    with the touchpoint that caused it keeps it; one that silence brought is its customer's own."""
    whose = "" if visit.cause_message_id else customer_id
    return blake2b(_encode((whose, model, visit)), digest_size=16).hexdigest()


def stage_change_columns(changes: Sequence[StageChange]) -> list[Column]:
    """Of ``stage_changes``."""
    visits = [one.visit for one in changes]
    return [
        Column("customer_id", "String", [one.customer_id for one in changes]),
        Column("model", "LowCardinality(String)", [one.model for one in changes]),
        Column("generation", "UInt32", [one.generation for one in changes]),
        Column("kind", "LowCardinality(String)", [one.kind for one in changes]),
        Column("visit_id", "String", [one.visit_id for one in changes]),
        Column("corrects", "String", [one.corrects for one in changes]),
        Column("version", "UInt64", [one.version for one in changes]),
        Column("said_at", "DateTime64(6, 'UTC')", [one.said_at for one in changes]),
        Column("stage", "LowCardinality(String)", [one.stage for one in visits]),
        Column("from_stage", "LowCardinality(String)", [one.from_stage for one in visits]),
        Column("label", "LowCardinality(String)", [one.label for one in visits]),
        Column("entered_at", "DateTime64(3, 'UTC')", [one.entered_at for one in visits]),
        Column("cause_message_id", "String", [one.cause_message_id for one in visits]),
        Column("cause_source", "LowCardinality(String)", [one.cause_source for one in visits]),
        Column("cause_identifiers", "Array(String)", [one.cause_identifiers for one in visits]),
        Column("cause_original_timestamp", "DateTime64(3, 'UTC')", [one.cause_original_timestamp for one in visits]),
        Column("cause_event", "LowCardinality(String)", [one.cause_event for one in visits]),
        Column("cause_channel", "LowCardinality(String)", [one.cause_channel for one in visits]),
    ]


def stage_change_of(row: Sequence[object]) -> StageChange:
    """What a row of ``LAST_SAID`` says."""
    customer_id, model, visit, generation, kind, version, said_at, stage, entered_at, *rest = row
    from_stage, label, message_id, source, identifiers, original, event, channel = rest
    named = {
        "customer_id": customer_id,
        "model": model,
        "generation": generation,
        "kind": kind,
        "visit_id": visit,
        "version": version,
        "said_at": said_at,
        "visit": [
            *(stage, entered_at, from_stage, label, message_id, source, identifiers),
            *(original, event, channel),
        ],
    }
    return msgspec.convert(named, StageChange)


def last_said(changes: Iterable[StageChange]) -> dict[str, StageChange]:
    """By visit what counts of all that is said of it."""
    last: dict[str, StageChange] = {}
    for one in changes:
        known = last.get(one.visit_id)
        if known is None or one.comes_last >= known.comes_last:
            last[one.visit_id] = one
    return last


def order_of(visit: Visit) -> tuple[int, str, str, tuple[str, ...], int]:
    """Puts a customer's visits into their order: that of the touchpoints that caused them, and what silence brings at
    the same time comes first."""
    cause = (visit.cause_message_id, visit.cause_source, visit.cause_identifiers, visit.cause_original_timestamp)
    return (visit.entered_at, *cause)
