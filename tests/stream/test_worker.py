"""The worker against the contract of log and store, crashes as an input: the rows are always the fold of the facts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stage_engine.fold import fold
from stage_engine.journey import Journey
from stage_engine.model import Model, parse_model
from stage_engine.touchpoint import Placed, Touchpoint, place
from store.interface import StoreUnavailableError, UnwritableRowError
from store.memory import MemoryStore
from store.rejected import Refused
from stream.log.memory import MemoryLog
from stream.log.message import encode_message, partition_of
from stream.metrics import WorkerMetrics
from stream.settings import LogSettings, WorkerSettings
from stream.worker import Worker
from tests.stream.touchpoints import DAY_MS, touchpoint

SEVEN_STAGE = files("stage_engine").joinpath("models/seven_stage.yaml").read_text()
MODEL = parse_model(SEVEN_STAGE)
SETTINGS = WorkerSettings(poll_wait_s=0.001, batch_wait_s=0, retry_s_max=0.001, tidy_interval_s=0.0001)


class CrashError(Exception):
    """The process dies here."""


class FragileStore(MemoryStore):
    """A store on whose n-th call the worker dies, before or after the call took effect."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.crash_at: int | None = None
        self.away_for = 0

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        if not name.startswith(("read_", "write_")):
            return method

        async def call(*args: Any) -> Any:
            self.calls += 1
            if self.away_for:
                self.away_for -= 1
                raise StoreUnavailableError("away")
            if self.crash_at is not None and self.calls == self.crash_at // 2:
                if self.crash_at % 2:
                    await method(*args)
                raise CrashError
            return await method(*args)

        return call


def new_log(partitions: int = 3) -> MemoryLog:
    return MemoryLog(LogSettings(partitions=partitions))


def new_worker(log: MemoryLog, store: MemoryStore, *models: Model, batch_messages_max: int = 20_000) -> Worker:
    settings = SETTINGS.model_copy(update={"batch_messages_max": batch_messages_max})
    return Worker(log, store, models or (MODEL,), settings, WorkerMetrics())


async def append(log: MemoryLog, *messages: Touchpoint | Refused) -> None:
    for message in messages:
        home = message.home if isinstance(message, Touchpoint) else message.rejected_id
        await log.append({partition_of(home, log.partitions): [encode_message(message)]})


async def drain(worker: Worker) -> None:
    while await worker.batch():
        pass


async def run_dry(worker: Worker) -> None:
    """As the process does it: the next batch is taken while one is settled, until nothing is left."""
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    while not running.done() and (await worker._log.lag()).messages:  # noqa: ASYNC110 - the log has no event for it
        await asyncio.sleep(0)
    stop.set()
    await running


async def batch_by_batch(worker: Worker) -> None:
    await worker.start()
    await drain(worker)


def expected(touchpoints: Sequence[Touchpoint]) -> dict[str, Any]:
    by_home: dict[str, list[Touchpoint]] = {}
    for one in touchpoints:
        by_home.setdefault(one.home, []).append(one)
    return {home: folded(MODEL, history) for home, history in by_home.items() if not home.startswith("receipt:")}


def folded(model: Model, history: Sequence[Touchpoint]) -> Journey | None:
    """The fold of somebody's own touchpoints."""
    journey = fold(model, history)
    return journey and replace(journey, own=True)


def rows(store: MemoryStore) -> dict[str, Any]:
    return {customer_id: row.journey for (customer_id, _), row in store.customers.items()}


HISTORY = st.lists(
    st.builds(
        touchpoint,
        st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]),
        at=st.integers(0, 40).map(lambda day: day * 20 * DAY_MS),
        original=st.none() | st.integers(0, 40).map(lambda day: day * 20 * DAY_MS),
        user=st.sampled_from(["ada", "bob"]),
        event=st.sampled_from(["Product Viewed", "Order Completed", "Product Reviewed", "Newsletter Subscribed"]),
        transaction=st.sampled_from(["", "", "sale", "return", "void"]),
        refers_to=st.sampled_from(["", "a", "b"]),
        value=st.sampled_from([None, 10_000, 123]),
        note=st.sampled_from(["", "copy"]),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=300)
@given(
    history=HISTORY,
    batch_messages_max=st.integers(1, 12),
    crashes=st.lists(st.integers(2, 60), max_size=3),
    away_for=st.integers(0, 3),
    work=st.sampled_from([run_dry, batch_by_batch]),
)
def test_the_rows_are_the_fold_of_the_facts_whatever_the_order_the_batches_and_the_crashes(
    history: list[Touchpoint],
    batch_messages_max: int,
    crashes: list[int],
    away_for: int,
    work: Callable[[Worker], Awaitable[None]],
) -> None:
    async def live() -> None:
        log, store = new_log(), FragileStore()
        await append(log, *history)
        for crash_at in [*crashes, None]:
            store.calls, store.crash_at, store.away_for = 0, crash_at, away_for
            worker = new_worker(log, store, batch_messages_max=batch_messages_max)
            try:
                await work(worker)
            except CrashError:
                continue
        assert rows(store) == expected(history)
        assert (await log.lag()).messages == 0

    asyncio.run(live())


