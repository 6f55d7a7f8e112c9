"""Each rule of who a touchpoint belongs to, by hand; the brute force agrees in every world."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from stage_engine.identity.link import Split
from tests.reference.identity import Row
from tests.stage_engine.identity.worlds import World, at

asked: list[World] = []


def world(*touchpoints: Row, splits: Sequence[Split] = (), **limits: Any) -> World:
    asked.append(World(*touchpoints, splits=splits, **limits))
    return asked[-1]


@pytest.fixture(autouse=True)
def _brute_force_agrees() -> Iterator[None]:
    asked.clear()
    yield
    assert asked
    for one in asked:
        people = one.people()
        assert one.customers() == [people.customer(touchpoint) for touchpoint in one.touchpoints]


# The four pictures


def test_anonymous_history_goes_to_the_first_person_identified_on_the_device() -> None:
    visits = [at(time, "device:d") for time in range(1, 11)]
    assert set(world(*visits).customers()) == {"device:d"}
    assert set(world(*visits, at(11, "user:ada", "device:d")).customers()) == {"user:ada"}


def test_on_a_shared_tablet_each_stretch_belongs_to_whoever_was_identified_last() -> None:
    tablet = world(at(10, "user:ada", "device:t"), at(20, "user:bob", "device:t"), at(30, "user:ada", "device:t"))
    assert tablet.stretches("device:t") == [(0, "user:ada"), (20, "user:bob"), (30, "user:ada")]
    assert [tablet.customer(time, "device:t") for time in (1, 10, 19, 20, 29, 30, 99)] == [
        "user:ada", "user:ada", "user:ada", "user:bob", "user:bob", "user:ada", "user:ada"
    ]  # fmt: skip


def test_a_shop_floor_tablet_that_six_people_used_is_nobodys_and_what_it_joined_is_undone() -> None:
    five = [at(number, f"user:{number}", "device:t") for number in range(1, 6)]
    assert world(*five).customer(3, "device:t") == "user:3"
    six = world(*five, at(6, "user:6", "device:t"))
    assert six.customer(3, "device:t") == ""
    assert six.stretches("device:t") == [(0, "")]
    assert six.customer(3, "user:3", "device:t") == "user:3"


def test_a_family_card_belongs_to_the_member_first_seen_with_it() -> None:
    family = world(at(2, "user:bob", "card:f"), at(1, "user:ada", "card:f"), at(3, "user:eve", "card:f"))
    assert family.customer(9, "card:f") == "user:ada"
    assert family.customer(9, "user:bob", "card:f") == "user:bob"
    assert family.customer(9, "user:eve") == "user:eve"


def test_a_card_on_the_receipts_of_six_people_is_the_tills_own_and_joins_nobody() -> None:
    till = world(
        *(at(number, f"user:{number}", "card:till") for number in range(1, 7)), at(7, "email:a@x", "card:till")
    )
    assert till.customer(9, "card:till") == ""
    assert till.customer(9, "card:till", "email:a@x") == "email:a@x"
    assert till.stretches("card:till") == [(0, "")]


def test_a_late_receipt_joins_the_card_to_the_web_history_from_its_beginning() -> None:
    web = [at(1, "device:d"), at(5, "device:d", "email:ada@x"), at(9, "card:7")]
    assert world(*web).customers() == ["email:ada@x", "email:ada@x", "card:7"]
    late = at(3, "card:7", "email:ada@x")
    assert world(*web, late).customers() == ["card:7"] * 4


# 1 and 2: users and contacts


def test_a_touchpoint_with_a_user_belongs_to_the_user_whatever_else_it_carries() -> None:
    one = world(at(1, "user:ada", "card:1", "device:d"), at(2, "user:bob", "card:1", "device:d"))
    assert one.customers() == ["user:ada", "user:bob"]


def test_contacts_without_a_user_are_named_after_the_smallest() -> None:
    one = world(at(1, "phone:1", "email:a@x"), at(2, "phone:1", "card:9"), at(3, "phone:1"))
    assert set(one.customers()) == {"card:9"}


def test_contacts_are_one_person_transitively_and_belong_to_the_first_user_of_any() -> None:
    one = world(
        at(1, "card:1", "email:a@x"), at(2, "email:a@x", "phone:1"), at(8, "card:1", "user:ada"),
        at(7, "phone:1", "user:bob"),
    )  # fmt: skip
    assert one.customer(9, "card:1") == "user:bob"
    assert one.customer(9, "user:ada", "card:1") == "user:ada"


def test_the_first_user_is_by_event_time_and_then_by_the_total_order() -> None:
    same_time = at(5, "user:bob", "card:1", name="a"), at(5, "user:ada", "card:1", name="b")
    assert world(*same_time).customer(9, "card:1") == "user:bob"
    assert world(*same_time, at(4, "user:eve", "card:1", name="z")).customer(9, "card:1") == "user:eve"


def test_two_people_who_met_on_a_device_stay_two() -> None:
    one = world(at(1, "card:1", "device:d"), at(2, "card:2", "device:d"))
    assert one.customers() == ["card:1", "card:2"]


# 3: devices


def test_of_several_marks_in_one_millisecond_the_last_in_total_order_counts_from_then_on() -> None:
    one = world(at(5, "user:bob", "device:d", name="b"), at(5, "user:ada", "device:d", name="a"))
    assert [one.customer(time, "device:d") for time in (5, 6)] == ["user:bob", "user:bob"]


def test_before_the_first_millisecond_of_marks_the_first_in_total_order_counts() -> None:
    one = world(at(5, "user:bob", "device:d", name="b"), at(5, "user:ada", "device:d", name="a"))
    assert one.customer(4, "device:d") == "user:ada"
    assert one.stretches("device:d") == [(0, "user:ada"), (5, "user:bob")]


def test_a_mark_names_the_user_and_only_without_one_the_contact() -> None:
    one = world(at(1, "user:ada", "card:1"), at(5, "user:bob", "card:1", "device:d"), at(8, "card:1", "device:e"))
    assert one.customer(6, "device:d") == "user:bob"
    assert one.customer(9, "device:e") == "user:ada"


def test_a_mark_by_a_contact_follows_the_contact_to_whom_it_belongs_today() -> None:
    assert world(at(1, "email:a@x", "device:d")).customer(9, "device:d") == "email:a@x"
    joined = world(at(1, "email:a@x", "device:d"), at(20, "email:a@x", "user:ada"))
    assert joined.customer(9, "device:d") == "user:ada"


# 4: shared identifiers and groups that are too large


def test_the_sixth_user_of_a_card_undoes_the_joins_it_made_before() -> None:
    met = [at(1, "card:1", "email:a@x"), *(at(number, f"user:{number}", "card:1") for number in range(2, 7))]
    assert world(*met).customer(9, "email:a@x") == "user:2"
    assert world(*met, at(8, "user:8", "card:1")).customer(9, "email:a@x") == "email:a@x"


def test_an_identifiers_own_kind_counts() -> None:
    cards = [at(number, "card:0", f"card:{number}") for number in range(1, 6)]
    assert world(*cards).customer(9, "card:3") == "card:0"
    assert world(*cards, at(6, "card:0", "card:6")).customer(9, "card:3") == "card:3"


def test_values_are_counted_kind_by_kind() -> None:
    seen = [at(number, "card:0", f"email:{number}@x", f"phone:{number}") for number in range(1, 6)]
    assert world(*seen).customer(9, "email:3@x") == "card:0"


def test_a_user_may_have_twenty_of_a_kind_and_with_the_next_keeps_only_what_names_it() -> None:
    seen = [at(1, "user:ada", "device:d"), *(at(number, "user:ada", f"email:{number}@x") for number in range(2, 22))]
    assert world(*seen).customer(9, "device:d") == "user:ada"
    shared = world(*seen, at(50, "user:ada", "email:50@x"))
    assert shared.customer(9, "user:ada") == "user:ada"
    assert shared.customer(9, "email:4@x") == "email:4@x"
    assert shared.customer(9, "device:d") == "device:d"


def test_devices_do_not_count() -> None:
    one = world(*(at(number, "card:1", f"device:{number}") for number in range(1, 30)))
    assert one.customer(9, "device:20") == "card:1"


def test_what_a_shared_user_did_still_joins_the_others_on_it() -> None:
    guests = [at(number, "user:guest", f"email:{number}@x") for number in range(1, 22)]
    one = world(*guests, at(50, "user:guest", "email:a@x", "card:1", "device:d"))
    assert one.customer(60, "email:a@x") == "card:1"
    assert one.customer(60, "device:d") == "card:1"
    assert one.customers()[-1] == "user:guest"


def test_a_shared_contact_is_ignored_and_the_device_beside_it_speaks() -> None:
    shared = [at(number, f"user:{number}", "card:till") for number in range(1, 7)]
    one = world(*shared, at(10, "user:ada", "device:d"), at(11, "card:till", "device:d"))
    assert one.customers()[-1] == "user:ada"


def test_joins_are_counted_before_any_alias() -> None:
    users = [at(number, f"user:{number}", "card:1") for number in range(1, 7)]
    aliases = [at(10 + number, "user:1", f"previous:{number}") for number in range(2, 7)]
    assert world(*users, *aliases).customer(99, "card:1") == ""


def test_an_operator_may_allow_and_block_identifiers() -> None:
    users = [at(number, f"user:{number}", "card:1") for number in range(1, 8)]
    assert world(*users, allowed=frozenset(["card:1"])).customer(99, "card:1") == "user:1"
    assert world(*users[:2], blocked=frozenset(["card:1"])).customer(99, "card:1") == ""


def chain(length: int) -> list[Row]:
    names = [f"card:{number:03}" for number in range(length)]
    return [at(number, *pair) for number, pair in enumerate(pairwise(names), 1)]


def test_a_hundred_contacts_are_a_group_and_a_hundred_and_one_stand_alone() -> None:
    assert set(world(*chain(100)).customers()) == {"card:000"}
    large = world(*chain(101))
    assert [large.customer(1, f"card:{number:03}") for number in (0, 50, 100)] == ["card:000", "card:050", "card:100"]
    assert large.customer(1, "card:051", "card:050") == "card:050"


def test_a_contact_that_stands_alone_still_belongs_to_the_user_it_was_seen_with() -> None:
    assert world(*chain(101), at(500, "card:050", "user:ada")).customer(1, "card:050") == "user:ada"


# Aliases


def test_an_alias_makes_the_previous_user_the_new_one() -> None:
    one = world(at(1, "user:old", "device:d"), at(2, "user:new", "previous:old"))
    assert [one.customer(9, name) for name in ("user:old", "user:new", "device:d")] == ["user:new"] * 3


def test_the_newest_alias_of_a_chain_names_the_survivor_whatever_their_order() -> None:
    onward = world(at(1, "user:b", "previous:a"), at(2, "user:c", "previous:b"))
    assert {onward.customer(9, f"user:{name}") for name in "abc"} == {"user:c"}
    backward = world(at(2, "user:b", "previous:a"), at(1, "user:c", "previous:b"))
    assert {backward.customer(9, f"user:{name}") for name in "abc"} == {"user:b"}


def test_a_circle_of_aliases_ends_where_the_newest_points() -> None:
    circle = world(at(1, "user:b", "previous:a"), at(2, "user:c", "previous:b"), at(3, "user:a", "previous:c"))
    assert {circle.customer(9, f"user:{name}") for name in "abc"} == {"user:a"}
    there_and_back = world(at(1, "user:b", "previous:a"), at(2, "user:a", "previous:b"), at(3, "user:b", "previous:a"))
    assert {there_and_back.customer(9, f"user:{name}") for name in "ab"} == {"user:b"}


def test_an_alias_that_is_told_again_is_as_new_as_its_last_telling() -> None:
    aliases = [at(1, "user:b", "previous:a"), at(2, "user:c", "previous:b")]
    assert world(*aliases).customer(9, "user:a") == "user:c"
    assert world(*aliases, at(3, "user:b", "previous:a")).customer(9, "user:a") == "user:b"


def test_an_alias_of_a_user_to_itself_says_nothing() -> None:
    one = world(at(1, "user:b", "previous:a"), at(2, "user:a", "previous:a"))
    assert one.customer(9, "user:a") == "user:b"


def test_a_previous_id_that_is_a_devices_identifies_the_device() -> None:
    one = world(at(1, "device:x"), at(5, "user:ada", "previous:x"), at(9, "device:x"))
    assert set(one.customers()) == {"user:ada"}


def test_an_alias_on_every_login_never_makes_a_user_with_many_browsers_shared() -> None:
    logins = [at(number, "user:ada", f"previous:{number}", f"device:{number}") for number in range(1, 200)]
    one = world(*logins)
    assert one.customer(1, "device:150") == "user:ada"
    assert one.customer(1, "user:150") == "user:150"


def test_the_aliases_of_a_shared_user_are_ignored() -> None:
    merged = [at(number, "user:all", f"previous:{number}") for number in range(1, 21)]
    assert world(*merged).customer(99, "user:7") == "user:all"
    assert world(*merged, at(50, "user:all", "previous:50")).customer(99, "user:7") == "user:7"


def test_too_many_aliased_users_stand_alone_and_keep_their_contacts() -> None:
    links = [at(number, f"user:{number + 1}", f"previous:{number}") for number in range(1, 101)]
    one = world(*links, at(500, "user:7", "card:1"))
    assert [one.customer(999, name) for name in ("user:1", "user:50", "card:1")] == ["user:1", "user:50", "user:7"]
    assert world(*links[1:]).customer(999, "user:50") == "user:101"


def test_the_first_user_of_a_contact_is_followed_through_aliases() -> None:
    one = world(at(1, "user:old", "card:1"), at(2, "user:bob", "card:1"), at(3, "user:new", "previous:old"))
    assert one.customer(9, "card:1") == "user:new"


def test_an_alias_that_was_split_names_no_survivor_of_users_joined_in_other_ways() -> None:
    aliases = [at(1, "user:c", "previous:a"), at(2, "user:c", "previous:b"), at(3, "user:b", "previous:a")]
    assert world(*aliases).customer(9, "user:a") == "user:b"
    assert world(*aliases, splits=[Split(one="user:b", other="user:a")]).customer(9, "user:a") == "user:c"


def test_a_previous_id_was_seen_with_the_user_only() -> None:
    alias = at(1, "user:ada", "previous:x", "card:1")
    apart = world(alias, splits=[Split(one="user:ada", other="device:x")])
    assert apart.customer(9, "device:x") == "device:x"
    cards = [at(number, "user:ada", "previous:x", f"card:{number}") for number in range(9)]
    assert world(*cards).customer(9, "device:x") == "user:ada"


# 5: receipts' own keys


def test_the_receipt_of_nobody_is_nobodys() -> None:
    assert world(at(1, "receipt:r")).customers() == [""]


@pytest.mark.parametrize(("claimant", "customer"), [("user:ada", "user:ada"), ("email:a@x", "email:a@x")])
def test_a_claimed_receipt_belongs_to_who_claimed_it(claimant: str, customer: str) -> None:
    assert world(at(1, "receipt:r"), at(2, "receipt:r", claimant)).customers() == [customer, customer]


def test_a_receipt_claimed_by_a_contact_belongs_to_the_contacts_user() -> None:
    one = world(at(1, "receipt:r"), at(2, "receipt:r", "email:a@x"), at(3, "email:a@x", "user:ada"))
    assert one.customers() == ["user:ada"] * 3


def test_a_receipt_never_names_and_never_marks() -> None:
    one = world(at(1, "receipt:r", "device:d"), at(2, "device:d"), at(3, "receipt:r"))
    assert one.customers() == ["device:d", "device:d", ""]
    assert world(at(1, "receipt:0", "user:ada"), at(2, "receipt:0", "zebra:1")).customers() == ["user:ada", "zebra:1"]


def test_an_unclaimed_receipt_seen_on_a_device_belongs_to_the_devices_person() -> None:
    one = world(at(1, "receipt:r", "device:d"), at(2, "user:ada", "device:d"), at(3, "receipt:r"))
    assert one.customers() == ["user:ada", "user:ada", ""]


def test_a_receipt_claimed_twice_does_not_make_the_claimants_one_person() -> None:
    one = world(at(1, "receipt:r", "card:2"), at(2, "receipt:r", "card:1"), at(3, "receipt:r"))
    assert one.customers() == ["card:2", "card:1", "card:1"]
    assert world(at(2, "receipt:r", "card:1"), at(3, "receipt:r", "user:ada")).customer(9, "receipt:r") == "user:ada"


def test_somebody_may_claim_any_number_of_receipts() -> None:
    claims = [at(number, "card:1", "user:ada", f"receipt:{number}") for number in range(1, 200)]
    one = world(*claims)
    assert [one.customer(1, name) for name in ("card:1", "receipt:7")] == ["user:ada", "user:ada"]


def test_a_receipt_that_six_cards_claim_is_shared() -> None:
    one = world(*(at(number, "receipt:r", f"card:{number}") for number in range(1, 7)))
    assert one.customer(9, "receipt:r") == ""


# 6: splits


def test_a_split_undoes_what_joins_two_contacts_until_it_is_revoked() -> None:
    met = at(1, "card:1", "card:2")
    assert world(met).customer(9, "card:2") == "card:1"
    assert world(met, splits=[Split(one="card:2", other="card:1")]).customer(9, "card:2") == "card:2"
    assert world(met, splits=[Split(one="card:2", other="card:1", revoked=True)]).customer(9, "card:2") == "card:1"


def test_a_split_leaves_other_ways_between_the_two() -> None:
    met = at(1, "card:1", "card:2", "email:a@x")
    assert world(met, splits=[Split(one="card:1", other="card:2")]).customer(9, "card:2") == "card:1"


def test_a_touchpoint_of_two_contacts_that_were_split_belongs_to_the_smaller() -> None:
    one = world(at(1, "card:1", "card:2"), at(0, "user:ada", "card:2"), splits=[Split(one="card:1", other="card:2")])
    assert one.customer(1, "card:1", "card:2") == "card:1"


def test_a_split_takes_a_user_from_a_contact_from_a_device_and_from_an_alias() -> None:
    met = [at(1, "user:ada", "card:1", "device:d"), at(2, "user:ada", "previous:old")]
    apart = [Split(one="user:ada", other=other) for other in ("card:1", "device:d", "user:old")]
    one = world(*met, splits=apart)
    assert [one.customer(9, name) for name in ("card:1", "device:d", "user:old")] == ["card:1", "card:1", "user:old"]
    assert one.customers() == ["user:ada", "user:ada"]


def test_a_split_does_not_make_a_shared_identifier_less_shared() -> None:
    users = [at(number, f"user:{number}", "card:1") for number in range(1, 7)]
    assert world(*users, splits=[Split(one="user:6", other="card:1")]).customer(9, "card:1") == ""


# Copies


def test_of_copies_with_different_clocks_the_earliest_counts() -> None:
    copy = {**at(9, "user:ada", "device:d", name="a"), "original_timestamp": 3}
    one = world(copy, {**copy, "occurred_at": 3}, at(5, "user:bob", "device:d"))
    assert one.stretches("device:d") == [(0, "user:ada"), (5, "user:bob")]


def test_an_earlier_copy_takes_the_mark_away_from_where_it_was() -> None:
    before = [at(1, "user:ada", "device:d"), at(4, "user:bob", "device:d")]
    told = {**at(5, "user:ada", "device:d", name="a"), "original_timestamp": 3}
    assert world(*before, told).customer(9, "device:d") == "user:ada"
    assert world(*before, told, {**told, "occurred_at": 3}).customer(9, "device:d") == "user:bob"
