"""A rebuild beside the running worker: what serves until the switch, what after it, and what a crash leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stage_engine.model import Model, parse_model
from stage_engine.touchpoint import Touchpoint
from store.interface import PROGRESS_END, State
from store.memory import MemoryStore
from stream.change import UnfinishedError, begin, cancel, difference, is_done, leftovers, switch
from stream.log.memory import MemoryLog
from stream.rebuild import PAUSED_NOTE
from stream.worker import Worker
from tests.reference.reference import Reference
from tests.stage_engine.histories import histories
from tests.stage_engine.models import models
from tests.stage_engine.test_fold import plain, reference_rows
from tests.stage_engine.test_fold import rows as visits
from tests.stage_engine.test_random_models import parsed
from tests.stream.test_worker import MODEL, SEVEN_STAGE, append, drain, expected, folded, new_log, new_worker, rows
from tests.stream.touchpoints import DAY_MS, touchpoint

CHANGED = parse_model(SEVEN_STAGE.replace("P90D", "P77D"))
LINEAR = parse_model(SEVEN_STAGE.replace("name: seven_stage", "name: another", 1))
DATABASE = "database_id"


class World:
    """A log and a store with a worker that folds ``MODEL``, or others."""

    def __init__(self, *served: Model) -> None:
        self.log, self.store = new_log(), MemoryStore()
        self.served = served or (MODEL,)

    async def worker(self) -> Worker:
        worker = new_worker(self.log, self.store, *self.served)
        await worker.start()
        return worker

    async def begin(self, *models: Model) -> int:
        return await begin(self.log, self.store, self.store.notes[DATABASE], models)

    async def switch(self, *dropped: str) -> None:
        await switch(self.log, self.store, self.store.notes[DATABASE], dropped=dropped)


async def begun(*history: Touchpoint, model: Model = CHANGED) -> tuple[World, Worker, int]:
    """Everything folded under the old model, and a rebuild under the new one begun."""
    world = World()
    worker = await world.worker()
    await append(world.log, *history)
    await drain(worker)
    return world, worker, await world.begin(model)


PEOPLE = [touchpoint(str(n), at=n * DAY_MS, user=f"u{n % 7}", event="Order Completed") for n in range(30)]


def under(model: Model, history: Sequence[Touchpoint]) -> dict[str, object]:
    by_home: dict[str, list[Touchpoint]] = {}
    for one in history:
        by_home.setdefault(one.home, []).append(one)
    return {home: folded(model, some) for home, some in by_home.items()}


async def test_the_old_version_serves_until_the_switch_and_the_new_one_from_then_on() -> None:
    world, worker, number = await begun(*PEOPLE[:20])
    await append(world.log, *PEOPLE[20:])
    await drain(worker)
    assert await is_done(world.log, world.store, number)
    assert rows(world.store) == expected(PEOPLE)
    await world.switch()
    assert rows(world.store) == under(CHANGED, PEOPLE)
    later = touchpoint("later", at=99 * DAY_MS, user="u1")
    await append(world.log, later)
    await drain(worker)
    assert rows(world.store) == under(CHANGED, [*PEOPLE, later])


async def test_after_the_switch_the_old_version_is_no_longer_folded_and_its_rows_can_go() -> None:
    world, worker, _ = await begun(*PEOPLE)
    await drain(worker)
    await world.switch()
    gone = await leftovers(world.store)
    assert [(one.model, one.number) for one in gone] == [("seven_stage", 0)]
    await drain(worker)
    await world.store.drop_generations(gone)
    await append(world.log, touchpoint("later", at=99 * DAY_MS, user="u1"))
    await drain(worker)
    assert await leftovers(world.store) == []
    assert {generation for _, _, generation in world.store.generations} == {1}


async def test_nothing_is_switched_before_everybody_is_folded() -> None:
    world, worker, number = await begun(*PEOPLE)
    await world.store.write_note(PAUSED_NOTE.format(generation=number), "1")
    await drain(worker)
    with pytest.raises(UnfinishedError):
        await world.switch()
    assert rows(world.store) == expected(PEOPLE)


async def test_while_it_rests_what_arrives_is_folded_under_both_versions() -> None:
    world, worker, number = await begun(*PEOPLE[:20])
    await world.store.write_note(PAUSED_NOTE.format(generation=number), "1")
    await append(world.log, *PEOPLE[20:])
    await drain(worker)
    new = {customer for customer, _, generation in world.store.generations if generation == number}
    assert new == {one.home for one in PEOPLE[20:]}
    await world.store.write_note(PAUSED_NOTE.format(generation=number), "")
    await drain(worker)
    await world.switch()
    assert rows(world.store) == under(CHANGED, PEOPLE)


async def test_a_worker_that_starts_again_goes_on_where_the_last_one_was() -> None:
    world, _, number = await begun(*PEOPLE)
    for _ in range(50):
        worker = await world.worker()
        await worker.batch()
    progress = await world.store.read_progress(number)
    assert [one.done for one in progress] == [PROGRESS_END] * world.log.partitions
    assert sum(one.customers for one in progress) == 7
    await world.switch()
    assert rows(world.store) == under(CHANGED, PEOPLE)


async def test_one_that_is_given_up_leaves_the_old_version_and_the_next_begins_anew() -> None:
    world, worker, first = await begun(*PEOPLE)
    await worker.batch()
    await cancel(world.log, world.store, world.store.notes[DATABASE])
    await drain(worker)
    assert rows(world.store) == expected(PEOPLE)
    assert await world.begin(CHANGED) > first
    await drain(worker)
    await world.switch()
    assert rows(world.store) == under(CHANGED, PEOPLE)


async def test_a_model_is_added_and_another_is_dropped_at_one_moment() -> None:
    world, worker, _ = await begun(*PEOPLE, model=LINEAR)
    await drain(worker)
    await world.switch(MODEL.name)
    assert {model for _, model in world.store.customers} == {LINEAR.name}
    assert rows(world.store) == under(LINEAR, PEOPLE)


async def test_a_tombstone_stays_one_under_the_new_version() -> None:
    seen = touchpoint("1", device="d")
    known = touchpoint("2", at=DAY_MS, user="ada", device="d")
    world, worker, _ = await begun(seen, known)
    await drain(worker)
    await world.switch()
    await drain(worker)
    await append(world.log, touchpoint("3", at=2 * DAY_MS, device="d"))
    await drain(worker)
    found = rows(world.store)
    assert found["device:d"] is None
    assert found["user:ada"].touchpoints == 3


async def test_another_log_in_the_middle_of_it_folds_everybody_and_comes_to_an_end() -> None:
    world, worker, number = await begun(*PEOPLE)
    await worker.batch()
    world.log = MemoryLog(new_log()._settings, topic_id="another")
    worker = await world.worker()
    await drain(worker)
    assert await is_done(world.log, world.store, number)
    await world.switch()
    assert rows(world.store) == under(CHANGED, PEOPLE)


async def test_a_database_of_before_there_was_a_list_goes_on_as_it_is() -> None:
    world = World(LINEAR, MODEL)
    worker = await world.worker()
    await append(world.log, *PEOPLE)
    await drain(worker)
    await worker._note_positions()
    world.store.models.clear()
    world.served = (MODEL,)
    await world.worker()
    assert {one.epoch for one in world.store.positions.values()} == {1}
    assert {one.model: one.state for one in await world.store.read_models()} == {
        "seven_stage": State.SERVING,
        "another": State.GONE,
    }
    assert rows(world.store) == expected(PEOPLE)


async def test_a_rebuild_that_another_program_began_is_left_alone_and_can_be_given_up() -> None:
    world, _, number = await begun(*PEOPLE)
    key = (MODEL.name, number)
    world.store.models[key] = replace(world.store.models[key], version="of another program")
    worker = await world.worker()
    await append(world.log, touchpoint("later", at=99 * DAY_MS, user="u1"))
    await drain(worker)
    assert not await is_done(world.log, world.store, number)
    assert {generation for _, _, generation in world.store.generations} == {0}
    assert len(await cancel(world.log, world.store, world.store.notes[DATABASE])) == 1


async def test_the_difference_says_what_is_changed_added_and_dropped() -> None:
    world = World(MODEL)
    await world.worker()
    listed = await world.store.read_models()
    assert [one.state for one in listed] == [State.SERVING]
    same = difference(listed, [parse_model("# a remark\n" + SEVEN_STAGE)])
    assert (same.to_fold, same.dropped) == ((), ())
    changed = difference(listed, [CHANGED, LINEAR])
    assert (changed.changed, changed.added, changed.dropped) == ((CHANGED,), (LINEAR,), ())
    assert difference(listed, [LINEAR]).dropped == ("seven_stage",)


@settings(max_examples=60, deadline=None)
@given(texts=st.tuples(models(), models()), history=histories(size_max=12), split=st.integers(0, 12))
def test_under_any_model_the_rebuild_and_the_steps_after_it_give_what_the_brute_force_finds(
    texts: tuple[str, str], history: list[Touchpoint], split: int
) -> None:
    old, new = map(parsed, texts)

    async def live() -> None:
        world = World(old)
        worker = await world.worker()
        await append(world.log, *history[:split])
        await drain(worker)
        await world.begin(new)
        await append(world.log, *history[split:])
        await drain(worker)
        for text, switched in ((texts[0], False), (texts[1], True)):
            if switched:
                await world.switch()
            reference = Reference([plain(one) for one in history], text)
            found = {one: visits(journey) for one, journey in rows(world.store).items() if journey}
            assert found == {one: reference_rows(some) for one, some in reference.visits.items()}

    asyncio.run(live())
