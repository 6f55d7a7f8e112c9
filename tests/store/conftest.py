"""A store to test with: in memory, and ClickHouse over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from store.clickhouse import ClickHouseStore
from store.interface import Store
from store.memory import MemoryStore
from store.migrate import migrate
from store.settings import StoreSettings
from tests.emptied import emptied

DEFAULT_MODEL = "restless"
"""The one whose stages v_touchpoints shows: a model of the stage engine's tests that moves a lot."""


@pytest.fixture(scope="session")
def migrated(embedded_store: StoreSettings) -> StoreSettings:
    """A database of these tests' own, with all tables and views."""
    settings = embedded_store.model_copy(update={"database": "tappa_of_tests"})
    asyncio.run(migrate(settings, default_model=DEFAULT_MODEL, reporting_currency="EUR"))
    return settings


@pytest.fixture
async def clickhouse(migrated: StoreSettings, backend_ran: Callable[[str], None]) -> AsyncIterator[ClickHouseStore]:
    """An empty store on ClickHouse."""
    async with emptied(migrated) as store:
        yield store
    backend_ran("store: clickhouse")


@pytest.fixture(params=["memory", "clickhouse"])
def store(request: pytest.FixtureRequest, backend_ran: Callable[[str], None]) -> Store:
    """An empty store, of every kind in turn."""
    if request.param == "clickhouse":
        found: ClickHouseStore = request.getfixturevalue("clickhouse")
        return found
    backend_ran("store: memory")
    return MemoryStore()
