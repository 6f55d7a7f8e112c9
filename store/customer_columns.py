"""Journeys as columns of the table ``customers``, and back. Pure: the adapter sends and fetches them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

import msgspec

from stage_engine.journey import Journey, Visit
from store.column import Column, ends_of
from store.interface import CustomerRow

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Journey).decode
_NOTHING: Final = Journey()

_TIMES: Final = "Array(DateTime64(3, 'UTC'))"


def customer_columns(rows: Sequence[CustomerRow]) -> list[Column]:
    """The columns of an insert."""
    journeys = [row.journey or _NOTHING for row in rows]
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
            [dict(sorted(journey.revenue.items())) for journey in journeys],
        ),
        Column("visits_past", "UInt32", [len(journey.visits) for journey in journeys]),
        *_visit_columns(rows, [journey.visits + journey.planned for journey in journeys]),
    ]


def _visit_columns(rows: Sequence[CustomerRow], visits: Sequence[Sequence[Visit]]) -> list[Column]:
    ends = ends_of(map(len, visits))
    every = list(chain.from_iterable(visits))
    highest = list(
        chain.from_iterable(highest_stages(some, row.stages) for row, some in zip(rows, visits, strict=True))
    )
    return [
        Column("visits.stage", "Array(String)", [visit.stage for visit in every], ends),
        Column("visits.entered_at", _TIMES, [visit.entered_at for visit in every], ends),
        Column("visits.from_stage", "Array(String)", [visit.from_stage for visit in every], ends),
        Column("visits.label", "Array(String)", [visit.label for visit in every], ends),
        Column("visits.highest_stage", "Array(String)", highest, ends),
        Column("visits.cause_message_id", "Array(String)", [visit.cause_message_id for visit in every], ends),
        Column("visits.cause_source", "Array(String)", [visit.cause_source for visit in every], ends),
        Column("visits.cause_identifiers", "Array(Array(String))", [visit.cause_identifiers for visit in every], ends),
        Column("visits.cause_original_timestamp", _TIMES, [visit.cause_original_timestamp for visit in every], ends),
        Column("visits.cause_event", "Array(String)", [visit.cause_event for visit in every], ends),
        Column("visits.cause_channel", "Array(String)", [visit.cause_channel for visit in every], ends),
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
