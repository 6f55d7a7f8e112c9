"""Lives in which every stage change is said: in the end what was said must be what is true."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable

from stage_engine.journey import Journey, Visit
from store.memory import MemoryStore
from store.stage_change import last_said, order_of
from stream.announcer import TELL_NOTE
from stream.metrics import WorkerMetrics
from stream.worker import Worker
from tests.simulator.rebuilding import Rebuilding
from tests.simulator.simulation import SETTINGS, TURNS_MAX, Simulation
from tests.simulator.world import History, history_of

TELLING = SETTINGS.model_copy(update={"stage_changes": True, "silence_wait_s": 0, "poll_wait_s": 0.001})


class Telling(Simulation):
    """One history, lived once."""

    settings = TELLING
    turns_max = 3 * TURNS_MAX
    """Workers have more to do."""

    def __init__(self, history: History, seed: int, make: Callable[..., Worker] = Worker) -> None:
        super().__init__(history, seed, make)
        if seed % 2:  # what silence brought long ago is not said before somebody dies
            self.settings = TELLING.model_copy(update={"silence_wait_s": 60})

    async def live(self) -> list[str]:
        """What is wrong with the rows, or with what was said. After deaths and rebalances a worker may go once round
        all customers, and then nobody waits any longer."""
        wrong = await super().live()
        if self.struck or self.settings.silence_wait_s:
            await once_round(self)
        return wrong + wrong_sayings(self.store)


class TellingRebuild(Rebuilding):
    """One history in which the models change, and it is to be said what that changes."""

    settings = TELLING
    turns_max = 3 * Rebuilding.turns_max

    def __init__(self, history: History, seed: int, make: Callable[..., Worker] = Worker) -> None:
        super().__init__(history, seed, make)
        for number in range(10):
            self.store.notes[TELL_NOTE.format(generation=number)] = "1"

    async def live(self) -> list[str]:
        """As of ``Telling``."""
        wrong = await super().live()
        await once_round(self)
        return wrong + wrong_sayings(self.store)


async def once_round(life: Simulation) -> None:
    """A worker that owns everything starts, and reviews everybody."""
    worker = Worker(life.log, life.store, life.models, TELLING, WorkerMetrics(), limits=life.history.limits)
    await worker.start()
    while await worker.batch():
        pass


def wrong_sayings(store: MemoryStore) -> list[str]:
    """Where what was said, put together, differs from the rows that serve."""
    said = {key: [] for key in {(one.customer_id, one.model) for one in store.stage_changes.values()}}
    for one in store.stage_changes.values():
        said[one.customer_id, one.model].append(one)
    found = {
        key: sorted((one.visit for one in last_said(some).values() if one.is_there), key=order_of)
        for key, some in said.items()
    }
    serving = {row.model for row in store.customers.values()}
    rows = {key: visits_of(row.journey) for key, row in store.customers.items() if row.journey}
    return [
        f"of {customer} under {model} it was said {found.get((customer, model))} instead of "
        f"{rows.get((customer, model))}"
        for customer, model in sorted(found.keys() | rows.keys())
        if model in serving and found.get((customer, model), []) != rows.get((customer, model), [])
    ]


def visits_of(journey: Journey) -> list[Visit]:
    now_ms = time.time_ns() // 1_000_000
    return [*journey.visits, *(one for one in journey.planned if one.entered_at <= now_ms)]


def live(history: History, seed: int, kind: type[Simulation] = Telling) -> list[str]:
    """What is wrong after one life of the history."""
    logging.disable(logging.CRITICAL)
    try:
        return asyncio.run(kind(history, seed).live())
    finally:
        logging.disable(logging.NOTSET)


def wrong(seed: int) -> list[str]:
    """What goes wrong in the life of this seed; an error of a worker counts."""
    return _tried(seed, Telling)


def wrong_rebuild(seed: int) -> list[str]:
    """The same, of lives in which the models change."""
    return _tried(seed, TellingRebuild)


def _tried(seed: int, kind: type[Simulation]) -> list[str]:
    try:
        return live(history_of(random.Random(seed)), seed, kind)
    except Exception as error:
        return [f"the worker failed: {error!r}"]
