"""``tappa replay`` without its words: the log once more, into the database that it is read into already, or into
another one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from uuid import uuid4

import msgspec

from stage_engine.identity.limits import Limits
from stage_engine.model import Model
from stage_engine.touchpoint import Touchpoint
from store.asking import at_once
from store.interface import Decision, Position, State, Store
from store.rejected import Refused
from stream.batch import gather, opened
from stream.facts import write_facts
from stream.folding import foldings
from stream.identities import Identities
from stream.log.interface import Record
from stream.log.memory import MemoryLog
from stream.log.message import encode_message, shared_out
from stream.metrics import WorkerMetrics
from stream.reread import Span, read_again
from stream.settings import LogSettings, WorkerSettings
from stream.worker import FOLDED_NOTE, Folded, Worker

Report = Callable[[float, int], None]
"""Told which part is done, and how many touchpoints that are."""

MESSAGES: Final = 20_000
"""Read at once: some tens of megabytes."""
LOOK_INTERVAL_S: Final = 0.02


async def copy_facts(spans: Sequence[Span], store: Store, report: Report) -> int:
    """Insert the facts of these spans: what is there already stays as it is. Returns how many touchpoints were read.
    Raises ``LogError`` and ``StoreError``; what was copied then is there, and may be copied again."""
    total, touchpoints = max(1, sum(one.records for one in spans)), 0
    before = 0
    for span in spans:
        async for records, left in read_again(span, MESSAGES):
            batch = await write_facts(gather(records, ""), store, at_once)
            if traces := Identities.traces(batch.touchpoints):
                await store.write_links(traces)
            touchpoints += len(batch.touchpoints) + batch.copies
            report((before + span.records - left) / total, touchpoints)
        before += span.records
    return touchpoints


async def read_into(
    spans: Sequence[Span],
    store: Store,
    models: Sequence[Model],
    settings: WorkerSettings,
    limits: Limits,
    report: Report,
) -> int:
    """Work off these spans into a store that nobody else writes to, by a worker of our own on a log of our own, in
    memory: so many messages at a time as are read at once. Then keep where workers go on from: whoever starts on the
    store reads on in the last topic where this has ended. Returns how many touchpoints were read. Raises ``LogError``
    and ``StoreError``. After a crash do it again: everybody is folded again from what is there, and the rest comes on
    top."""
    partitions = spans[-1].log.partitions
    log = MemoryLog(LogSettings(partitions=partitions), topic_id=f"replay {uuid4().hex}")
    worker = Worker(log, store, models, settings.model_copy(update={"batch_wait_s": 0}), WorkerMetrics(), None, limits)
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    try:
        touchpoints = await _passed_on(spans, log, working, report)
        stop.set()
        await working
    finally:
        working.cancel()
        await asyncio.wait([working])
    await _hand_over(spans[-1], store)
    return touchpoints


async def _passed_on(spans: Sequence[Span], log: MemoryLog, working: asyncio.Task[None], report: Report) -> int:
    total, touchpoints, before = max(1, sum(one.records for one in spans)), 0, 0
    for span in spans:
        async for records, left in read_again(span, MESSAGES):
            said = [message for record in records for message in _facts(record)]
            await log.append(shared_out({0: [encode_message(one) for one in said]}, log.partitions), internal=True)
            await _worked_off(log, working)
            touchpoints += sum(isinstance(one, Touchpoint) for one in said)
            report((before + span.records - left) / total, touchpoints)
        before += span.records
    await _worked_off(log, working)
    return touchpoints


async def _worked_off(log: MemoryLog, working: asyncio.Task[None]) -> None:
    """Wait until nothing is left in the log, and forget what was in it. Raises what the worker does."""
    while (await log.lag()).messages:
        if working.done():
            working.result()
        await asyncio.sleep(LOOK_INTERVAL_S)
    await log.trim(older_than_s=0, keep_bytes=0)


def _facts(record: Record) -> list[Touchpoint | Refused | Decision]:
    messages, undecodable = opened(record)
    return [one for one in messages if isinstance(one, Touchpoint | Refused | Decision)] + undecodable


async def _hand_over(span: Span, store: Store) -> None:
    """All that lies before the end of the span is in the rows, under an epoch before this one."""
    noted = await store.read_positions()
    epoch = 1 + max((one.epoch for one in noted), default=0)
    serving = foldings(await store.read_models(), State.SERVING)
    folded = Folded(topic_id=span.log.topic_id, models={one.key: one.model.version for one in serving})
    for partition in span.end:
        key = FOLDED_NOTE.format(partition=partition, epoch=epoch)
        await store.write_note(key, msgspec.json.encode(folded).decode())
    await store.write_positions(
        [
            Position(topic_id=span.log.topic_id, epoch=epoch, partition=partition, offset=offset)
            for partition, offset in span.end.items()
        ]
    )
