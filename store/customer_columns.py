"""Journeys as columns of the table ``customers``, and back. Pure: the adapter sends and fetches them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, Final

import msgspec

from stage_engine.journey import Journey, Visit
from store.column import Column, ends_of
from store.interface import CustomerRow

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Journey).decode
_NOTHING: Final = Journey()

_KINDS: Final[Mapping[str, str]] = {
    "entered_at": "Array(DateTime64(3, 'UTC'))",
    "cause_original_timestamp": "Array(DateTime64(3, 'UTC'))",
    "cause_identifiers": "Array(Array(String))",
}

_NAMES: Final = tuple(name for name in Visit.__struct_fields__ if name != "from_stage")
_FIELDS: Final = tuple((name, _KINDS.get(name, "Array(String)")) for name in _NAMES)
"""The fields of a visit, each a column of the table; where it came from is the stage of the visit before."""


_visit: Final = attrgetter(*_NAMES)


def customer_columns(rows: Sequence[CustomerRow]) -> list[Column]:
    """The columns of an insert."""
    journeys = [row.journey or _NOTHING for row in rows]
    visits = [journey.visits for journey in journeys]
    return [
        Column("customer_id", "String", [row.customer_id for row in rows]),
        Column("model", "LowCardinality(String)", [row.model for row in rows]),
        Column("generation", "UInt32", [row.generation for row in rows]),
        Column("model_version", "LowCardinality(String)", [row.model_version for row in rows]),
        Column("version", "UInt64", [row.version for row in rows]),
        Column("is_deleted", "UInt8", [row.journey is None for row in rows]),
        Column("state", "String", list(map(_encode, journeys))),
        Column("own", "UInt8", [journey.own for journey in journeys]),
        Column("first_touch_at", "DateTime64(3, 'UTC')", [journey.first_touch_at for journey in journeys]),
        Column("last_touch_at", "DateTime64(3, 'UTC')", [journey.last_touch_at for journey in journeys]),
        Column("touchpoints", "UInt64", [journey.touchpoints for journey in journeys]),
        Column("purchases", "UInt64", [journey.purchases for journey in journeys]),
        Column(
            "revenue_by_currency",
            "Map(LowCardinality(String), Decimal(38, 4))",
            [dict(sorted(journey.revenue.items())) for journey in journeys],
        ),
        Column("visits_past", "UInt32", list(map(len, visits))),
        *_visit_columns(rows, [past + journey.planned for past, journey in zip(visits, journeys, strict=True)]),
    ]


def _visit_columns(rows: Sequence[CustomerRow], visits: Sequence[Sequence[Visit]]) -> list[Column]:
    ends = ends_of(map(len, visits))
    every = list(chain.from_iterable(visits))
    # Turned over at once: a list comprehension for each field takes three times as long.
    fields = zip(*map(_visit, every), strict=True) if every else repeat((), len(_FIELDS))
    columns = [
        Column(f"visits.{name}", kind, values, ends) for (name, kind), values in zip(_FIELDS, fields, strict=True)
    ]
    highest = chain.from_iterable(highest_stages(some, row.stages) for row, some in zip(rows, visits, strict=True))
    return [*columns, Column("visits.highest_stage", "Array(String)", list(highest), ends)]


def highest_stages(visits: Sequence[Visit], stages: tuple[str, ...]) -> list[str]:
    """For each visit the furthest stage reached up to it."""
    rank = _ranks(stages)
    reached = []
    highest = ""
    furthest = -1
    for visit in visits:
        if rank[visit.stage] > furthest:
            highest = visit.stage
            furthest = rank[highest]
        reached.append(highest)
    return reached


@lru_cache(maxsize=64)
def _ranks(stages: tuple[str, ...]) -> dict[str, int]:
    return {stage: number for number, stage in enumerate(stages)}


STORED: Final = ("customer_id", "model", "generation", "is_deleted", "state")
"""What to select for ``stored_journeys``, in its order; ``state`` as bytes. The state has the visits, too, which are
columns for the views: to read a customer by those takes three times as long."""


def stored_journeys(block: Sequence[Sequence[Any]]) -> Iterator[tuple[tuple[str, str, int], Journey | None]]:
    """The journeys in rows of ``STORED``, by customer, model and generation; None for a tombstone, and for the state of
    an older version of Tappa, which had no visits, or all in one list: whoever meets it folds the history again."""
    for customer_id, model, generation, is_deleted, state in zip(*block, strict=True):
        yield (customer_id, model, generation), None if is_deleted else _journey(state)


def _journey(state: bytes) -> Journey | None:
    try:
        return _decode(state)
    except msgspec.ValidationError:
        return None
