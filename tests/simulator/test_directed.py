"""Histories made for the rules of DESIGN 3.1 that chance seldom meets: with the rule the rows are right, without it
they are wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from stage_engine.identity import history
from stage_engine.identity.identifier import is_receipt
from stage_engine.identity.limits import Limits
from stage_engine.identity.news import Herald
from stage_engine.identity.resolve import Stretches
from stage_engine.touchpoint import Touchpoint
from store.interface import Decision
from store.memory import MemoryStore
from stream import routing, worker
from stream.identities import Identities
from stream.log.memory import MemoryLog
from stream.log.message import encode_message, partition_of
from stream.metrics import WorkerMetrics
from stream.settings import LogSettings, WorkerSettings
from stream.words import Words
from stream.worker import DATABASE_NOTE, LIMITS, Worker
from tests.simulator.simulation import MODEL
from tests.simulator.test_simulation import no_versions, nothing_is_forgotten
from tests.stream.touchpoints import touchpoint

SETTINGS = WorkerSettings(poll_wait_s=0.001, batch_wait_s=0, tidy_interval_s=1e-9)
PARTITIONS = 97
"""So many that each identifier has one of its own."""


class Pausing:
    """A log or store that stops a worker before the call of one name, until it is told to go on."""

    def __init__(self, real: Any, name: str) -> None:
        self._real = real
        self._name = name
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name != self._name:
            return real

        async def call(*args: Any, **named: Any) -> Any:
            self.reached.set()
            await self.go_on.wait()
            return await real(*args, **named)

        return call


class World:
    """A log and a store, and a worker for each identifier."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.log = MemoryLog(LogSettings(partitions=PARTITIONS))
        self.store = MemoryStore()
        self.store.notes[DATABASE_NOTE] = "here"
        self.workers: dict[str, Worker] = {}

    async def owner(self, *identifiers: str, log: Any = None, store: Any = None, at_once: int = 1_000) -> Worker:
        """A new owner of these; whoever owned them before is a zombie."""
        share = {partition_of(one, PARTITIONS) for one in identifiers}
        settings = SETTINGS.model_copy(update={"batch_messages_max": at_once})
        worker = Worker(
            log or self.log, store or self.store, (MODEL,), settings, WorkerMetrics(), tuple(share), self.limits
        )
        await worker.start()
        self.workers |= dict.fromkeys(identifiers, worker)
        return worker

    async def send(self, *touchpoints: Touchpoint) -> None:
        for one in touchpoints:
            await self.log.append({partition_of(one.home, PARTITIONS): [encode_message(one)]})

    async def drain(self, *workers: Worker) -> None:
        """Let these work, or all, until nothing is left for them."""
        while any([await worker.batch() for worker in workers or set(self.workers.values())]):
            pass

    def rows(self) -> dict[str, int]:
        """How many touchpoints each customer has."""
        found = {one: row.journey for (one, _), row in self.store.customers.items()}
        return {one: journey.touchpoints for one, journey in found.items() if journey}


ADA, BOB, D = "user:ada", "user:bob", "device:d"


def seen(name: str, at: int, user: str = "", device: str = "d") -> Touchpoint:
    return touchpoint(name, at=at, user=user, device=device)


def alias(name: str, at: int, previous: str) -> Touchpoint:
    """From now on Ada is who that was."""
    return replace(touchpoint(name, at=at, user="ada"), previous_id=previous)


async def late_row_of_a_zombie() -> dict[str, int]:
    """1: a zombie read less, and writes its row after the new owner's."""
    world = World()
    slow = Pausing(world.store, "write_customers")
    await world.owner(ADA)
    zombie = await world.owner(ADA, store=slow)
    await world.send(seen("1", 1, "ada", ""))
    writing = asyncio.create_task(zombie.batch())
    await slow.reached.wait()
    owner = await world.owner(ADA)
    await world.send(seen("2", 2, "ada", ""))
    await world.drain(owner)
    slow.go_on.set()
    await writing
    return world.rows()


async def remembered_device() -> dict[str, int]:
    """7: whose a device is was remembered before somebody else was identified on it."""
    world = World()
    await world.owner(ADA, BOB, D)
    for one in (seen("1", 1, "ada"), seen("2", 2), seen("3", 3, "bob"), seen("4", 4)):
        await world.send(one)
        await world.drain()
    return world.rows()


