"""What the answers say is what the views say, whoever was seen with whom."""

from __future__ import annotations

import random
from functools import partial
from itertools import combinations
from typing import Any

import pytest
from msgspec.structs import replace

from explore.asked import Typed
from explore.customer import customer
from explore.why import why
from stage_engine.identity.limits import Limits
from stage_engine.touchpoint import Touchpoint
from store.clickhouse import ClickHouseStore
from store.sql import literal
from tests.explore.conftest import World
from tests.stream.touchpoints import touchpoint


def random_touchpoint(dice: random.Random, number: int) -> Touchpoint:
    """Of few identifiers, so that they meet, change hands and become shared."""
    contacts = [f"card:{dice.randrange(5)}", f"email:{dice.randrange(5)}@x", f"receipt:{dice.randrange(20)}"]
    made = touchpoint(
        str(number),
        at=dice.randrange(1_000),
        user=dice.choice(["", f"u{dice.randrange(9)}"]),
        device=dice.choice(["", f"d{dice.randrange(4)}", "tablet", "tablet"]),
        contacts=tuple(sorted(one for one in contacts if dice.random() < 0.3)),
        event=dice.choice(["Product Viewed", "Order Completed"]),
    )
    traits = f'{{"size": {dice.randrange(5)}, "{dice.choice("abc")}": null}}'.encode()
    context = b'{"consent": {"categoryPreferences": {"ads": %s}}}' % dice.choice([b"true", b"false"])
    return replace(made, type=dice.choice(["track", "identify"]), traits=traits, context=context)


async def answers(store: ClickHouseStore, columns: str, source: str) -> list[Any]:
    return await store.rows(f"SELECT {columns} FROM {source}")


@pytest.mark.parametrize("seed", range(4))
async def test_the_answer_about_a_customer_is_that_of_the_views(world: World, seed: int) -> None:
    dice = random.Random(seed)
    made = [random_touchpoint(dice, number) for number in range(60)]
    await world.send(*(one for one in made if one.home))
    said = partial(answers, world.store)
    assert ("device:tablet", "") in await said("identifier, customer_id", "v_identities"), "nobody is shared here"
    customers = [name for (name,) in await said("customer_id", "v_customers ORDER BY customer_id")]
    assert customers
    for name in customers:
        found = await customer(world.store, Limits(), Typed(name), 1_000, "seven_stage")
        own = f"WHERE customer_id = {literal(name)}"
        order = "t.occurred_at DESC, message_id DESC, t.source DESC, t.identifiers DESC, t.original_timestamp DESC"
        assert [(one.message_id, one.stage_before, one.stage_after) for one in found.touchpoints] == await said(
            "message_id, stage_before, stage_after", f"v_touchpoints AS t {own} ORDER BY {order}"
        )
        assert sorted(
            (one.identifier, stretch.valid_from.timestamp() if stretch.valid_from else 0.0)
            for one in found.identifiers
            for stretch in one.stretches
            if stretch.customer_id == name
        ) == await said(
            "identifier, toUnixTimestamp64Milli(valid_from) / 1000",
            f"v_identities {own} ORDER BY identifier, valid_from",
        )
        [(traits, at, consent)] = await said("traits, traits_at, consent", f"v_profiles {own}")
        assert {trait: str(told.value) for trait, told in found.traits.items()} == traits
        assert {trait: told.at.replace(tzinfo=None) for trait, told in found.traits.items()} == {
            trait: told.replace(tzinfo=None) for trait, told in at.items()
        }
        assert found.consent == consent


@pytest.mark.parametrize("seed", range(2))
async def test_two_are_joined_whom_the_views_lead_to_one_customer(world: World, seed: int) -> None:
    dice = random.Random(seed)
    made = [one for one in (random_touchpoint(dice, number) for number in range(60)) if one.home]
    await world.send(*made)
    rows = await answers(world.store, "identifier, groupUniqArray(customer_id)", "v_identities GROUP BY identifier")
    whose = {identifier: set(customers) - {""} for identifier, customers in rows}
    pairs = dice.sample(list(combinations(sorted(whose), 2)), 60)
    met = {pair for one in made for pair in combinations(one.identifiers, 2)}
    for a, b in pairs:
        found = await why(world.store, Limits(), Typed(a), Typed(b))
        assert found.joined == bool(whose[a] & whose[b])
        assert found.customer_id in whose[a] & whose[b] or not found.joined
        assert found.verdict != "never_met" or (a, b) not in met
