"""Histories in which the log goes on to topics with more partitions: at any moment, under an ingest that has not heard
of it, with workers that die, come back and go on as zombies in the topic before."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from stream.log.interface import LogUsedUpError
from stream.log.memory import MemoryLog
from stream.settings import LogSettings
from stream.worker import Worker
from tests.simulator.simulation import Simulation
from tests.simulator.world import History, history_of


class Growing(Simulation):
    """One history in which the log goes on once or twice."""

    tidy_intervals_s = (1e-9,)
    """A topic is left by the positions that are kept beside the data."""

    def __init__(self, history: History, seed: int, make: Callable[..., Worker] = Worker) -> None:
        super().__init__(history, seed, make)
        self._topics = [self.log]
        self._moves = self._dice.choice((1, 1, 2))

    async def live(self) -> list[str]:
        growing = asyncio.create_task(self._grow())
        wrong = await super().live()
        await growing
        return wrong if self.log is self._topics[-1] else [*wrong, "the workers do not go on to the last topic"]

    async def _grow(self) -> None:
        for _ in range(self._moves):
            for _ in range(self._dice.randrange(self._dice.choice((10, 300, 1_500)))):
                await self.turns.turn()
            before = self._topics[-1]
            settings = LogSettings(partitions=before.partitions + self._dice.choice((1, 2, 3)))
            name = f"memory {len(self._topics) + 1}"
            self._topics.append(MemoryLog(settings, topic_id=name, follows=before.topic_id))
            before.go_on(self._topics[-1])
            self.turns.appended()

    def _sent_to(self) -> MemoryLog:
        """Any topic: one that is over passes on what comes."""
        return self._dice.choice(self._topics)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Whoever finds first that the topic is used up goes on; the others have not noticed yet."""
        try:
            task.result()
        except LogUsedUpError:
            if task not in self._running:
                return
            self._zombies += self._running
            self._running.clear()
            self.log = self._topics[self._topics.index(self.log) + 1]
            self._assign()


def live(history: History, seed: int) -> list[str]:
    """What is wrong after one life of the history."""
    logging.disable(logging.CRITICAL)
    try:
        return asyncio.run(Growing(history, seed).live())
    finally:
        logging.disable(logging.NOTSET)


def wrong(seed: int) -> list[str]:
    """What goes wrong in the life of this seed; an error of a worker counts."""
    try:
        return live(history_of(random.Random(seed)), seed)
    except Exception as error:
        return [f"the worker failed: {error!r}"]