async def silent_meanwhile() -> dict[str, int]:
    """5: Ada's owner believes that she is alone on a device, and keeps silent about a login after Bob's."""
    world = World()
    _, bob, device = [await world.owner(one) for one in (ADA, BOB, D)]
    await world.send(seen("1", 1, "ada"))
    await world.drain()
    await world.send(seen("5", 5, "bob"), seen("7", 7, "ada"))
    await world.drain(bob, device)
    await world.send(seen("6", 6))
    await world.drain(device)
    await world.drain()
    await world.send(seen("8", 8))
    await world.drain()
    return world.rows()


async def assigned_by_a_zombie() -> dict[str, int]:
    """8: a zombie still believes that a device is Ada's, and passes a touchpoint on to her once it has become Bob's."""
    world = World()
    slow = Pausing(world.log, "append")
    await world.owner(ADA, BOB)
    await world.owner(D)
    await world.send(seen("1", 1, "ada"))
    await world.drain()
    zombie = await world.owner(D, log=slow)
    await world.send(seen("4", 4))
    sending = asyncio.create_task(zombie.batch())
    await slow.reached.wait()
    await world.owner(D)
    await world.send(seen("3", 3, "bob"))
    await world.drain()
    slow.go_on.set()
    await sending
    await world.drain()
    return world.rows()


async def two_clocks() -> dict[str, int]:
    """A touchpoint on a device that Ada and then Bob had comes by a corrected clock, and once more by the sender's."""
    world = World()
    await world.owner(ADA, BOB, D)
    early = touchpoint("3", at=3, device="d")
    for one in (seen("1", 1, "ada"), seen("5", 5, "bob"), replace(early, occurred_at=early.occurred_at + 4), early):
        await world.send(one)
        await world.drain()
    return world.rows()


async def two_clocks_and_a_zombie() -> dict[str, int]:
    """As before, and a zombie passes the corrected copy on to Bob once the other has become Ada's."""
    world = World()
    slow = Pausing(world.log, "append")
    await world.owner(ADA, BOB)
    await world.owner(D)
    await world.send(seen("1", 1, "ada"), seen("5", 5, "bob"))
    await world.drain()
    zombie = await world.owner(D, log=slow)
    early = touchpoint("3", at=3, device="d")
    await world.send(replace(early, occurred_at=early.occurred_at + 4))
    sending = asyncio.create_task(zombie.batch())
    await slow.reached.wait()
    await world.owner(D)
    await world.send(early)
    await world.drain()
    slow.go_on.set()
    await sending
    await world.drain()
    return world.rows()


async def shared_from_now_on() -> dict[str, int]:
    """7: a card becomes shared, and its owner is told only after the next touchpoint, which passes on to a phone."""
    world = World()
    phones = [f"tel:{number}" for number in range(6)]
    card = await world.owner("card:1", *phones[1:], at_once=1)
    phone = await world.owner(phones[0])
    met = [touchpoint(one, at=number, contacts=("card:1", one)) for number, one in enumerate(phones)]
    await world.send(*met[:5])
    await world.drain()
    await world.send(met[5], touchpoint("again", at=7, contacts=("card:1", phones[0])))
    await card.batch()
    await world.drain(phone)
    await world.drain()
    return world.rows()


async def too_many_to_be_one() -> dict[str, int]:
    """4: a group becomes too large, and a user loses a contact that they were never seen with."""
    world = World(Limits(group_max=2))
    one, other = touchpoint("1", at=1, contacts=("tel:1", "tel:2")), touchpoint("2", at=2, contacts=("tel:2",))
    await world.owner(ADA, "tel:1", "tel:2", "card:1")
    for sent in (one, other, touchpoint("3", at=3, user="ada", contacts=("tel:1",))):
        await world.send(sent)
        await world.drain()
    await world.send(touchpoint("4", at=4, contacts=("card:1", "tel:2")))
    await world.drain()
    return world.rows()


async def changed_and_changed_back() -> dict[str, int]:
    """7: a device's touchpoint is folded while the device is Ada's. By the time of that word she is seen with two other
    users, and it is nobody's again: of two words that it has changed one is heeded."""
    world = World(Limits(values_max_of_kind={"user": 1}))
    await world.owner(ADA)
    device = await world.owner(D, at_once=1)
    split = Decision(kind="split", one=D, other=D, revoked=False, decided_at=0, decided_by="ann", reason="…")
    await world.log.append({partition_of(D, PARTITIONS): [encode_message(split)]})
    await world.drain()
    await world.send(seen("2", 2), seen("1", 1, "ada"))
    await world.drain(world.workers[ADA])
    await device.batch()
    await world.send(alias("3", 3, "bob"), alias("4", 4, "cyd"))
    await world.drain(world.workers[ADA])
    await world.drain()
    return world.rows()


