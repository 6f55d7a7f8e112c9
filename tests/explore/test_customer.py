from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from explore.answers import Customer
from explore.asked import Typed
from explore.customer import customer
from explore.refusals import Code, RefusedError
from stage_engine.identity.limits import Limits
from stage_engine.touchpoint import Touchpoint
from tests.explore.conftest import World
from tests.stream.touchpoints import START_MS, touchpoint

LIMITS = Limits()


async def asked(world: World, identifier: str, touchpoints: int = 10) -> Customer:
    return await customer(world.store, LIMITS, Typed(identifier), touchpoints, "seven_stage")


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp((START_MS + ms) / 1000, UTC)


async def test_any_identifier_leads_to_the_customer(world: World) -> None:
    await world.send(
        touchpoint("visit", device="d"),
        touchpoint("login", at=1_000, user="ada", device="d"),
        touchpoint("card", at=2_000, user="ada", contacts=("loyalty_card:1",)),
        touchpoint("old", at=3_000, contacts=("email:a@x", "loyalty_card:1"), event="Order Completed", value=420_000,
                   transaction="sale"),
    )  # fmt: skip
    found = {one: await asked(world, one) for one in ("user:ada", "device:d", "email:a@x", "loyalty_card:1")}
    assert {one.customer_id for one in found.values()} == {"user:ada"}
    ada = found["email:a@x"]
    assert ada.asked == "email:a@x"
    assert [one.identifier for one in ada.identifiers] == ["device:d", "email:a@x", "loyalty_card:1", "user:ada"]
    assert ada.identifiers_count == 4
    (state,) = ada.models
    assert (state.model, state.stage, state.touchpoints, state.purchases) == ("seven_stage", "purchase", 4, 1)
    assert [visit.seq for visit in state.visits] == list(range(len(state.visits), 0, -1))
    assert (state.visits[0].stage, state.visits[0].left_at, state.visits[-1].from_stage) == ("purchase", None, "")


async def test_a_device_that_changed_hands_says_whose_it_was_when(world: World) -> None:
    await world.send(
        touchpoint("1", at=1_000, user="ada", device="d"), touchpoint("2", at=2_000, user="bob", device="d")
    )
    found = await asked(world, "device:d")
    assert found.customer_id == "user:bob"
    assert [(one.customer_id, one.valid_from, one.valid_to) for one in found.asked_stretches] == [
        ("user:ada", None, moment(2_000)),
        ("user:bob", moment(2_000), None),
    ]
    ada = await asked(world, "user:ada")
    assert [one.identifier for one in ada.identifiers] == ["device:d", "user:ada"]


async def test_the_last_touchpoints_come_first_and_are_as_many_as_asked_for(world: World) -> None:
    await world.send(*(touchpoint(str(n), at=n, user="ada", value=n * 10_000) for n in range(5)))
    found = await asked(world, "user:ada", 2)
    assert [(one.message_id, one.value) for one in found.touchpoints] == [("4", 4), ("3", 3)]
    assert (await asked(world, "user:ada", 0)).touchpoints == ()


async def test_what_is_filed_under_nobody_is_found_by_the_device(world: World) -> None:
    await world.send(
        *(touchpoint(str(n), at=n, user=f"u{n}", contacts=("card:till",)) for n in range(6)),
        touchpoint("login", at=1_000, user="ada", device="d"),
        touchpoint("till", at=2_000, contacts=("card:till",), device="d"),
        touchpoint("receipt", at=3_000, contacts=("receipt:r",), device="d"),
        touchpoint("other", at=4_000, contacts=("card:till",), device="other"),
    )
    found = await asked(world, "user:ada")
    assert [one.message_id for one in found.touchpoints] == ["receipt", "till", "login"]


async def test_each_trait_is_as_told_last_and_gone_when_told_as_null(world: World) -> None:
    def told(name: str, at: int, traits: bytes, context: bytes = b"{}") -> Touchpoint:
        return replace(touchpoint(name, at=at, user="ada"), type="identify", traits=traits, context=context)

    consent = b'{"consent": {"categoryPreferences": {"ads": true, "mail": false}}}'
    await world.send(
        told("2", 2, b'{"city": "Rome", "size": null}', consent),
        told("1", 1, b'{"city": "Milan", "size": 38, "tags": ["a"]}'),
    )
    ada = await asked(world, "user:ada")
    assert {name: (trait.value, trait.at) for name, trait in ada.traits.items()} == {
        "city": ("Rome", moment(2)), "tags": (["a"], moment(1)),
    }  # fmt: skip
    assert ada.consent == {"ads": True, "mail": False}


async def test_a_touchpoint_has_the_stages_that_it_found_and_left(world: World) -> None:
    await world.send(
        touchpoint("look", at=1_000, user="ada"),
        touchpoint("buy", at=2_000, user="ada", event="Order Completed", transaction="sale", value=1),
    )
    buy, look = (await asked(world, "user:ada")).touchpoints
    assert (look.stage_before, look.stage_after) == ("", buy.stage_before)
    assert buy.stage_after == "purchase" != buy.stage_before


async def test_an_anonymous_device_is_its_own_customer(world: World) -> None:
    await world.send(touchpoint("1", device="d"))
    found = await asked(world, "device:d")
    assert (found.customer_id, [one.identifier for one in found.identifiers]) == ("device:d", ["device:d"])


@pytest.mark.parametrize(
    ("identifier", "said"),
    [
        ("device:tablet", "is shared, and so nobody's: it was seen with more than 5 others of kind user"),
        ("receipt:r", "is the key of a receipt that nobody has claimed"),
    ],
)
async def test_what_is_nobodys_is_refused_with_the_reason(world: World, identifier: str, said: str) -> None:
    await world.send(
        touchpoint("r", contacts=("receipt:r",)),
        *(touchpoint(str(n), at=n, user=f"u{n}", device="tablet") for n in range(6)),
    )
    with pytest.raises(RefusedError, match=said) as caught:
        await asked(world, identifier)
    assert caught.value.code == Code.NOBODYS


async def test_somebody_who_was_never_seen_is_nobody(world: World) -> None:
    with pytest.raises(RefusedError, match="user:ada: No touchpoint ever carried this identifier"):
        await asked(world, "user:ada")
