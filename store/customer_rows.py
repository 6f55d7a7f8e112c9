"""One customer as the views show them, read by the places where what is theirs lies: whatever else is in the tables."""

# ruff: noqa: S608 - text goes into statements as literals only

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import msgspec

from stage_engine.identity.identifier import is_device, is_receipt
from stage_engine.identity.resolve import Stretches
from stage_engine.touchpoint import OrderKey
from store.clickhouse import ClickHouseStore
from store.identity_rows import key_of
from store.schema_text import serving
from store.sql import literal

Row = dict[str, Any]
"""By column. Times are milliseconds since 1970 UTC, None for none."""

BEYOND_MAX: Final = 5_000
"""Touchpoints that are filed under nobody and are looked at, the latest ones: what a customer did with a till's own
card."""
TRAITS_MAX: Final = 1_000
"""Traits that are told of a customer."""

_STATES: Final = {
    "model": "", "stage": "", "stage_since": "ms", "highest_stage": "", "first_touch_at": "ms", "last_touch_at": "ms",
    "touchpoints": "", "purchases": "", "revenue": "", "revenue_by_currency": "",
}  # fmt: skip
_VISITS: Final = {
    "model": "", "seq": "", "stage": "", "entered_at": "ms", "left_at": "ms", "from_stage": "", "label": "",
    "cause_message_id": "", "cause_event": "", "cause_channel": "",
}  # fmt: skip
_TOUCHPOINTS: Final = {
    "occurred_at": "ms", "received_at": "ms", "original_timestamp": "ms", "type": "", "event": "", "name": "",
    "channel": "", "acquisition_channel": "", "value": "", "currency": "", "source": "", "message_id": "",
    "identifiers": "",
}  # fmt: skip
_ORDER: Final = ("occurred_at", "message_id", "source", "identifiers", "original_timestamp")
_MAY_TELL: Final = "(traits != '' OR position(context, '\"consent\"') > 0 OR position(context, '\\\\u') > 0)"
"""A JSON text may spell any letter as an escape."""
_TOLD: Final = ("kind", "name", "value", "at", "source")


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where a customer's touchpoints lie."""

    stretches: dict[str, Stretches]
    """By identifier under which they may be filed: whose it is."""
    customer: str
    beyond: tuple[OrderKey, ...] = ()
    """Those that are filed under nobody's identifier."""


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """How a stage visit began."""

    stage: str
    entered_at: int
    cause: tuple[str, str, tuple[str, ...], int]
    """Message id, source, identifiers and original timestamp of the touchpoint; empty texts when silence did."""


async def read_states(store: ClickHouseStore, customer: str) -> list[Row]:
    """Of ``v_customers``: one row per model."""
    return await _read(store, _STATES, f"v_customers WHERE customer_id = {literal(customer)} ORDER BY model")


async def read_visits(store: ClickHouseStore, customer: str, limit: int) -> list[Row]:
    """Of ``v_stage_visits``: the last ``limit`` of each model, the latest first."""
    return await _read(
        store,
        _VISITS,
        f"v_stage_visits WHERE customer_id = {literal(customer)} ORDER BY model, seq DESC LIMIT {limit:d} BY model",
    )


async def read_beginnings(store: ClickHouseStore, customer: str, model: str) -> list[Beginning]:
    """All visits under a model, planned ones too, in their order."""
    rows = await store.rows(
        "SELECT visits.stage, arrayMap(at -> toUnixTimestamp64Milli(at), visits.entered_at), visits.cause_message_id, "
        "visits.cause_source, visits.cause_identifiers, "
        "arrayMap(at -> toUnixTimestamp64Milli(at), visits.cause_original_timestamp) FROM customers FINAL "
        f"WHERE customer_id = {literal(customer)} AND model = {literal(model)} AND {serving()} AND NOT is_deleted"
    )
    return [
        Beginning(stage=stage, entered_at=at, cause=(message_id, source, tuple(identifiers), original))
        for row in rows
        for stage, at, message_id, source, identifiers, original in zip(*row, strict=True)
    ]


async def read_beyond(store: ClickHouseStore, identifiers: Collection[str]) -> list[OrderKey]:
    """The touchpoints without a user that carry one of these, and are filed under none of them: the latest ones."""
    names = ", ".join(map(literal, identifiers)) or "''"
    rows = await store.rows(
        "SELECT toUnixTimestamp64Milli(min(l.occurred_at)) AS at, any(l.message_id), toString(any(l.source)), "
        "any(l.identifiers), toUnixTimestamp64Milli(l.original_timestamp) FROM identity_links AS l "
        f"WHERE l.identifier IN ({names}) AND l.home NOT IN ({names}) AND NOT startsWith(l.home, 'user:') "
        f"GROUP BY l.identity, l.original_timestamp ORDER BY at DESC LIMIT {BEYOND_MAX:d}"
    )
    return [
        (at, message_id, source, tuple(identifiers), original) for at, message_id, source, identifiers, original in rows
    ]