async def started(*history: Touchpoint) -> tuple[MemoryLog, MemoryStore, Worker]:
    log, store = new_log(), MemoryStore()
    worker = new_worker(log, store)
    await worker.start()
    await append(log, *history)
    await drain(worker)
    return log, store, worker


def metric(worker: Worker, name: str) -> float:
    value = worker._metrics.registry.get_sample_value(f"tappa_worker_{name}_total")
    assert value is not None
    return value


async def test_how_long_it_took_to_see_touchpoints_counts_from_their_append() -> None:
    log = MemoryLog(LogSettings(partitions=3), clock=lambda: time.time() - 20)
    worker = new_worker(log, MemoryStore())
    await worker.start()
    await append(log, touchpoint("one", at=0, user="ada"))
    await drain(worker)
    registry = worker._metrics.registry
    assert registry.get_sample_value("tappa_worker_visible_seconds_count") == 1
    assert registry.get_sample_value("tappa_worker_visible_seconds_bucket", {"le": "10.0"}) == 0


async def test_touchpoints_in_order_are_stepped_and_never_refolded() -> None:
    history = [touchpoint(str(day), at=day * DAY_MS, user="ada") for day in range(50)]
    _, store, worker = await started(*history[:20])
    await append(worker._log, *history[20:])  # type: ignore[arg-type]
    await drain(worker)
    assert metric(worker, "refolds") == 0
    assert metric(worker, "steps") == 50
    assert rows(store) == expected(history)


async def test_refolds_do_not_exceed_late_touchpoints_however_many_come_in_one_batch() -> None:
    history = [touchpoint(str(day), at=day * DAY_MS, user="ada") for day in range(30)]
    log, store, worker = await started(*history[10:])
    await append(log, *history[:10])
    await drain(worker)
    assert metric(worker, "refolds") == 1
    assert metric(worker, "late") == 10
    assert rows(store) == expected(history)


async def test_a_batch_that_fails_ends_the_worker_with_the_one_that_was_being_taken() -> None:
    log, store = new_log(), FragileStore()
    await append(log, *[touchpoint(str(n), at=n, user="ada") for n in range(6)])
    worker = new_worker(log, store, batch_messages_max=1)
    store.crash_at = 12
    with pytest.raises(CrashError):
        await run_dry(worker)
    store.crash_at = None
    await run_dry(new_worker(log, store))
    assert rows(store)["user:ada"].touchpoints == 6


async def test_a_copy_of_a_recent_touchpoint_costs_no_refold() -> None:
    history = [touchpoint(str(day), at=day * DAY_MS, user="ada") for day in range(5)]
    log, _, worker = await started(*history)
    await append(log, history[-1], history[-2])
    await drain(worker)
    assert metric(worker, "refolds") == 0
    assert metric(worker, "duplicates") == 2


async def test_a_new_device_that_comes_with_its_user_is_not_folded_by_itself_first() -> None:
    history = [
        *(touchpoint(f"before {n}", at=n, user="ada") for n in range(20)),
        touchpoint("login", at=50, user="ada", device="d"),
        *(touchpoint(f"anonymous {n}", at=60 + n, device="d") for n in range(20)),
    ]
    _, store, worker = await started(*history)
    whole = folded(MODEL, history)
    assert rows(store) == {"user:ada": replace(whole, own=False), "device:d": None}  # type: ignore[type-var]
    assert metric(worker, "refolds") == 0
    assert metric(worker, "late") == 0


async def test_a_word_that_comes_when_its_touchpoint_was_long_applied_costs_no_refold() -> None:
    history = [
        touchpoint("login", at=1, user="ada", contacts=("card:3",)),
        touchpoint("known now", at=2, contacts=("card:3",)),
    ]
    _, store, worker = await started(*history)
    more = [
        touchpoint("at the till", at=10, contacts=("card:3",)),
        *(touchpoint(f"after {n}", at=20 + n, user="ada") for n in range(20)),
    ]
    await append(worker._log, *more)  # type: ignore[arg-type]
    await drain(worker)
    assert rows(store)["user:ada"].touchpoints == 23
    assert metric(worker, "refolds") == 0


async def test_another_log_on_the_same_store_replaces_rows_although_its_offsets_begin_again() -> None:
    first = touchpoint("1", user="ada")
    _, store, _ = await started(*[touchpoint(str(n), at=n, user="ada") for n in range(20)])
    log = MemoryLog(LogSettings(partitions=3), topic_id="another")
    worker = new_worker(log, store)
    await worker.start()
    later = touchpoint("later", at=DAY_MS, user="ada", event="Order Completed")
    await append(log, first, later)
    await drain(worker)
    assert rows(store)["user:ada"].visits[-1].cause_message_id == "later"


