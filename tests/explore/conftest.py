"""A world to ask about: the real engine, filled by the real worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.resources import files

import pytest

from stage_engine.model import parse_model
from stage_engine.touchpoint import Touchpoint
from store.clickhouse import ClickHouseStore
from store.interface import Decision
from store.migrate import migrate
from store.settings import StoreSettings
from stream.log.memory import MemoryLog
from stream.log.message import encode_message, partition_of
from stream.metrics import WorkerMetrics
from stream.settings import LogSettings, WorkerSettings
from stream.worker import Worker
from tests.emptied import emptied
from tests.running_shards import emptied_shards, running_shards

MODEL = parse_model(files("stage_engine").joinpath("models/seven_stage.yaml").read_text())
SETTINGS = WorkerSettings(poll_wait_s=0.001, batch_wait_s=0)


class World:
    """What was sent is worked off when ``send`` returns."""

    def __init__(self, store: ClickHouseStore) -> None:
        self.store = store
        self._log = MemoryLog(LogSettings(partitions=3))
        self._worker = Worker(self._log, store, [MODEL], SETTINGS, WorkerMetrics())
        self._started = False

    async def send(self, *messages: Touchpoint | Decision) -> None:
        """Append them, and run the worker until nobody has anything to say any more."""
        if not self._started:
            self._started = True
            await self._worker.start()
        for message in messages:
            home = message.home if isinstance(message, Touchpoint) else message.one
            await self._log.append({partition_of(home, self._log.partitions): [encode_message(message)]})
        while await self._worker.batch():
            pass


@pytest.fixture(scope="session")
def explored(embedded_store: StoreSettings) -> StoreSettings:
    """A database of these tests' own, with all tables and views."""
    settings = embedded_store.model_copy(update={"database": "tappa_explored"})
    asyncio.run(migrate(settings, default_model="seven_stage", reporting_currency="EUR"))
    return settings


@pytest.fixture(scope="session")
def explored_shards() -> Iterator[StoreSettings]:
    """The same on two shards."""
    with running_shards("tappa_explored_shards", "seven_stage") as settings:
        yield settings


@pytest.fixture
async def one_server(explored: StoreSettings, backend_ran: Callable[[str], None]) -> AsyncIterator[ClickHouseStore]:
    """An empty store."""
    async with emptied(explored) as store:
        yield store
    backend_ran("store: clickhouse")


@pytest.fixture
async def two_shards(
    explored_shards: StoreSettings, backend_ran: Callable[[str], None]
) -> AsyncIterator[ClickHouseStore]:
    """An empty store of two shards."""
    async with emptied_shards(explored_shards) as store:
        yield store
    backend_ran("store: clickhouse, two shards")


@pytest.fixture(params=["one_server", pytest.param("two_shards", marks=pytest.mark.slow)])
def world(request: pytest.FixtureRequest) -> World:
    """An empty one, of every kind in turn."""
    return World(request.getfixturevalue(request.param))
