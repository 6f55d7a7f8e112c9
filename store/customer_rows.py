"""One customer as the views show them."""

# ruff: noqa: S608 - text goes into statements as literals only

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from store.clickhouse import ClickHouseStore, literal

Row = dict[str, Any]
"""By column. Times are milliseconds since 1970 UTC, None for none."""

_STATES: Final = {
    "model": "", "stage": "", "stage_since": "ms", "highest_stage": "", "first_touch_at": "ms", "last_touch_at": "ms",
    "touchpoints": "", "purchases": "", "revenue": "", "revenue_by_currency": "",
}  # fmt: skip
_VISITS: Final = {
    "model": "", "seq": "", "stage": "", "entered_at": "ms", "left_at": "ms", "from_stage": "", "label": "",
    "cause_message_id": "", "cause_event": "", "cause_channel": "",
}  # fmt: skip
_TOUCHPOINTS: Final = {
    "occurred_at": "ms", "received_at": "ms", "type": "", "event": "", "name": "", "channel": "",
    "acquisition_channel": "", "stage_before": "", "stage_after": "", "value": "", "currency": "", "source": "",
    "message_id": "", "identifiers": "",
}  # fmt: skip


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


async def read_last_touchpoints(store: ClickHouseStore, customer: str, limit: int) -> list[Row]:
    """Of ``v_touchpoints``: the last ``limit``, the latest first."""
    place = "v.occurred_at DESC, v.message_id DESC, v.source DESC, v.identifiers DESC"
    return await _read(
        store,
        _TOUCHPOINTS,
        f"v_touchpoints AS v WHERE customer_id = {literal(customer)} ORDER BY {place} LIMIT {limit:d}",
    )


async def _read(store: ClickHouseStore, columns: Mapping[str, str], source: str) -> list[Row]:
    selected = ", ".join(f"toUnixTimestamp64Milli({name})" if kind == "ms" else name for name, kind in columns.items())
    rows = await store.rows(f"SELECT {selected} FROM {source}")
    return [dict(zip(columns, row, strict=True)) for row in rows]
