"""The dead letters as ``tappa rejected`` lists and replays them, and the counts that ``tappa status`` tells."""

# ruff: noqa: S608 - text goes into statements as literals only

from __future__ import annotations

from collections.abc import Collection

import msgspec

from store.clickhouse import ClickHouseStore
from store.schema_text import serving
from store.sql import literal


class RejectedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``rejected``."""

    rejected_id: str
    source: str
    received_at: int
    """Milliseconds since 1970 UTC."""
    code: str
    reason: str
    message_id: str
    body: bytes
    endpoint: str
    replayed: bool


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the database."""

    touchpoints: int
    customers: int
    """Under the default model."""
    rejected: int
    """Not yet replayed."""


async def list_rejected(
    store: ClickHouseStore,
    *,
    limit: int,
    code: str = "",
    replayed: bool = False,
    ids: Collection[str] = (),
    before_ms: int | None = None,
) -> list[RejectedRow]:
    """The newest ``limit`` dead letters: of one code if given, the open ones unless ``replayed``, only ``ids`` if
    given, only those received before ``before_ms``."""
    conditions = [f"state = {literal('replayed' if replayed else 'open')}"]
    if code:
        conditions.append(f"code = {literal(code)}")
    if ids:
        conditions.append(f"rejected_id IN ({', '.join(map(literal, ids))})")
    if before_ms is not None:
        conditions.append(f"rejected.received_at < fromUnixTimestamp64Milli({before_ms:d}, 'UTC')")
    rows = await store.rows(
        "SELECT rejected_id, source, toUnixTimestamp64Milli(received_at), code, reason, message_id, body, endpoint, "
        f"state = 'replayed' FROM rejected FINAL WHERE {' AND '.join(conditions)} "
        f"ORDER BY rejected.received_at DESC, rejected_id LIMIT {limit:d}",
        formats={"body": "bytes"},
    )
    names = RejectedRow.__struct_fields__
    return [RejectedRow(**dict(zip(names, (*row[:-1], bool(row[-1])), strict=True))) for row in rows]


async def mark_replayed(store: ClickHouseStore, ids: Collection[str], *, before_ms: int | None = None) -> None:
    """Close these dead letters, as received before ``before_ms`` if given. They open again when they are refused again,
    later, and stay so if that was not before ``before_ms``."""
    if ids:
        then = f" AND rejected.received_at < fromUnixTimestamp64Milli({before_ms:d}, 'UTC')" if before_ms else ""
        columns = "rejected_id, source, received_at, code, reason, message_id, body, endpoint"
        wanted = ", ".join(map(literal, ids))
        await store.execute(
            f"INSERT INTO rejected ({columns}, state) "
            f"SELECT {columns}, 'replayed' FROM rejected FINAL WHERE rejected_id IN ({wanted}) AND state = 'open'{then}"
        )


async def counts(store: ClickHouseStore) -> Counts:
    """What is in the database now."""
    ((touchpoints, customers, rejected),) = await store.rows(
        "SELECT (SELECT count() FROM touchpoints FINAL), "
        f"(SELECT uniqExact(customer_id) FROM customers FINAL WHERE {serving()} AND NOT is_deleted), "
        "(SELECT count() FROM rejected FINAL WHERE state = 'open')"
    )
    return Counts(touchpoints=touchpoints, customers=customers, rejected=rejected)
