"""Rows that were lost or are wrong are derived anew from the facts by the worker as it runs."""

from __future__ import annotations

import pytest

from store.interface import CustomerRow
from store.memory import MemoryStore
from stream.anew import NotReadError, folded_since, start_anew
from stream.log.memory import MemoryLog
from stream.worker import DATABASE_NOTE, StartAnewError
from tests.stream.test_worker import append, drain, expected, new_log, new_worker, rows
from tests.stream.touchpoints import DAY_MS, touchpoint

HISTORY = [touchpoint(str(n), at=n * DAY_MS, user=f"u{n % 7}") for n in range(20)]


async def worked_off() -> tuple[MemoryLog, MemoryStore]:
    log, store = new_log(), MemoryStore()
    await append(log, *HISTORY)
    worker = new_worker(log, store)
    await worker.start()
    await drain(worker)
    await worker._note_positions()
    return log, store


async def told(log: MemoryLog, store: MemoryStore) -> dict[int, int]:
    database = await store.read_note(DATABASE_NOTE)
    assert database is not None
    return await start_anew(log, store, database)


async def test_a_worker_that_is_told_starts_once_more_and_rows_that_are_missing_or_wrong_are_right_again() -> None:
    log, store = await worked_off()
    worker = new_worker(log, store)
    await worker.start()
    wrong, missing = sorted({one.home for one in HISTORY})[:2]
    for key, row in list(store.generations.items()):
        if row.customer_id == missing:
            del store.generations[key]
        if row.customer_id == wrong:
            assert row.journey is not None
            few = expected(HISTORY[:1]) | expected([one for one in HISTORY if one.home == wrong][:1])
            store.generations[key] = CustomerRow(
                customer_id=wrong,
                model=row.model,
                model_version=row.model_version,
                stages=row.stages,
                version=row.version,
                journey=few[wrong],
            )
    assert rows(store) != expected(HISTORY)
    epochs = await told(log, store)
    with pytest.raises(StartAnewError):
        await drain(worker)
    assert await folded_since(log, store, epochs) == 0
    again = new_worker(log, store)
    await again.start()
    assert await folded_since(log, store, epochs) == log.partitions
    await drain(again)  # the word comes round, and is not for this one
    assert rows(store) == expected(HISTORY)


async def test_a_worker_that_was_not_told_folds_everybody_at_its_next_start() -> None:
    log, store = await worked_off()
    store.generations.clear()
    await told(log, store)
    again = new_worker(log, store)
    await again.start()
    assert rows(store) == expected(HISTORY)


async def test_nothing_is_done_before_every_partition_was_read() -> None:
    log, store = new_log(), MemoryStore()
    store.notes[DATABASE_NOTE] = "here"
    with pytest.raises(NotReadError):
        await told(log, store)
    assert (await log.lag()).messages == 0
