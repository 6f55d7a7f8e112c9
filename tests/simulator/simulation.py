"""A simulation: real workers on a log and a store in memory, interleaved, killed, paused and reassigned by a seed.

Every call of a worker to the log or the store waits twice for its turn, before and after it takes effect; who goes on,
who dies and who loses partitions is drawn. A worker that lost partitions goes on as a zombie for a while: writing,
sending and committing. In the end all is worked off, and the rows must be those of brute force.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from stage_engine.model import Model, parse_model
from stage_engine.touchpoint import Touchpoint
from store.memory import MemoryStore
from stream.log.interface import LogUsedUpError, Record
from stream.log.memory import MemoryLog
from stream.log.message import encode_message, partition_of
from stream.metrics import WorkerMetrics
from stream.settings import LogSettings, WorkerSettings
from stream.worker import DATABASE_NOTE, Worker
from tests.simulator.world import History, wrong_rows

MODEL: Model = parse_model(files("stage_engine").joinpath("models/seven_stage.yaml").read_text())
SETTINGS = WorkerSettings(batch_wait_s=0, refold_customers_max=3, rebuild_touchpoints_max=3, stage_changes=False)
TURNS_MAX = 40_000
"""More than any history needs: workers that never come to an end are wrong, too."""
STRIKES_MAX = 12
"""Deaths and rebalances: an end must come."""
ZOMBIE_ENDS = 0.003
"""How likely a zombie ends at a turn: after three hundred on the average, some fifteen batches."""


class Turns:
    """Hands out turns, one at a time."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._waiting: list[asyncio.Future[None]] = []
        self._idle: list[asyncio.Future[None]] = []
        self.taken = 0

    async def turn(self) -> None:
        """Wait until it is our turn."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        await mine

    async def news(self) -> None:
        """Wait until something was appended to the log."""
        mine = asyncio.get_running_loop().create_future()
        self._idle.append(mine)
        await mine

    def appended(self) -> None:
        """Wake who waits for news."""
        for one in self._idle:
            if not one.done():
                one.set_result(None)
        self._idle.clear()

    async def next(self) -> bool:
        """Let somebody go on, and wait until they wait again; False when nobody has anything to do."""
        await asyncio.sleep(0)
        while asyncio.get_running_loop()._ready:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0)
        self._waiting = [one for one in self._waiting if not one.done()]
        if not self._waiting:
            return False
        self._waiting.pop(self._dice.randrange(len(self._waiting))).set_result(None)
        self.taken += 1
        return True


class InTurn:
    """A log or store each of whose calls waits for its turn, before and after it takes effect."""

    def __init__(self, real: Any, turns: Turns) -> None:
        self._real = real
        self._turns = turns

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if not asyncio.iscoroutinefunction(real):
            return real

        async def call(*args: Any, **named: Any) -> Any:
            await self._turns.turn()
            answer = await real(*args, **named)
            await self._turns.turn()
            return answer

        return call


class InTurnLog(InTurn):
    """A log that gives few messages at a time."""

    def __init__(self, real: MemoryLog, turns: Turns, dice: random.Random) -> None:
        super().__init__(real, turns)
        self._dice = dice
        self._most = dice.choice((1, 3, 10, 100))

    async def read(self, positions: Mapping[int, int], *, wait_s: float, **_: Any) -> list[Record]:
        await self._turns.turn()
        most = self._dice.randint(1, self._most)
        found = await self._real.read(positions, messages_max=most, wait_s=0)
        if not found and wait_s and not await self._real.is_used_up(positions):
            await self._turns.news()
            found = await self._real.read(positions, messages_max=most, wait_s=0)
        await self._turns.turn()
        return list(found)

    async def append(self, messages: Mapping[int, Sequence[bytes]], **_: Any) -> None:
        await self._turns.turn()
        await self._real.append(messages, internal=True)
        self._turns.appended()
        await self._turns.turn()


class Simulation:
    """One history, lived once."""

    models: Sequence[Model] = (MODEL,)
    """What workers are given when they start."""
    settings = SETTINGS
    turns_max = TURNS_MAX
    tidy_intervals_s: Sequence[float] = (1e-9, 1e-9, 1e9)

    def __init__(self, history: History, seed: int, make: Callable[..., Worker] = Worker) -> None:
        self._dice = random.Random(seed)
        self._make = make
        self.history = history
        self.turns = Turns(self._dice)
        self.log = MemoryLog(LogSettings(partitions=self._dice.choice((2, 3, 5))))
        self.store = MemoryStore()
        self.store.notes[DATABASE_NOTE] = "simulated"
        self._running: dict[asyncio.Task[None], tuple[int, ...]] = {}
        self._zombies: list[asyncio.Task[None]] = []
        self.struck = False
        """Whether anything went wrong: a death, or a rebalance."""

    async def live(self) -> list[str]:
        """Live through it; returns what is wrong in the end."""
        trouble, strikes = self._dice.choice((0.0, 0.003, 0.01, 0.03)), STRIKES_MAX
        sending = asyncio.create_task(self._send())
        self._assign()
        while await self.turns.next() or any(task.done() for task in self._running):
            if self.turns.taken > self.turns_max:
                return ["the workers do not come to an end"]
            if strikes and self._dice.random() < trouble:
                strikes -= 1
                self.struck = True
                await self._strike()
            if self._zombies and self._dice.random() < ZOMBIE_ENDS:
                await self._end([self._zombies.pop(self._dice.randrange(len(self._zombies)))])
            for task in [one for one in self._running if one.done()]:
                self._ended(task)
        await sending
        await self._end([*self._running, *self._zombies])
        return wrong_rows(self.history, self.store, *self.models)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A worker ended by itself: with an error."""
        task.result()

    async def _send(self) -> None:
        pause = self._dice.choice((1, 10, 80))
        for one in self.history.sent:
            for _ in range(self._dice.randint(1, pause)):
                await self.turns.turn()
            key = one.home if isinstance(one, Touchpoint) else one.one
            log = self._sent_to()
            await log.append({partition_of(key, log.partitions): [encode_message(one)]})
            self.turns.appended()

    def _sent_to(self) -> MemoryLog:
        return self.log

    def _assign(self) -> None:
        """Share out all partitions anew; whoever had another share goes on as a zombie."""
        workers = self._dice.randint(1, 4)
        shares: dict[int, list[int]] = {}
        for partition in range(self.log.partitions):
            shares.setdefault(self._dice.randrange(workers), []).append(partition)
        wanted = [tuple(share) for share in shares.values()]
        for task, share in list(self._running.items()):
            if share in wanted:
                wanted.remove(share)
            else:
                del self._running[task]
                self._zombies.append(task)
        for share in wanted:
            self._start(share)

    def _start(self, share: Sequence[int]) -> None:
        log, store = InTurnLog(self.log, self.turns, self._dice), InTurn(self.store, self.turns)
        # A worker that seldom notes its positions reads much again after a crash, one that always does reads little.
        # One whose customers rest soon puts refolds off.
        choices = {"tidy_interval_s": self.tidy_intervals_s, "rest_touchpoints": (1_000, 1_000, 1_000, 8)}
        settings = self.settings.model_copy(update={name: self._dice.choice(some) for name, some in choices.items()})
        worker = self._make(log, store, self.models, settings, WorkerMetrics(), share, self.history.limits)
        live = worker.run(asyncio.Event()) if self._dice.random() < 0.5 else batch_by_batch(worker)
        self._running[asyncio.create_task(live)] = tuple(share)

    async def _strike(self) -> None:
        """Kill a worker, or share out the partitions anew."""
        blow = self._dice.choice(("kill", "rebalance"))
        if blow == "rebalance":
            self._assign()
        else:
            task = self._dice.choice(list(self._running))
            share = self._running.pop(task)
            await self._end([task])
            self._start(share)

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, LogUsedUpError):
                await task


async def batch_by_batch(worker: Worker) -> None:
    await worker.start()
    while True:
        await worker.batch()


def live(history: History, seed: int, make: Callable[..., Worker] = Worker) -> list[str]:
    """What is wrong after one life of the history."""
    logging.disable(logging.CRITICAL)
    try:
        return asyncio.run(Simulation(history, seed, make).live())
    finally:
        logging.disable(logging.NOTSET)
