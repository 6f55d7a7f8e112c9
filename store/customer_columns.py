"""Journeys as columns of the table ``customers``, and back. Pure: the adapter sends and fetches them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from stage_engine.journey import Journey, Visit
from store.column import Column
from store.interface import CustomerRow

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Journey).decode
_NOTHING: Final = Journey()

_TEXTS: Final = "Array(LowCardinality(String))"
_TIMES: Final = "Array(DateTime64(3, 'UTC'))"
_VISIT: Final[tuple[tuple[str, str, Callable[[Visit], Any]], ...]] = (
    ("stage", _TEXTS, lambda visit: visit.stage),
    ("entered_at", _TIMES, lambda visit: visit.entered_at),
    ("from_stage", _TEXTS, lambda visit: visit.from_stage),
    ("label", _TEXTS, lambda visit: visit.label),
    ("cause_message_id", "Array(String)", lambda visit: visit.cause_message_id),
    ("cause_source", _TEXTS, lambda visit: visit.cause_source),
    ("cause_identifiers", "Array(Array(String))", lambda visit: visit.cause_identifiers),
    ("cause_original_timestamp", _TIMES, lambda visit: visit.cause_original_timestamp),
    ("cause_event", _TEXTS, lambda visit: visit.cause_event),
    ("cause_channel", _TEXTS, lambda visit: visit.cause_channel),
)


def customer_columns(rows: Sequence[CustomerRow]) -> list[Column]:
    """The columns of an insert."""
    journeys = [row.journey or _NOTHING for row in rows]
    visits = [journey.visits + journey.planned for journey in journeys]
    highest = [highest_stages(some, row.stages) for some, row in zip(visits, rows, strict=True)]
    return [
        Column("customer_id", "String", [row.customer_id for row in rows]),
        Column("model", "LowCardinality(String)", [row.model for row in rows]),
        Column("model_version", "LowCardinality(String)", [row.model_version for row in rows]),
        Column("version", "UInt64", [row.version for row in rows]),
        Column("is_deleted", "UInt8", [row.journey is None for row in rows]),
        Column("state", "String", [_encode(journey) for journey in journeys]),
        Column("first_touch_at", "DateTime64(3, 'UTC')", [journey.first_touch_at for journey in journeys]),
        Column("last_touch_at", "DateTime64(3, 'UTC')", [journey.last_touch_at for journey in journeys]),
        Column("touchpoints", "UInt64", [journey.touchpoints for journey in journeys]),
        Column("purchases", "UInt64", [journey.purchases for journey in journeys]),
        Column(
            "revenue_by_currency",
            "Map(LowCardinality(String), Decimal(38, 4))",
            [journey.revenue for journey in journeys],
        ),
        Column("visits_past", "UInt32", [len(journey.visits) for journey in journeys]),
        *(Column(f"visits.{name}", kind, [[of(v) for v in some] for some in visits]) for name, kind, of in _VISIT),
        Column("visits.highest_stage", _TEXTS, highest),
    ]


def highest_stages(visits: Sequence[Visit], stages: Sequence[str]) -> list[str]:
    """For each visit the furthest stage reached up to it."""
    furthest = -1
    reached = []
    for visit in visits:
        furthest = max(furthest, stages.index(visit.stage))
        reached.append(stages[furthest])
    return reached


def journey_of(state: bytes, is_deleted: int) -> Journey | None:
    """The journey that was stored; None for a tombstone."""
    return None if is_deleted else _decode(state)
