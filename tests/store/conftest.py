"""A store to test with: in memory, and ClickHouse over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from store.clickhouse import ClickHouseStore, connect
from store.interface import Store
from store.memory import MemoryStore
from store.migrate import migrate
from store.settings import StoreSettings

DEFAULT_MODEL = "restless"
"""The one whose stages v_touchpoints shows: a model of the stage engine's tests that moves a lot."""

TABLES = ("touchpoints", "customers", "rejected", "positions", "settings", "identity_links", "identities", "splits")
TABLES += ("models", "rebuild_progress")


@pytest.fixture(scope="session")
def migrated(embedded_store: StoreSettings) -> StoreSettings:
    """A database of these tests' own, with all tables and views."""
    settings = embedded_store.model_copy(update={"database": "tappa_of_tests"})
    asyncio.run(migrate(settings, default_model=DEFAULT_MODEL, reporting_currency="EUR"))
    return settings


@pytest.fixture
async def clickhouse(migrated: StoreSettings, backend_ran: Callable[[str], None]) -> AsyncIterator[ClickHouseStore]:
    """An empty store on ClickHouse."""
    store = connect(migrated)
    for table in TABLES:
        await store.execute(f"TRUNCATE TABLE {table}")
    yield store
    backend_ran("store: clickhouse")
    await store.close()


@pytest.fixture(params=["memory", "clickhouse"])
def store(request: pytest.FixtureRequest, backend_ran: Callable[[str], None]) -> Store:
    """An empty store, of every kind in turn."""
    if request.param == "clickhouse":
        found: ClickHouseStore = request.getfixturevalue("clickhouse")
        return found
    backend_ran("store: memory")
    return MemoryStore()
