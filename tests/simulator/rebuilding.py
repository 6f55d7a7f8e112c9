"""Histories in which the models change meanwhile: an operator begins a rebuild at some moment, pauses it, gives it up,
dies, comes back, and switches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, Final

from stage_engine.model import Model, parse_model
from stream.change import begin, cancel, difference, is_done, leftovers, switch, tell, under_way
from stream.folding import first_generations
from stream.rebuild import PAUSED_NOTE
from stream.worker import Worker
from tests.simulator.simulation import MODEL, TURNS_MAX, InTurn, InTurnLog, Simulation
from tests.simulator.world import History, history_of

LINEAR: Final = parse_model(files("stage_engine").joinpath("models/linear.yaml").read_text())
CHANGED: Final = parse_model(
    MODEL.text.replace("P90D", "P77D").replace("to: loyalty, label: repeat_purchase", "to: advocacy, label: again")
)
CHANGES: Final[Sequence[tuple[tuple[Model, ...], tuple[Model, ...]]]] = (
    ((MODEL,), (CHANGED,)),
    ((MODEL,), (CHANGED, LINEAR)),
    ((MODEL, LINEAR), (CHANGED, LINEAR)),
    ((MODEL, LINEAR), (CHANGED,)),
    ((MODEL,), (LINEAR,)),
)
"""Which models serve, and which are wanted from some moment on."""
DEATHS_MAX: Final = 3


class Rebuilding(Simulation):
    """One history in which the models change once."""

    turns_max = 4 * TURNS_MAX
    """The operator looks at every turn how far it is."""

    def __init__(self, history: History, seed: int, make: Callable[..., Worker] = Worker) -> None:
        super().__init__(history, seed, make)
        self.models, self._wanted = self._dice.choice(CHANGES)
        for one in first_generations(self.models, ()):
            self.store.models[one.model, one.number] = one
        self._deaths = 0
        self.vanished: set[str] = set()

    async def live(self) -> list[str]:
        operator = asyncio.create_task(self._operate())
        wrong = await super().live()
        if not operator.done():
            operator.cancel()
            return [*wrong, "the rebuild does not come to an end"]
        operator.result()
        return [*wrong, *(f"{one} was not there after the switch" for one in sorted(self.vanished))]

    async def _operate(self) -> None:
        for _ in range(self._dice.randrange(self._dice.choice((10, 300, 1_500)))):
            await self.turns.turn()
        while True:
            command = asyncio.create_task(self._command())
            while not command.done():
                await self.turns.turn()
                if self._deaths < DEATHS_MAX and self._dice.random() < 0.02:
                    self._deaths += 1
                    command.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await command
                return

    async def _command(self) -> None:
        """What the command does, from whatever another one left."""
        log, store = InTurnLog(self.log, self.turns, self._dice), InTurn(self.store, self.turns)
        change = difference(await store.read_models(), self._wanted)
        if change.to_fold and not under_way(await store.read_models()):
            number = await begin(log, store, "simulated", change.to_fold)
        else:
            number = max(one.number for one in await store.read_models())
            await self._resume(store, number)
            await tell(log, "simulated", number)
        if self._dice.random() < 0.3:
            await self._rest(store, number)
        if self._dice.random() < 0.1:
            await cancel(log, store, "simulated")
            await self._command()
            return
        while under_way(await store.read_models()) and not await is_done(log, store, number):
            await self.turns.turn()
            self.turns.appended()  # whoever waits for news looks round now and then
        self.models = self._wanted
        await switch(log, store, "simulated", dropped=change.dropped)
        if gone := await leftovers(store):
            await tell(log, "simulated", number)
            await store.drop_generations(gone)

    async def _rest(self, store: Any, number: int) -> None:
        await store.write_note(PAUSED_NOTE.format(generation=number), "1")
        for _ in range(self._dice.randrange(100)):
            await self.turns.turn()
        await self._resume(store, number)

    async def _resume(self, store: Any, number: int) -> None:
        await store.write_note(PAUSED_NOTE.format(generation=number), "")


def live(history: History, seed: int) -> list[str]:
    """What is wrong after one life of the history."""
    logging.disable(logging.CRITICAL)
    try:
        return asyncio.run(Rebuilding(history, seed).live())
    finally:
        logging.disable(logging.NOTSET)


def wrong(seed: int) -> list[str]:
    """What goes wrong in the life of this seed; an error of a worker counts."""
    try:
        return live(history_of(random.Random(seed)), seed)
    except Exception as error:
        return [f"the worker failed: {error!r}"]
