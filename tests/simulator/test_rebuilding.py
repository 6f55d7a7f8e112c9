"""Models that change while workers die, come back and go on as zombies; and that the simulator would notice."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pytest
from msgspec.structs import replace

from store.interface import PROGRESS_END, Progress, Standing
from store.memory import MemoryStore
from stream.change import begin, switch
from stream.log.interface import Record
from stream.log.memory import MemoryLog
from stream.log.message import partition_of
from stream.metrics import WorkerMetrics
from stream.rebuild import Rebuild
from stream.worker import Worker
from tests.simulator import rebuilding
from tests.simulator.rebuilding import CHANGED, wrong
from tests.simulator.seeds import failures, noticed
from tests.simulator.simulation import MODEL
from tests.simulator.test_directed import ADA, BOB, PARTITIONS, SETTINGS, World, seen

SEEDS: Final = int(os.environ.get("TAPPA_SIMULATE_REBUILDS", "120"))


@pytest.mark.slow
def test_whenever_the_models_change_every_history_ends_in_the_rows_of_brute_force() -> None:
    assert [(seed, errors) for seed, errors in failures(range(SEEDS), live=wrong) if errors] == []


def folded_otherwise(patch: pytest.MonkeyPatch, change: Callable[[Sequence[Standing]], list[Standing]]) -> None:
    read = MemoryStore.read_standings

    async def otherwise(self: MemoryStore, *of: Any) -> list[Standing]:
        return change(await read(self, *of))

    patch.setattr(MemoryStore, "read_standings", otherwise)


def histories_are_taken_to_lie_together(patch: pytest.MonkeyPatch) -> None:
    folded_otherwise(patch, lambda standings: [replace(one, own=True) for one in standings])


def switched_before_everybody_is_folded(patch: pytest.MonkeyPatch) -> None:
    async def done(*_: Any) -> bool:
        return True

    patch.setattr("stream.change.is_done", done)
    patch.setattr(rebuilding, "is_done", done)


def rows_get_a_version_from_the_future(patch: pytest.MonkeyPatch) -> None:
    slice_ = Rebuild.slice

    async def ahead(self: Rebuild, positions: Any, version_of: Callable[[str], int], ask: Any) -> bool:
        return await slice_(self, positions, lambda customer: version_of(customer) + 3, ask)

    patch.setattr(Rebuild, "slice", ahead)


def begun_before_the_message_is_read(patch: pytest.MonkeyPatch) -> None:
    use = Rebuild.use

    async def at_once(self: Rebuild, *foldings: Any) -> None:
        await use(self, *foldings)
        await self.begin(dict.fromkeys(range(self._partitions_count), 0))

    def due(self: Rebuild, positions: Mapping[int, int]) -> list[Progress]:
        return [one for one in self._progress.values() if one.done < PROGRESS_END and one.partition in positions]

    patch.setattr(Rebuild, "use", at_once)
    patch.setattr(Rebuild, "due", due)


RULES: Final[Mapping[str, tuple[Callable[[pytest.MonkeyPatch], None], int, int]]] = {
    "histories are found where the links say": (histories_are_taken_to_lie_together, 2, 50),
    "the switch waits for everybody": (switched_before_everybody_is_folded, 1, 50),
    "a row has the version of the position reached": (rows_get_a_version_from_the_future, 104, 200),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_simulator_notices_when_a_rule_of_rebuilding_is_broken(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage, likely, within = RULES[rule]
    sabotage(monkeypatch)
    assert noticed(likely, within, wrong), f"broken rule {rule} went unnoticed in {within} histories"


class Only:
    """A log of which a worker sees one partition alone."""

    def __init__(self, real: MemoryLog, partition: int) -> None:
        self._real = real
        self._partition = partition

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def read(self, positions: Mapping[int, int], **how: Any) -> list[Record]:
        return await self._real.read({self._partition: positions[self._partition]}, **how)


async def a_zombie_that_knows_more_than_the_owner() -> dict[str, int]:
    """A zombie is behind in a partition, but was told of the rebuild in another one; the owner was not told yet."""
    world = World()
    owner = await world.owner(ADA, at_once=1)
    zombie = await world.owner(BOB, ADA, log=Only(world.log, partition_of(BOB, PARTITIONS)))
    rest = Worker(
        *(world.log, world.store, (MODEL,), SETTINGS, WorkerMetrics()),
        sorted(set(range(PARTITIONS)) - {partition_of(one, PARTITIONS) for one in (ADA, BOB)}),
    )
    await rest.start()
    await world.send(seen("1", 1, "ada", ""))
    await world.drain(owner)
    await world.send(seen("2", 2, "ada", ""))
    await begin(world.log, world.store, "here", [CHANGED])  # type: ignore[arg-type]
    await world.drain(zombie)
    await world.drain(owner)
    await world.drain(rest)
    await switch(world.log, world.store, "here")  # type: ignore[arg-type]
    return world.rows()


async def test_only_who_was_told_in_a_partition_begins_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await a_zombie_that_knows_more_than_the_owner() == {ADA: 2}
    begun_before_the_message_is_read(monkeypatch)
    assert await a_zombie_that_knows_more_than_the_owner() == {ADA: 1}
