from __future__ import annotations

import pytest

from explore.answers import Why
from explore.asked import Typed
from explore.refusals import Code, RefusedError
from explore.why import in_a_sentence, why
from stage_engine.identity.explain import Explanation
from stage_engine.identity.limits import Limits
from store.interface import Decision
from tests.explore.conftest import World
from tests.stream.touchpoints import touchpoint

LIMITS = Limits()


async def asked(world: World, a: str, b: str, limits: Limits = LIMITS) -> Why:
    return await why(world.store, limits, Typed(a), Typed(b))


def split(*, revoked: bool = False, at: int = 1_750_000_000_000) -> Decision:
    return Decision(
        kind="split", one="email:a@x", other="user:ada", revoked=revoked, decided_at=at, decided_by="ann",
        reason="one mailbox, two people",
    )  # fmt: skip


async def test_a_chain_of_touchpoints_makes_two_identifiers_one_customer(world: World) -> None:
    await world.send(
        touchpoint("visit", device="d"),
        touchpoint("login", at=1_000, user="ada", device="d", event="Signed In"),
        touchpoint("card", at=2_000, user="ada", contacts=("loyalty_card:1",)),
    )
    found = await asked(world, "device:d", "loyalty_card:1")
    assert (found.joined, found.customer_id) == (True, "user:ada")
    assert [(step.one, step.other, step.touchpoint.message_id, step.touchpoint.event) for step in found.chain] == [
        ("device:d", "user:ada", "login", "Signed In"),
        ("user:ada", "loyalty_card:1", "card", "Product Viewed"),
    ]
    assert found.summary == (
        "device:d and loyalty_card:1 are one customer, user:ada: a chain of 2 touchpoints says so."
    )


async def test_what_is_shared_keeps_others_apart_and_is_named_with_how_many_it_was_seen_with(world: World) -> None:
    await world.send(*(touchpoint(str(n), at=n, user=f"u{n}", device="tablet") for n in range(6)))
    found = await asked(world, "user:u1", "device:tablet")
    assert (found.joined, found.verdict, found.customer_id) == (False, "shared", None)
    assert [(one.identifier, one.reason) for one in found.because] == [
        ("device:tablet", "it was seen with more than 5 others of kind user")
    ]


async def test_who_was_blocked_is_named_with_who_decided_it(world: World) -> None:
    await world.send(
        touchpoint("1", user="ada", contacts=("loyalty_card:1",)),
        Decision(
            kind="block", one="loyalty_card:1", revoked=False, decided_at=1_750_000_000_000, decided_by="ann",
            reason="the till's own",
        ),
    )  # fmt: skip
    found = await asked(world, "user:ada", "loyalty_card:1")
    assert found.verdict == "shared"
    assert found.because[0].reason == "it was blocked by ann on 2025-06-15: the till's own"


async def test_a_split_is_named_with_who_decided_it_until_it_is_revoked(world: World) -> None:
    await world.send(touchpoint("1", user="ada", contacts=("email:a@x",)), split())
    found = await asked(world, "user:ada", "email:a@x")
    assert found.verdict == "split"
    assert found.summary == (
        "user:ada and email:a@x are not one customer: somebody decided so "
        "(email:a@x: it was split from user:ada by ann on 2025-06-15: one mailbox, two people)."
    )
    await world.send(split(revoked=True, at=1_750_000_000_001))
    assert (await asked(world, "user:ada", "email:a@x")).joined


async def test_a_group_that_is_too_large_is_named(world: World) -> None:
    await world.send(*(touchpoint(str(n), contacts=(f"card:{n}", f"card:{n + 1}")) for n in range(4)))
    found = await asked(world, "card:0", "card:4", Limits(group_max=3))
    assert found.verdict == "too_large"
    assert {one.reason for one in found.because} == {"its group has more than 3 contacts or aliased users"}


async def test_two_users_of_one_card_are_two_people(world: World) -> None:
    await world.send(
        touchpoint("1", user="ada", contacts=("card:1",)), touchpoint("2", at=1, user="bob", contacts=("card:1",))
    )
    found = await asked(world, "user:ada", "user:bob")
    assert (found.verdict, [step.touchpoint.message_id for step in found.chain]) == ("other_person", ["1", "2"])


async def test_two_users_who_were_seen_on_one_tablet_are_told_which(world: World) -> None:
    await world.send(*(touchpoint(str(n), at=n, user=f"u{n}", device="tablet") for n in range(6)))
    found = await asked(world, "user:u1", "user:u2")
    assert (found.verdict, [one.identifier for one in found.because]) == ("shared", ["device:tablet"])


async def test_two_users_with_a_common_acquaintance_are_told_the_whole_way(world: World) -> None:
    await world.send(
        touchpoint("1", user="ada", contacts=("card:1",)),
        touchpoint("2", at=1, user="carl", contacts=("card:1",)),
        touchpoint("3", at=2, user="carl", device="d"),
        touchpoint("4", at=3, user="bob", device="d"),
    )
    found = await asked(world, "user:ada", "user:bob")
    assert (found.verdict, [step.touchpoint.message_id for step in found.chain]) == (
        "other_person",
        ["1", "2", "3", "4"],
    )


async def test_one_touchpoint_with_a_card_and_a_device_says_so_alone(world: World) -> None:
    await world.send(touchpoint("1", user="ada", device="d", contacts=("card:1",)))
    found = await asked(world, "device:d", "card:1")
    assert found.summary == "device:d and card:1 are one customer, user:ada: one touchpoint says so."


def test_links_that_are_just_being_written_are_no_error() -> None:
    torn = Explanation(verdict="joined", customer_id="user:ada")
    assert (
        in_a_sentence("device:d", "user:ada", torn)
        == "device:d and user:ada are one customer, user:ada: what says so is being written, ask again."
    )


async def test_who_never_met_is_two_customers(world: World) -> None:
    await world.send(touchpoint("1", user="ada"), touchpoint("2", user="bob"))
    found = await asked(world, "user:ada", "user:bob")
    assert (found.verdict, found.chain) == ("never_met", ())


async def test_an_identifier_that_was_never_seen_is_refused_in_words(world: World) -> None:
    await world.send(touchpoint("1", user="ada"), touchpoint("2", contacts=("tessera:1",)))
    with pytest.raises(RefusedError, match=r"user:bob: No touchpoint ever carried this identifier\.") as caught:
        await asked(world, "user:ada", "user:bob")
    assert caught.value.code == Code.NEVER_SEEN
    doubted = Typed("tessera:1", "there is no kind tessera")
    assert (await why(world.store, LIMITS, doubted, Typed("user:ada"))).verdict == "never_met"
    with pytest.raises(RefusedError, match="there is no kind tessera"):
        await why(world.store, LIMITS, Typed("tessera:2", "there is no kind tessera"), Typed("user:ada"))


async def test_an_identifier_and_itself_are_no_question(world: World) -> None:
    with pytest.raises(RefusedError, match="Both are user:ada: name two identifiers"):
        await asked(world, "user:ada", "user:ada")