async def test_records_at_offsets_that_a_log_has_given_twice_replace_rows(caplog: pytest.LogCaptureFixture) -> None:
    history = [touchpoint(str(n), at=n, user="ada") for n in range(20)]
    old, store, _ = await started(*history)
    log = new_log()
    await append(log, *history[:5])
    await log.commit(await old.positions())
    worker = new_worker(log, store)
    await worker.start()
    later = touchpoint("later", at=DAY_MS, user="ada", event="Order Completed")
    await append(log, later)
    await drain(worker)
    assert rows(store) == expected([*history, later])
    assert "the log has lost the last 15 records that were read" in caplog.text


async def test_a_changed_model_waits_for_its_rebuild() -> None:
    history = [touchpoint("1", user="ada"), touchpoint("2", at=DAY_MS, user="bob")]
    log, store, _ = await started(history[0])
    worker = new_worker(log, store, parse_model(SEVEN_STAGE.replace("P90D", "P77D")))
    await worker.start()
    await append(log, history[1])
    await drain(worker)
    assert rows(store) == expected(history)
    assert {row.model_version for row in store.customers.values()} == {MODEL.version}


async def test_a_program_that_folds_otherwise_folds_everybody_again_from_the_facts() -> None:
    history = [touchpoint("1", user="ada"), touchpoint("2", at=DAY_MS, user="bob")]
    log, store, _ = await started(*history)
    changed = parse_model(SEVEN_STAGE.replace("P90D", "P77D"))
    [(key, listed)] = store.models.items()
    store.models[key] = replace(listed, text=changed.text)
    for _ in range(2):
        worker = new_worker(log, store)
        await worker.start()
    assert {position.epoch for position in store.positions.values()} == {1, 2}
    assert rows(store) == {one.home: folded(changed, [one]) for one in history}
    assert {row.model_version for row in store.customers.values()} == {changed.version}


async def test_a_store_restored_from_an_old_backup_catches_up_from_the_log() -> None:
    history = [touchpoint(str(n), at=n * DAY_MS, user=f"u{n % 7}") for n in range(40)]
    log, store, _ = await started(*history)
    worker = new_worker(log, MemoryStore())
    await worker.start()
    await drain(worker)
    assert rows(worker._store) == rows(store)  # type: ignore[arg-type]


async def test_a_touchpoint_that_no_table_takes_goes_to_the_dead_letters_and_the_others_arrive() -> None:
    class PickyStore(MemoryStore):
        async def write_touchpoints(self, placed: Sequence[Placed]) -> None:
            if any(one.message_id == "bad" for _, _, one in placed):
                raise UnwritableRowError("a value is out of range")
            await super().write_touchpoints(placed)

    log, store = new_log(), PickyStore()
    worker = new_worker(log, store)
    await worker.start()
    good = [touchpoint(str(n), at=n, user="ada") for n in range(9)]
    await append(log, *good[:4], touchpoint("bad", user="ada"), *good[4:])
    await drain(worker)
    assert rows(store) == expected(good)
    assert [letter.code for letter in store.rejected.values()] == ["unwritable"]


async def test_the_worker_waits_for_a_store_that_is_away_and_then_catches_up() -> None:
    log, store = new_log(), FragileStore()
    worker = new_worker(log, store)
    await worker.start()
    await append(log, touchpoint("1", user="ada"))
    store.away_for = 20
    await drain(worker)
    assert rows(store) == expected([touchpoint("1", user="ada")])


async def test_stopping_finishes_the_batch_at_hand_and_notes_the_positions() -> None:
    log, store = new_log(), MemoryStore()
    worker, stop = new_worker(log, store), asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await append(log, *[touchpoint(str(n), at=n, user="ada") for n in range(10)])
    async with asyncio.timeout(10):
        while (await log.lag()).messages:  # noqa: ASYNC110 - a log has no event to wait for
            await asyncio.sleep(0.001)
        stop.set()
        await running
    assert {position.partition: position.offset for position in store.positions.values()} == await log.positions()


async def test_dead_letters_of_ingest_reach_the_store() -> None:
    log, store, worker = await started()
    letter = Refused(rejected_id="1", source="web", received_at=1, code="missing_identifier", reason="…", body=b"{}")
    await append(log, letter)
    await drain(worker)
    assert store.rejected == {"1": letter}


async def test_read_committed_records_go_once_retention_no_longer_covers_them() -> None:
    log, store = new_log(), MemoryStore()
    settings = SETTINGS.model_copy(update={"retention_bytes": 0, "trim_interval_s": 0.0001})
    worker = Worker(log, store, (MODEL,), settings, WorkerMetrics())
    await worker.start()
    await append(log, *[touchpoint(str(n), at=n, user="ada") for n in range(10)])
    await drain(worker)
    assert await log.heads() == await log.ends()


async def test_facts_that_were_written_before_there_were_links_are_joined_at_the_start() -> None:
    log, store = new_log(), MemoryStore()
    history = [touchpoint("1", device="d"), touchpoint("2", at=DAY_MS, user="ada", device="d")]
    await store.write_touchpoints([place(one) for one in history])
    worker = new_worker(log, store)
    await worker.start()
    await drain(worker)
    found = {customer: journey.touchpoints for customer, journey in rows(store).items() if journey}
    assert found == {"user:ada": 2}
