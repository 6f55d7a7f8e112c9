"""How much is read: little, whatever the whole graph looks like."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest

from stage_engine.identity.link import Link, link_of
from stage_engine.identity.reading import NOTHING, reading_of
from stage_engine.identity.resolve import Resolver, UnreadError
from stage_engine.touchpoint import Touchpoint
from tests.stage_engine.identity.worlds import World, at

MANY = 3_000


def test_a_user_is_read_alone_however_many_devices_and_cards_it_has() -> None:
    world = World(*(at(number, "user:ada", f"device:{number}", f"card:{number % 10}") for number in range(MANY)))
    assert world.customer(1, "user:ada", "device:5", "card:1") == "user:ada"
    assert world.asked == {"user:ada"}
    assert len(world.reading("user:ada").pairs) == 10


def test_a_tills_card_that_thousands_of_phones_met_is_read_alone() -> None:
    world = World(*(at(number, "card:till", f"device:{number}") for number in range(MANY)))
    assert world.customer(1, "card:till") == "card:till"
    assert world.asked == {"card:till"}
    assert world.reading("card:till") == NOTHING


def test_users_chained_through_cards_are_not_walked() -> None:
    steps = range(MANY)
    world = World(*(at(2 * n + side, f"user:{n + side}", f"card:{n}") for n in steps for side in (0, 1)))
    assert world.customer(1, "card:500") == "user:500"
    assert world.asked == {"card:500", "user:500"}


def test_a_group_that_outgrew_its_bound_is_read_up_to_the_bound() -> None:
    names = [f"card:{number:04}" for number in range(MANY)]
    world = World(*(at(number, *pair) for number, pair in enumerate(pairwise(names))))
    assert world.customer(1, "card:1500") == "card:1500"
    assert len(world.asked) <= 103


def test_a_device_leads_to_its_people_and_nobodys_device_leads_further() -> None:
    world = World(
        at(1, "device:a", "user:ada"), at(2, "device:b", "user:ada"), at(3, "device:b", "user:bob"),
        at(4, "user:ada", "card:1"),
    )  # fmt: skip
    assert world.customer(9, "device:a") == "user:ada"
    assert world.asked == {"device:a", "user:ada"}


def test_nothing_behind_a_shared_identifier_is_read() -> None:
    world = World(
        *(at(number, f"user:{number}", "card:till") for number in range(6)),
        *(at(number, "card:till", f"email:{number}@x") for number in range(6, 9)),
    )
    assert world.customer(1, "email:7@x") == "email:7@x"
    assert world.asked == {"email:7@x", "card:till"}


def test_a_blocked_identifier_is_not_read_at_all() -> None:
    world = World(at(1, "card:till", "email:a@x"), blocked=frozenset(["card:till"]))
    assert world.customer(1, "card:till") == ""
    assert world.asked == set()


def test_a_batch_takes_as_many_rounds_as_its_hardest_touchpoint() -> None:
    people = [
        touchpoint
        for number in range(50)
        for touchpoint in (
            at(number, f"device:{number}", f"card:{number}"),
            at(number, f"card:{number}", f"user:{number}"),
        )
    ]
    world = World(*people)
    questions = [partial(world.resolver.customer, (f"device:{number}",), 1) for number in range(50)]
    assert world.answer(*questions) == [f"user:{number}" for number in range(50)]
    assert world.rounds == 3


def test_whoever_was_read_already_costs_no_further_reading() -> None:
    world = World(at(1, "card:1", "card:2"), at(2, "card:2", "user:ada"))
    world.customer(1, "card:1")
    world.asked.clear()
    assert world.customer(1, "card:2") == "user:ada"
    assert world.asked == set()


def test_a_question_without_its_readings_names_them() -> None:
    with pytest.raises(UnreadError, match="not read yet: card:1, card:2") as unread:
        Resolver(World().limits).customer(("card:1", "card:2", "device:d"), 1)
    assert unread.value.identifiers == {"card:1", "card:2"}


def test_marks_that_repeat_the_one_before_are_left_out_of_a_reading() -> None:
    world = World(*(at(time, f"user:{'ada' if time < 7 else 'bob'}", "device:d") for time in range(10)))
    reading = world.reading("device:d")
    assert [(mark.order[0], mark.people) for mark in reading.marks] == [(0, ("user:ada",)), (7, ("user:bob",))]


def test_links_of_others_do_not_disturb_a_reading() -> None:
    links = [Link(**{**at(1, "user:ada", "card:1"), "identifiers": ("card:1", "user:ada")})]
    assert reading_of("card:2", links) == NOTHING


def touchpoint(previous_id: str = "") -> Touchpoint:
    return Touchpoint(
        source="web", message_id="m", type="track", event="e", channel="web", user_id="ada", previous_id=previous_id,
        occurred_at=1, original_timestamp=2, received_at=3,
    )  # fmt: skip


def test_a_touchpoint_with_one_identifier_is_no_link() -> None:
    assert link_of(touchpoint()) is None
    link = link_of(touchpoint(previous_id="a"))
    assert link == Link(
        occurred_at=1, message_id="m", source="web", identifiers=("previous:a", "user:ada"), original_timestamp=2
    )
