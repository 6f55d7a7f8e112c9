"""The store directory as ``tappa stores`` loads and lists it: the stores of a company, and beside them those that only
touchpoints name."""

# ruff: noqa: S608 - names of our own columns only

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from store.clickhouse import ClickHouseStore
from store.listing import FIELDS, Listing


class StoreRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``v_stores``: what a list of stores shows of it."""

    store_id: str
    is_listed: bool
    """Whether the directory has it."""
    name: str
    place: str
    country: str
    time_zone: str
    receipts: int
    first_receipt_at: int | None
    """Milliseconds since 1970 UTC."""
    last_receipt_at: int | None
    """The same."""
    revenue_by_currency: dict[str, Decimal]
    touchpoints: int


_ROW: Final = {name: name for name in StoreRow.__struct_fields__} | {
    "is_listed": "CAST(is_listed, 'Bool')",
    "first_receipt_at": "toUnixTimestamp64Milli(first_receipt_at)",
    "last_receipt_at": "toUnixTimestamp64Milli(last_receipt_at)",
}


async def read_directory(store: ClickHouseStore) -> tuple[dict[str, Listing], int]:
    """The stores that are listed now, and the last ``updated_at`` of all rows: a change counts if it is later."""
    rows = await store.rows(f"SELECT {', '.join(FIELDS)} FROM stores FINAL WHERE NOT is_removed ORDER BY store_id")
    [(last,)] = await store.rows("SELECT toUnixTimestamp64Micro(max(updated_at)) FROM stores")
    return {row[0]: Listing(**dict(zip(FIELDS, row, strict=True))) for row in rows}, last


async def list_stores(store: ClickHouseStore, *, unlisted: bool, limit: int) -> list[StoreRow]:
    """The first ``limit`` stores in the order of their ids, or of those that the directory does not have."""
    which = "NOT is_listed" if unlisted else "1"
    rows = await store.rows(
        f"SELECT {', '.join(_ROW.values())} FROM v_stores WHERE {which} ORDER BY store_id LIMIT {limit:d}"
    )
    return [StoreRow(**dict(zip(_ROW, row, strict=True))) for row in rows]
