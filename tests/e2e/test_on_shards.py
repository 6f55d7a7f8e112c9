"""The law on a cluster's tables: real ingest, log and workers over Distributed tables on two shards, and every view is
that of a batch job over all of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.app import create_app
from ingest.settings import IngestSettings
from stage_engine.model import load_model
from store.settings import StoreSettings
from stream.log.sqlite import SqliteLog
from stream.metrics import WorkerMetrics
from stream.ownership import Share
from stream.settings import LogSettings, WorkerSettings
from stream.worker import Worker
from tests.e2e.chaos import yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.items import DAY_MS
from tests.e2e.test_chain_in_memory import quiet
from tests.e2e.test_traffic import Served, Sources
from tests.e2e.traffic import Traffic
from tests.e2e.views import MODEL_FILE, differences
from tests.running_shards import emptied_shards, filters, running_shards

pytestmark = pytest.mark.slow

SETTINGS = WorkerSettings(batch_messages_max=300, poll_wait_s=0.01, batch_wait_s=0, cache_customers_max=50)
WORKERS = 2


class Asked:
    """The analyst's questions, of a store whose shards see only their own rows."""

    def __init__(self, store: StoreSettings) -> None:
        self._store = store

    def rows(self, sql: str, **parameters: str) -> list[dict[str, Any]]:
        store = self._store
        said = {f"param_{name}": value for name, value in parameters.items()}
        settings = {"database": store.database, "additional_table_filters": filters(store.database)}
        user = (store.user, store.password.get_secret_value())
        content = f"{sql} FORMAT JSONEachRow"
        whole = {"output_format_json_quote_64bit_integers": "0"}
        answer = httpx.post(store.url, params={**settings, **said, **whole}, content=content, auth=user, timeout=120)
        assert answer.is_success, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def shards() -> Iterator[StoreSettings]:
    """All tables and views, on two shards."""
    with running_shards("tappa_of_two_shards", "seven_stage") as settings:
        yield settings


async def test_the_views_are_those_of_the_reference_with_two_workers_on_two_shards(
    tmp_path: Path, shards: StoreSettings, backend_ran: Callable[[str], None]
) -> None:
    end_ms = yesterday_ms()
    sendings = Traffic(5, touchpoints=1_000, customers=40, end_ms=end_ms).sendings(5)
    model, stop = load_model(MODEL_FILE), asyncio.Event()
    async with (
        await SqliteLog.open(tmp_path, LogSettings(disk_reserve_bytes=0)) as log,
        emptied_shards(shards) as store,
    ):
        shares = [Share(index=number, count=WORKERS).of(log.partitions) for number in range(WORKERS)]
        workers = [Worker(log, store, [model], SETTINGS, WorkerMetrics(), share) for share in shares]
        working = [asyncio.create_task(worker.run(stop)) for worker in workers]
        app = create_app(IngestSettings(), log, Sources())
        await Delivery(Served(), transport=httpx.ASGITransport(app)).send(sendings)  # type: ignore[arg-type]
        await quiet(log)
        stop.set()
        await asyncio.gather(*working)
    touchpoints = [item.touchpoint for item in sendings]
    at_ms = end_ms - 10 * DAY_MS + 12_345
    found = await asyncio.to_thread(differences, Asked(shards), touchpoints, now_ms=end_ms + DAY_MS, at_ms=at_ms)  # type: ignore[arg-type]
    assert found == {}
    backend_ran("store: clickhouse, two shards")
