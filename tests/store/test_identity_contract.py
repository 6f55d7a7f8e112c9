"""The identity part of the ``Store`` contract: both kinds read the same, and no less than who is who needs."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from stage_engine.identity.carried import carried
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link, Split, link_of
from stage_engine.identity.reading import bounded, reading_of
from stage_engine.identity.resolve import Resolver
from stage_engine.touchpoint import Touchpoint, identity_of, place
from store.clickhouse import ClickHouseStore
from store.interface import Decision, Decisions, IdentityRow, Sighting, Store
from store.memory import MemoryStore
from tests.reference.identity import Row
from tests.stage_engine.identity.worlds import World, at, identifiers_of, link, touchpoint_of
from tests.store.test_contract import touchpoint

LIMITS = Limits(values_max=2, values_max_of_kind={"user": 3}, allowed=frozenset(("card:0",)))


def sightings(*links: Link) -> list[Sighting]:
    return [(one, said) for said in links for one in carried(said.identifiers).about]


def links_of(rows: list[Row], dice: random.Random) -> list[Link]:
    """Some settled, some copies with another time."""
    found = [link(row) for row in rows if len(row["identifiers"]) > 1]
    moved = [replace(one, occurred_at=one.occurred_at + dice.randrange(-3, 4)) for one in found if dice.random() < 0.2]
    return [replace(one, settled=dice.random() < 0.7) for one in found + moved]


@pytest.mark.parametrize("seed", range(12))
async def test_both_kinds_of_store_read_the_same(clickhouse: ClickHouseStore, seed: int) -> None:
    dice = random.Random(seed)
    rows = [touchpoint_of(dice.randint(10, 30), dice.randrange(2**32), dice.choice((5, 2))) for _ in range(150)]
    links = links_of(rows, dice)
    memory = MemoryStore()
    for start in range(0, len(links), 30):
        await clickhouse.write_links(sightings(*links[start : start + 30]))
        await memory.write_links(sightings(*links[start : start + 30]))
    asked = [*identifiers_of(rows), "user:none"]
    for limits in (LIMITS, Limits()):
        assert await clickhouse.read_readings(asked, limits) == await memory.read_readings(asked, limits)
    assert await clickhouse.read_neighbours(asked) == await memory.read_neighbours(asked)


async def test_touchpoints_with_a_corrected_clock_are_found_by_their_device(store: Store) -> None:
    rows = [
        at(1, "device:a"), at(2, "device:a"), at(3, "device:b"),
        at(4, "card:1", "device:a"), at(5, "card:1", "device:b"),
    ]  # fmt: skip
    plain = [link(row) for row in rows]
    moved = [replace(one, occurred_at=one.occurred_at + 300_000) for one in plain]
    await store.write_links([(carried(one.identifiers).device, one) for one in (*plain, *moved[::2])])
    asked = [*plain, moved[0], link(at(6, "device:a"))]
    assert await store.read_corrected(asked) == {identity_of(one.order) for one in plain[::2]}
    assert await store.read_corrected([]) == set()


async def test_a_reading_says_what_all_links_say(store: Store) -> None:
    rows = [
        at(1, "user:ada", "device:a"), at(2, "user:ada", "card:1"), at(3, "user:bob", "previous:ada"),
        at(4, "card:1", "tel:1", "receipt:r"), at(5, "user:bob", "device:a"), at(6, "user:bob", "device:a"),
    ]  # fmt: skip
    world = World(*rows)
    await store.write_links(sightings(*map(link, rows)))
    asked = identifiers_of(rows)
    readings = await store.read_readings(asked, Limits())
    assert readings == {one: reading_of(one, world.links.get(one, ())) for one in asked}
    resolver = Resolver(Limits())
    resolver.learn(readings)
    assert [resolver.customer(tuple(one["identifiers"]), one["occurred_at"]) for one in rows] == world.customers()


async def test_what_was_settled_stays_so_and_copies_with_another_time_are_told(store: Store) -> None:
    first = link(at(5, "user:ada", "device:a"))
    await store.write_links(sightings(replace(first, settled=True)))
    await store.write_links(sightings(first))
    reading = (await store.read_readings(["device:a"], Limits()))["device:a"]
    assert reading.pairs["user:ada"].settled == first.order
    assert [(mark.settled, mark.moved) for mark in reading.marks] == [(True, False)]
    await store.write_links(sightings(replace(first, occurred_at=3)))
    reading = (await store.read_readings(["device:a"], Limits()))["device:a"]
    assert [(mark.order[0], mark.settled, mark.moved) for mark in reading.marks] == [(3, False, True)]


async def test_a_reading_stays_small_whatever_was_seen(store: Store) -> None:
    many = 3_000
    rows = [at(n, "card:till", f"tel:{n:04}", name="m") for n in range(many)]
    rows += [at(n, "user:ada", "device:a", name="m") for n in range(many)]
    rows += [at(n, f"user:{n}", "device:shared", name="m") for n in range(many)]
    links = [replace(link(row), settled=True) for row in rows]
    await store.write_links(sightings(*links))
    readings = await store.read_readings(["card:till", "device:a", "device:shared", "user:ada"], Limits())
    assert {one: (len(reading.pairs), len(reading.marks)) for one, reading in readings.items()} == {
        "card:till": (6, 0), "device:a": (1, 1), "device:shared": (6, 0), "user:ada": (0, 0),
    }  # fmt: skip
    unsettled = [replace(one, settled=False, original_timestamp=-1) for one in links[:many:100]]
    await store.write_links(sightings(*unsettled))
    assert len((await store.read_readings(["card:till"], Limits()))["card:till"].pairs) == 6
    assert len((await store.read_neighbours(["device:shared"]))["device:shared"]) == many


def customer(name: str, **said: Any) -> Touchpoint:
    return touchpoint(name, user_id="", **said)


async def test_facts_are_found_by_identifiers_that_they_are_not_filed_under(store: Store) -> None:
    by_card = customer("1", contacts=("card:1", "email:a@x"), anonymous_id="d")
    receipt = customer("2", contacts=("receipt:r",), anonymous_id="d")
    by_user = touchpoint("3", user_id="ada", anonymous_id="d")
    alone = customer("4", anonymous_id="d")
    facts = [by_card, receipt, by_user, alone]
    await store.write_touchpoints(list(map(place, [*facts, replace(by_card, occurred_at=by_card.occurred_at + 1)])))
    await store.write_links(sightings(*filter(None, map(link_of, facts))))

    async def found(*identifiers: str) -> list[str]:
        return sorted(one.message_id for one in await store.read_linked(identifiers))

    assert await found("device:d") == ["1", "2"]
    assert await found("email:a@x") == ["1"]
    assert await found("card:1", "receipt:r", "user:ada") == []
    assert await store.read_linked(["email:a@x", "device:d"]) in ([by_card, receipt], [receipt, by_card])


async def test_identifiers_under_which_facts_lie_are_told_apart(store: Store) -> None:
    facts = [
        touchpoint("1", user_id="ada", anonymous_id="d"),
        customer("2", anonymous_id="e"),
        customer("3", contacts=("card:1", "receipt:r"), anonymous_id="f"),
        customer("4", contacts=("receipt:s",)),
    ]
    await store.write_touchpoints(list(map(place, facts)))
    await store.write_links(sightings(*filter(None, map(link_of, facts))))
    asked = [
        *("user:ada", "device:d", "device:e", "card:1", "receipt:r", "device:f", "receipt:s", "receipt:none"),
        *(f"device:{number:040}" for number in range(30_000)),
    ]
    found = await store.read_filed(asked)
    assert found == {"user:ada", "device:e", "card:1", "receipt:r", "device:f", "receipt:s"}


async def test_the_last_decision_about_the_same_identifiers_counts(store: Store) -> None:
    def decision(at: int, **said: Any) -> Decision:
        return Decision(
            **{"one": "a:1", "revoked": False, "decided_at": at, "decided_by": "ann", "reason": "…", **said}
        )

    split, back = decision(1, kind="split", other="b:2"), decision(2, kind="split", other="b:2", revoked=True)
    await store.write_decisions([split, decision(3, kind="allow"), decision(4, kind="block", one="c:3")])
    assert await store.read_decisions() == Decisions(
        splits=(Split(one="a:1", other="b:2"),), allowed=frozenset(("a:1",)), blocked=frozenset(("c:3",))
    )
    await store.write_decisions([back, decision(5, kind="allow", revoked=True)])
    await store.write_decisions([split])
    assert await store.read_decisions() == Decisions(blocked=frozenset(("c:3",)))


async def test_identifiers_of_links_are_listed_page_by_page(store: Store) -> None:
    await store.write_links(sightings(*(link(at(n, f"user:{n}", "device:d")) for n in range(20))))
    listed: list[str] = []
    while page := await store.read_identifiers(listed[-1] if listed else "", 6):
        listed += page
    assert sorted(listed) == sorted([*(f"user:{n}" for n in range(20)), "device:d"])


async def test_identities_are_written_whole(store: Store) -> None:
    rows = [IdentityRow(identifier="device:d", version=2, stretches=((0, "user:ada"), (7, "user:bob")))]
    await store.write_identities(rows)
    await store.write_identities([IdentityRow(identifier="device:d", version=1, stretches=((0, "device:d"),))])
    if isinstance(store, ClickHouseStore):
        said = await store.rows(
            "SELECT identifier, customer_id, toUnixTimestamp64Milli(valid_from[2]) FROM identities FINAL"
        )
        assert said == [("device:d", ["user:ada", "user:bob"], 7)]
    else:
        assert list(store.identities.values()) == rows  # type: ignore[attr-defined]


def test_a_bounded_reading_of_few_is_whole() -> None:
    whole = reading_of("card:1", [link(at(1, "card:1", "user:ada"))])
    assert bounded("card:1", whole, Limits()) == whole
    assert partial(bounded, "card:1")(whole, Limits(values_max=0)) == whole
