"""A store to test with: in memory, and ClickHouse over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from store.clickhouse import ClickHouseStore
from store.interface import Store
from store.memory import MemoryStore
from store.migrate import migrate
from store.settings import StoreSettings
from tests.emptied import emptied
from tests.running_shards import emptied_shards, running_shards

DEFAULT_MODEL = "restless"
"""The one whose stages v_touchpoints shows: a model of the stage engine's tests that moves a lot."""


@pytest.fixture(scope="session")
def migrated(embedded_store: StoreSettings) -> StoreSettings:
    """A database of these tests' own, with all tables and views."""
    settings = embedded_store.model_copy(update={"database": "tappa_of_tests"})
    asyncio.run(migrate(settings, default_model=DEFAULT_MODEL, reporting_currency="EUR"))
    return settings


@pytest.fixture(scope="session")
def sharded() -> Iterator[StoreSettings]:
    """The same on two shards."""
    with running_shards("tappa_of_shards", DEFAULT_MODEL) as settings:
        yield settings


@pytest.fixture
async def one_server(migrated: StoreSettings, backend_ran: Callable[[str], None]) -> AsyncIterator[ClickHouseStore]:
    """An empty store on a ClickHouse of one server."""
    async with emptied(migrated) as store:
        yield store
    backend_ran("store: clickhouse")


@pytest.fixture
async def two_shards(sharded: StoreSettings, backend_ran: Callable[[str], None]) -> AsyncIterator[ClickHouseStore]:
    """An empty store on a ClickHouse of two shards."""
    async with emptied_shards(sharded) as store:
        yield store
    backend_ran("store: clickhouse, two shards")


@pytest.fixture(params=["one_server", pytest.param("two_shards", marks=pytest.mark.slow)])
def clickhouse(request: pytest.FixtureRequest) -> ClickHouseStore:
    """An empty store on ClickHouse, of every kind in turn."""
    found: ClickHouseStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["memory", "one_server", pytest.param("two_shards", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, backend_ran: Callable[[str], None]) -> Store:
    """An empty store, of every kind in turn."""
    if request.param == "memory":
        backend_ran("store: memory")
        return MemoryStore()
    found: ClickHouseStore = request.getfixturevalue(request.param)
    return found
