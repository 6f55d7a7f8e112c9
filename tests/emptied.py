"""A store on ClickHouse that is empty."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from store.clickhouse import ClickHouseStore, connect
from store.settings import StoreSettings

TABLES: Final = (
    "touchpoints", "customers", "rejected", "positions", "settings", "identity_links", "identities", "splits", "models",
    "rebuild_progress", "stage_changes", "stores",
)  # fmt: skip


@asynccontextmanager
async def emptied(settings: StoreSettings) -> AsyncIterator[ClickHouseStore]:
    """The store of a database that has its tables, whatever was in them; closed in the end."""
    store = connect(settings)
    try:
        for table in TABLES:
            await store.execute(f"TRUNCATE TABLE {table}")
        yield store
    finally:
        await store.close()
