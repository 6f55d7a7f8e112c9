from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from explore.asked import Typed
from explore.explain import explained
from explore.explained import Explained
from explore.refusals import Code, RefusedError
from stage_engine.identity.limits import Limits
from stage_engine.model import Model, load_model
from store.sql import literal
from tests.explore.conftest import MODEL, World
from tests.explore.test_equals_the_views import answers, random_touchpoint
from tests.stream.touchpoints import DAY_MS, touchpoint

LIMITS = Limits()


async def asked(world: World, identifier: str, model: Model = MODEL, last: int = 50) -> Explained:
    return await explained(world.store, LIMITS, Typed(identifier), model, last)


async def test_any_identifier_leads_to_the_walk_through_all_touchpoints_of_the_customer(world: World) -> None:
    await world.send(
        touchpoint("look", device="d"),
        touchpoint("login", at=1_000, user="ada", device="d", event="Lunch"),
        touchpoint("card", at=2_000, user="ada", contacts=("loyalty_card:1",), event="Product Added"),
        touchpoint("buy", at=3_000, contacts=("loyalty_card:1",), event="Order Completed", transaction="sale"),
        touchpoint("again", at=DAY_MS, user="ada"),
    )
    found = await asked(world, "loyalty_card:1")
    assert (found.asked, found.customer_id, found.model) == ("loyalty_card:1", "user:ada", "seven_stage")
    assert found == (await asked(world, "user:ada")).model_copy(update={"asked": "loyalty_card:1"})
    assert [(one.message_id, one.stage_before, one.move and one.move.to_stage) for one in found.touchpoints] == [
        ("look", "", "discovery"),
        ("login", "discovery", None),
        ("card", "discovery", "interest"),
        ("buy", "interest", "purchase"),
        ("again", "purchase", None),
    ]
    assert [one.reasons for one in found.touchpoints] == [
        (), ("no signal",), (), (), ("no move from purchase on compared",),
    ]  # fmt: skip
    assert [one.label for one in found.planned] == ["lapsing", "lost"]


async def test_a_condition_that_was_no_is_told_in_words(world: World) -> None:
    pages = [replace(touchpoint(str(n), at=n * 60_000, user="ada", event="Page Viewed"), type="page") for n in range(2)]
    await world.send(*pages)
    found = await asked(world, "user:ada")
    [place] = [one.place for one in found.touchpoints[1].refused]
    assert found.touchpoints[1].reasons == (
        f"{place} on visited: condition `state.silence_s >= 1800 && state.silence_s <= 1209600` was no "
        "(state.silence_s was 60)",
    )


async def test_voided_sales_and_voids_are_told_to_be_skipped(world: World) -> None:
    await world.send(
        touchpoint("look", user="ada"),
        touchpoint("sale", at=1, user="ada", event="Receipt Issued", transaction="sale"),
        touchpoint("void", at=2, user="ada", event="Receipt Voided", transaction="void", refers_to="sale"),
    )
    found = await asked(world, "user:ada")
    assert [(one.skipped, one.reasons) for one in found.touchpoints] == [
        ("", ()),
        ("voided", ("skipped: this sale was taken back, as if it had never been sent",)),
        ("void", ("skipped: it takes back sale",)),
    ]


async def test_only_the_last_ones_are_told_and_how_many_there_are(world: World) -> None:
    await world.send(*(touchpoint(str(n), at=n, user="ada") for n in range(5)))
    found = await asked(world, "user:ada", last=2)
    assert (found.touchpoints_count, [one.message_id for one in found.touchpoints]) == (5, ["3", "4"])


async def test_a_model_that_is_not_active_shows_what_would_be(world: World) -> None:
    await world.send(touchpoint("buy", user="ada", event="Order Completed", transaction="sale"))
    found = await asked(world, "user:ada", load_model("linear"))
    assert found.touchpoints[0].move
    assert found.touchpoints[0].move.to_stage == "purchase"
    assert [(one.from_stage, one.to_stage, one.label) for one in found.planned] == [
        ("purchase", "post_sale", "settled"),
        ("post_sale", "post_sale", "lapsing"),
    ]


async def test_who_was_never_seen_or_is_shared_is_refused(world: World) -> None:
    await world.send(*(touchpoint(str(n), at=n, user=f"u{n}", device="tablet") for n in range(6)))
    for identifier, code in (("user:nobody", Code.NEVER_SEEN), ("device:tablet", Code.NOBODYS)):
        with pytest.raises(RefusedError) as caught:
            await asked(world, identifier)
        assert caught.value.code == code


@pytest.mark.parametrize("seed", range(3))
async def test_the_explained_moves_are_the_visits_of_the_views(world: World, seed: int) -> None:
    dice = random.Random(seed)
    await world.send(*(one for one in (random_touchpoint(dice, number) for number in range(60)) if one.home))
    customers = await answers(world.store, "customer_id, touchpoints", "v_customers ORDER BY customer_id")
    assert customers
    for name, count in customers:
        found = await asked(world, name, last=1_000)
        assert found.touchpoints_count == count
        visits = await answers(
            world.store,
            "stage, cause_message_id",
            f"v_stage_visits WHERE customer_id = {literal(name)} AND cause_message_id != '' ORDER BY seq",
        )
        assert [(one.move.to_stage, one.message_id) for one in found.touchpoints if one.move] == visits
