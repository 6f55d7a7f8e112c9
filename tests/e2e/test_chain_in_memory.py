"""The chain without processes and without an engine: real ingest, log, worker and stage engine, a store in memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from ingest.app import create_app
from ingest.settings import IngestSettings
from stage_engine.journey import Journey
from stage_engine.model import load_model
from store.memory import MemoryStore
from stream.log.sqlite import SqliteLog
from stream.metrics import WorkerMetrics
from stream.settings import LogSettings, WorkerSettings
from stream.worker import Worker
from tests.e2e.chaos import yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.test_traffic import Served, Sources
from tests.e2e.traffic import Traffic
from tests.e2e.views import MODEL_FILE
from tests.reference.reference import Reference

Told = list[tuple[str, int, str, str, str, str]]
SETTINGS = WorkerSettings(batch_messages_max=300, poll_wait_s=0.01, batch_wait_s=0, cache_customers_max=50)


def told(journey: Journey) -> Told:
    return [
        (visit.stage, visit.entered_at, visit.from_stage, visit.label, visit.cause_message_id, visit.cause_source)
        for visit in (*journey.visits, *journey.planned)
    ]


def whose(store: MemoryStore, identifier: str) -> list[tuple[int, str]]:
    row = store.identities.get(identifier)
    return list(row.stretches) if row else [(0, "" if identifier.startswith("receipt:") else identifier)]


async def quiet(log: SqliteLog) -> None:
    """Return once all is worked off, and all that workers told themselves because of it."""
    for _ in range(3_000):
        if await log.positions() == await log.ends():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the worker did not get to the end of the log")


@pytest.mark.parametrize("seed", range(3))
async def test_the_journeys_are_those_of_the_reference(tmp_path: Path, seed: int) -> None:
    traffic = Traffic(seed, touchpoints=1_500, customers=60, end_ms=yesterday_ms())
    sendings = traffic.sendings(seed)
    model = load_model(MODEL_FILE)
    store, metrics, stop = MemoryStore(), WorkerMetrics(), asyncio.Event()
    async with await SqliteLog.open(tmp_path, LogSettings(disk_reserve_bytes=0)) as log:
        working = asyncio.create_task(Worker(log, store, [model], SETTINGS, metrics).run(stop))
        app = create_app(IngestSettings(), log, Sources())
        await Delivery(Served(), transport=httpx.ASGITransport(app)).send(sendings)  # type: ignore[arg-type]
        await quiet(log)
        stop.set()
        await working
    reference = Reference([item.touchpoint for item in sendings], MODEL_FILE.read_text())
    found = {row.customer_id: told(row.journey) for row in store.customers.values() if row.journey}
    names = ("stage", "entered_at", "from_stage", "label", "cause_message_id", "cause_source")
    assert found == {
        customer: [tuple(visit[name] for name in names) for visit in visits]
        for customer, visits in reference.visits.items()
    }
    assert {one: whose(store, one) for one in reference.people.everybody} == {
        one: reference.people.whose(one) for one in reference.people.everybody
    }
    assert sum(map(len, store.touchpoints.values())) == len(reference.touchpoints)
    assert refolds_are_explained(metrics)


def refolds_are_explained(metrics: WorkerMetrics) -> bool:
    """Nobody is folded again without a late touchpoint, a duplicate or a touchpoint that says who is who."""
    refolds, late, duplicates, links = (
        metrics.registry.get_sample_value(f"tappa_worker_{name}_total") or 0.0
        for name in ("refolds", "late", "duplicates", "links")
    )
    return 0 < refolds <= late + duplicates + links