async def read_last_touchpoints(store: ClickHouseStore, places: Places, limit: int) -> list[Row]:
    """The last ``limit``, the latest first, as of ``v_touchpoints`` but for the stages."""
    order = ", ".join(f"t.{name} DESC" for name in _ORDER)
    columns = ", ".join(_TOUCHPOINTS)
    return await _read(
        store, _TOUCHPOINTS, f"({_facts(places, columns)}) AS t ORDER BY {order} LIMIT {limit:d}", prefix="t."
    )


async def read_told(store: ClickHouseStore, places: Places) -> list[Row]:
    """What touchpoints say of the customer, as told last in time: rows of ``_TOLD``, kind being ``trait``, ``group
    trait`` or ``consent``, and the value JSON. As of ``v_profiles``."""
    facts = _facts(places, f"{', '.join(_ORDER)}, type, traits, context", _MAY_TELL)
    rows = await store.rows(
        f"""
        SELECT kind, name, last.1, toUnixTimestamp64Milli(last.2), last.3
        FROM
        (
            SELECT
                said.1 AS kind, said.2.1 AS name,
                argMax(
                    (said.2.2, occurred_at, toString(source)),
                    (occurred_at, message_id, toString(source), identifiers, original_timestamp, number)
                ) AS last
            FROM
            (
                SELECT
                    *,
                    arrayConcat(
                        if(
                            type IN ('identify', 'group') AND traits != '',
                            arrayMap(
                                told -> (if(type = 'identify', 'trait', 'group trait'), told),
                                JSONExtractKeysAndValuesRaw(traits)
                            ),
                            []
                        ),
                        arrayMap(
                            told -> ('consent', told),
                            arrayFilter(
                                told -> told.2 IN ('true', 'false'),
                                JSONExtractKeysAndValuesRaw(context, 'consent', 'categoryPreferences')
                            )
                        )
                    ) AS all_said
                FROM ({facts})
            )
            ARRAY JOIN all_said AS said, arrayEnumerate(all_said) AS number
            GROUP BY kind, name
        )
        WHERE last.1 != 'null'
        ORDER BY kind, name
        LIMIT {TRAITS_MAX:d} BY kind
        """
    )
    return [dict(zip(_TOLD, row, strict=True)) for row in rows]


def _facts(places: Places, columns: str, condition: str = "1") -> str:
    """The customer's touchpoints, each part found by the table's key."""
    parts = [f"SELECT {columns} FROM touchpoints FINAL WHERE {place} AND {condition}" for place in _conditions(places)]
    return " UNION ALL ".join(parts or [f"SELECT {columns} FROM touchpoints WHERE 0"])


def _conditions(places: Places) -> Iterator[str]:
    people = [one for one in places.stretches if not is_device(one) and not is_receipt(one)]
    if people:
        yield f"filed_under IN ({', '.join(map(literal, people))})"
    for one, stretches in places.stretches.items():
        if is_receipt(one):
            yield f"filed_under = '' AND home_hash = sipHash64({literal(one)}) AND home = {literal(one)}"
        elif is_device(one):
            yield f"filed_under = {literal(one)} AND ({' OR '.join(_times(stretches, places.customer)) or '0'})"
    if places.beyond:
        yield (
            "(sipHash64(filed_under), home_hash, original_timestamp, identity) IN "
            f"({', '.join(map(key_of, places.beyond))})"
        )


def _times(stretches: Stretches, customer: str) -> Iterator[str]:
    """When a device is the customer's."""
    ends = [*(since for since, _ in stretches[1:]), None]
    for number, ((since, whose), until) in enumerate(zip(stretches, ends, strict=True)):
        if whose == customer:
            begins = f"occurred_at >= fromUnixTimestamp64Milli({since:d}, 'UTC')" if number else "1"
            yield f"({begins}" + (f" AND occurred_at < fromUnixTimestamp64Milli({until:d}, 'UTC'))" if until else ")")


async def _read(store: ClickHouseStore, columns: Mapping[str, str], source: str, prefix: str = "") -> list[Row]:
    selected = ", ".join(
        f"toUnixTimestamp64Milli({prefix}{name})" if kind == "ms" else prefix + name for name, kind in columns.items()
    )
    rows = await store.rows(f"SELECT {selected} FROM {source}")
    return [dict(zip(columns, row, strict=True)) for row in rows]
