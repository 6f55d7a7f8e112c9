"""Why two identifiers are one customer, or why not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stage_engine.identity.carried import carried
from stage_engine.identity.explain import EXPANDED_MAX, Explanation, explain
from stage_engine.identity.link import Split
from stage_engine.identity.news import Herald
from stage_engine.identity.reading import Reading
from stage_engine.identity.resolve import UnreadError
from tests.stage_engine.identity.worlds import World, at


def neighbours(world: World, name: str) -> frozenset[str]:
    """What a reader finds beside an identifier."""
    return frozenset(one for link in world.links.get(name, ()) for one in carried(link.identifiers).about) - {name}


def why(world: World, one: str, other: str, read: Callable[[str], Reading] | None = None) -> Explanation:
    """The explanation from as much as it asks for; ``read``: by a reader other than the world's."""
    read = read or world.reading
    herald = Herald(world.limits, world.splits)
    while True:
        try:
            return explain(herald, one, other)
        except UnreadError as unread:
            herald.learn({name: read(name) for name in unread.identifiers})
            herald.learn_neighbours({name: neighbours(world, name) for name in unread.neighbours_of})


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


@pytest.mark.parametrize("common", ["card:1", "device:d", "receipt:r"])
def test_two_users_are_led_to_each_other_by_what_both_were_seen_with(common: str) -> None:
    world = World(at(1, common, "user:ada"), at(2, common, "user:bob"))
    told = why(world, "user:ada", "user:bob")
    assert told.verdict == "other_person"
    assert path(told) == [(common, "m1"), ("user:bob", "m2")]


def test_a_chain_between_two_people_leads_over_people_devices_and_contacts() -> None:
    world = World(
        at(1, "user:ada", "card:1"), at(2, "card:1", "user:carl"), at(3, "user:carl", "device:d"),
        at(4, "device:d", "user:dora"), at(5, "user:dora", "email:d@x"), at(6, "email:d@x", "user:bob"),
    )  # fmt: skip
    told = why(world, "user:ada", "user:bob")
    assert told.verdict == "other_person"
    assert path(told) == [
        ("card:1", "m1"), ("user:carl", "m2"), ("device:d", "m3"), ("user:dora", "m4"), ("email:d@x", "m5"),
        ("user:bob", "m6"),
    ]  # fmt: skip


def test_two_users_of_one_shared_card_are_told_of_it() -> None:
    world = World(*(at(number, "card:till", f"user:{number}") for number in range(9)))
    told = why(world, "user:7", "user:8")
    assert (told.verdict, told.because) == ("shared", ("card:till",))
    assert path(told) == [("card:till", "m7"), ("user:8", "m8")]


def test_two_users_of_one_tablet_are_told_of_it_though_not_all_of_it_is_read() -> None:
    world = World(*(at(number, "device:tablet", f"user:{number}") for number in range(9)))
    told = why(world, "user:1", "user:2")
    assert (told.verdict, told.because) == ("shared", ("device:tablet",))
    assert path(told) == [("device:tablet", "m1"), ("user:2", "m2")]
    assert why(world, "user:7", "user:8") == Explanation(verdict="shared", because=("device:tablet",))


def test_no_more_than_so_many_are_gone_on_from() -> None:
    world = World(*(at(number, "user:ada", f"device:{number}") for number in range(500)), at(900, "user:bob", "card:1"))
    assert why(world, "user:ada", "user:bob").verdict == "never_met"
    assert len(world.asked) <= EXPANDED_MAX


def test_two_of_many_devices_meet_whatever_their_names() -> None:
    world = World(
        *(at(number, "user:ada", f"device:{number}") for number in range(500)), at(900, "user:bob", "device:99")
    )
    assert path(why(world, "user:ada", "user:bob")) == [("device:99", "m99"), ("user:bob", "m900")]


def test_what_an_alias_says_about_its_contacts_is_no_meeting() -> None:
    world = World(at(1, "user:ada", "previous:x", "card:1"), at(2, "user:bob", "device:x"), at(3, "user:bob", "card:2"))
    told = why(world, "card:1", "card:2")
    assert [one for one, _ in path(told)] == ["user:ada", "device:x", "user:bob", "card:2"]


def test_a_receipt_without_a_name_was_seen_with_the_device_beside_it() -> None:
    world = World(at(1, "device:d", "receipt:r"), at(2, "device:e", "user:ada"))
    assert why(world, "device:d", "receipt:r") == Explanation(verdict="other_person")
    assert why(world, "device:e", "receipt:r").verdict == "never_met"


def test_one_touchpoint_that_carries_a_card_and_a_device_is_the_whole_chain() -> None:
    world = World(at(1, "device:d", "user:ada"), at(2, "device:d", "user:ada", "card:1"))
    told = why(world, "device:d", "card:1")
    assert (told.customer_id, path(told)) == ("user:ada", [("card:1", "m2")])


def test_a_card_beside_somebody_else_on_a_device_is_no_reason() -> None:
    world = World(at(1, "card:1", "user:ada"), at(2, "device:d", "user:bob", "card:1"), at(3, "device:d", "user:ada"))
    told = why(world, "device:d", "card:1")
    assert (told.customer_id, path(told)) == ("user:ada", [("user:ada", "m3"), ("card:1", "m1")])


def test_a_card_that_was_split_from_a_device_is_no_reason() -> None:
    world = World(at(1, "device:d", "user:ada", "card:1"), splits=[Split(one="card:1", other="device:d")])
    assert path(why(world, "device:d", "card:1")) == [("user:ada", "m1"), ("card:1", "m1")]


def test_strangers_never_met() -> None:
    world = World(at(1, "card:1", "user:ada"), at(2, "card:2", "user:bob"))
    assert why(world, "card:1", "card:2") == Explanation(verdict="never_met")