async def a_void_alone() -> dict[str, int]:
    """8: of a device there is nothing but a touchpoint that takes a sale back, which is no journey. In the batch in
    which it is routed a link is told of, by which all that the device has will go to Ada."""
    world = World()
    ada, other = await world.owner(ADA), await world.owner(BOB, D, at_once=2)
    void = touchpoint("2", at=2, device="d", transaction="void", refers_to="1")
    await world.send(void, touchpoint("3", at=3, user="bob", contacts=("receipt:1",)))
    taken = await other._take()
    bought = touchpoint("1", at=1, user="ada", device="d", contacts=("receipt:1",), transaction="sale", refers_to="1")
    await world.send(replace(bought, event="Order Completed"), seen("4", 4, "ada", ""))
    await world.drain(ada)
    allowed = Decision(kind="allow", one="card:1", other="", revoked=False, decided_at=0, decided_by="ann", reason="…")
    await world.log.append({partition_of(D, PARTITIONS): [encode_message(allowed)]})
    await other._settle(taken)
    await world.drain()
    return world.rows()


async def read_further_by_a_zombie() -> dict[str, int]:
    """7: a zombie reads that Bob is Ada, and leaves nothing of him; his owner reads it when she is seen with two other
    users, so that he is himself."""
    world = World(Limits(values_max_of_kind={"user": 1}))
    await world.owner(ADA)
    zombie, owner = [await world.owner(BOB) for _ in range(2)]
    await world.send(seen("1", 1, "bob", ""))
    await world.drain(owner)
    await world.send(alias("3", 3, "bob"))
    await world.drain(world.workers[ADA])
    await world.drain(zombie)
    await world.send(alias("4", 4, "cyd"))
    await world.drain(world.workers[ADA])
    await world.drain(owner)
    await world.drain()
    return world.rows()


def nobody_is_met(patch: pytest.MonkeyPatch) -> None:
    tell = Words.tell

    def silent(self: Words, news: Any) -> None:
        tell(self, replace(news, met=frozenset()))

    patch.setattr(Words, "tell", silent)


def every_sender_is_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(routing, "agrees", lambda customer, mine: True)


def corrected_clocks_leave_no_trace(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Identities, "traces", lambda self, placed: [])


def the_clock_is_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(routing, "surely_whose", lambda resolver, one: resolver.customer(one[0][3], one[0][0]))


def nothing_is_passed_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(history, "passes_on", lambda resolver, identifier: is_receipt(identifier))


def owners_of_large_groups_are_not_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Herald, "_owner_of_all", lambda self, contact: self.all.owner(contact))


def no_word_is_heeded(patch: pytest.MonkeyPatch) -> None:
    def went(self: Identities, identifier: str, stretches: Stretches, words: int) -> bool:
        before = self._told.get(identifier)
        self._told.keep(identifier, stretches)
        return before == stretches

    patch.setattr(Identities, "all_went", went)


def who_stays_gets_no_row(patch: pytest.MonkeyPatch) -> None:
    async def silent(*given: Any, **named: Any) -> routing.Changes:
        return replace(await routing.look_again(*given, **named), unmoved={})

    patch.setattr(worker, "look_again", silent)


def what_was_foreseen_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Identities, "stepped", lambda self, customers: None)


HISTORIES = [
    (late_row_of_a_zombie, no_versions, {ADA: 2}),
    (remembered_device, nothing_is_forgotten, {ADA: 2, BOB: 2}),
    (silent_meanwhile, nobody_is_met, {ADA: 3, BOB: 2}),
    (assigned_by_a_zombie, every_sender_is_believed, {ADA: 1, BOB: 2}),
    (two_clocks_and_a_zombie, the_clock_is_believed, {ADA: 2, BOB: 1}),
    (shared_from_now_on, nothing_is_passed_on, {"tel:0": 2, **{f"tel:{number}": 1 for number in range(1, 6)}}),
    (too_many_to_be_one, owners_of_large_groups_are_not_told, {ADA: 2, "tel:2": 1, "card:1": 1}),
    (changed_and_changed_back, no_word_is_heeded, {ADA: 3, D: 1}),
    (a_void_alone, what_was_foreseen_stays, {ADA: 1, BOB: 1}),
    (read_further_by_a_zombie, who_stays_gets_no_row, {ADA: 2, BOB: 1}),
    (two_clocks, corrected_clocks_leave_no_trace, {ADA: 2, BOB: 1}),
]


@pytest.mark.parametrize(("live", "broken", "expected"), HISTORIES)
async def test_the_rows_are_right_with_the_rule_and_wrong_without(
    live: Any, broken: Any, expected: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await asyncio.wait_for(live(), 20) == expected
    broken(monkeypatch)
    assert await asyncio.wait_for(live(), 20) != expected
