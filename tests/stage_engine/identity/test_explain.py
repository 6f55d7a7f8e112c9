"""Why two identifiers are one customer, or why not."""

from __future__ import annotations

from functools import partial

from stage_engine.identity.explain import Explanation, explain
from stage_engine.identity.link import Split
from tests.stage_engine.identity.worlds import World, at


def why(world: World, one: str, other: str) -> Explanation:
    [told] = world.answer(partial(explain, world.resolver, one, other))
    return told


def path(told: Explanation) -> list[tuple[str, str]]:
    """The identifiers along the chain, each with the message that led there."""
    return [(step.other, step.touchpoint[1]) for step in told.chain]


def test_the_shortest_chain_of_touchpoints_joins_a_device_to_a_card() -> None:
    world = World(
        at(1, "device:d", "email:a@x"), at(2, "email:a@x", "phone:1"), at(3, "phone:1", "card:1"),
        at(4, "email:a@x", "card:1"), at(5, "card:1", "user:ada"),
    )  # fmt: skip
    told = why(world, "device:d", "card:1")
    assert (told.verdict, told.customer_id) == ("joined", "user:ada")
    assert path(told) == [("email:a@x", "m1"), ("card:1", "m4")]


def test_two_devices_are_joined_through_their_user() -> None:
    world = World(at(1, "device:a", "user:ada"), at(2, "device:b", "user:ada"), at(3, "device:b", "user:bob"))
    told = why(world, "device:a", "device:b")
    assert told.customer_id == "user:ada"
    assert path(told) == [("user:ada", "m1"), ("device:b", "m2")]


def test_two_cards_of_one_user_are_joined_through_an_alias() -> None:
    world = World(at(1, "user:old", "card:1"), at(2, "user:new", "card:2"), at(3, "user:new", "previous:old"))
    assert path(why(world, "card:1", "card:2")) == [("user:old", "m1"), ("user:new", "m3"), ("card:2", "m2")]


def test_a_chain_takes_no_link_that_was_split() -> None:
    met = [at(1, "card:1", "card:2"), at(2, "card:2", "card:3"), at(3, "card:3", "card:1")]
    world = World(*met, splits=[Split(one="card:1", other="card:2")])
    assert path(why(world, "card:1", "card:2")) == [("card:3", "m3"), ("card:2", "m2")]


def test_a_chain_takes_no_link_of_a_group_that_is_too_large() -> None:
    group = [at(number, f"card:{number}", f"card:{number + 1}") for number in range(9)]
    world = World(*group, at(20, "user:ada", "card:3"), at(21, "user:ada", "card:4"), group_max=5)
    assert path(why(world, "card:3", "card:4")) == [("user:ada", "m20"), ("card:4", "m21")]


def test_an_identifier_is_one_with_itself_without_any_touchpoint() -> None:
    told = why(World(), "user:ada", "user:ada")
    assert (told.verdict, told.customer_id, told.chain) == ("joined", "user:ada", ())


def test_a_shared_card_on_the_way_is_named() -> None:
    world = World(*(at(number, "card:till", f"email:{number}@x") for number in range(6)))
    told = why(world, "email:1@x", "email:4@x")
    assert (told.verdict, told.because) == ("shared", ("card:till",))
    assert path(told) == [("card:till", "m1"), ("email:4@x", "m4")]


def test_a_split_is_named() -> None:
    world = World(at(1, "card:1", "email:a@x"), splits=[Split(one="card:1", other="email:a@x")])
    told = why(world, "card:1", "email:a@x")
    assert (told.verdict, told.because) == ("split", ("card:1", "email:a@x"))
    assert path(told) == [("email:a@x", "m1")]


def test_a_group_that_is_too_large_is_named() -> None:
    world = World(*(at(number, f"card:{number}", f"card:{number + 1}") for number in range(9)), group_max=5)
    told = why(world, "card:3", "card:4")
    assert (told.verdict, told.because) == ("too_large", ("card:3", "card:4"))


def test_two_users_of_one_card_stay_two_people() -> None:
    world = World(at(1, "card:1", "user:ada"), at(2, "card:1", "user:bob"))
    told = why(world, "card:1", "user:bob")
    assert told.verdict == "other_person"
    assert path(told) == [("user:bob", "m2")]


def test_strangers_never_met() -> None:
    world = World(at(1, "card:1", "user:ada"), at(2, "card:2", "user:bob"))
    assert why(world, "card:1", "card:2") == Explanation(verdict="never_met")
