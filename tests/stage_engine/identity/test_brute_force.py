"""Random small worlds: everybody is who the brute force says, from no more readings than are allowed."""

from __future__ import annotations

import random
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from stage_engine.identity.explain import explain
from tests.reference.identity import People, Row, kind
from tests.stage_engine.identity.worlds import World, identifiers_of, worlds


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_every_touchpoint_belongs_to_whom_the_brute_force_says(world: World) -> None:
    people = world.people()
    assert world.customers() == [people.customer(one) for one in world.touchpoints]


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_every_identifier_is_whose_the_brute_force_says_at_every_time(world: World) -> None:
    people = world.people()
    identifiers = identifiers_of(world.touchpoints)
    assert {one: world.stretches(one) for one in identifiers} == {one: people.whose(one) for one in identifiers}


@settings(max_examples=60, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_and_repeated_links_change_nothing(world: World, dice: random.Random) -> None:
    arrived = [*world.touchpoints, *dice.sample(world.touchpoints, len(world.touchpoints) // 2)]
    dice.shuffle(arrived)
    other = World(*arrived, splits=world.splits)
    other.limits = world.limits
    other.forget()
    assert dict(zip(map(repr, other.touchpoints), other.customers(), strict=True)) == dict(
        zip(map(repr, world.touchpoints), world.customers(), strict=True)
    )


def may_be_asked(people: People, touchpoint: Row) -> set[str]:
    """Brute force again: what is reached from the touchpoint's identifiers, by steps to contacts and users from
    contacts, to users from users, to people from devices, and on from nobody shared."""
    steps = {"user": {"user"}, "card": {"user", "card", "tel"}, "device": {"user", "card", "tel"}}
    found: set[str] = set()
    waiting = [one for one in touchpoint["identifiers"] if kind(one) != "previous"]
    while waiting:
        one = waiting.pop()
        found.add(one)
        if one not in people.shared:
            near = [other for other in people.together[one] if kind(other) in steps.get(kind(one), steps["card"])]
            waiting += [other for other in near if other not in found]
    return found


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_nothing_is_asked_that_the_touchpoint_does_not_need(world: World) -> None:
    people = world.people()
    for touchpoint in world.touchpoints:
        world.forget()
        world.customer(touchpoint["occurred_at"], *touchpoint["identifiers"])
        assert world.asked <= may_be_asked(people, touchpoint) - world.limits.blocked
        home = [one for one in touchpoint["identifiers"] if kind(one) == "user"]
        assert not home or all(kind(one) == "user" for one in world.asked)


@settings(max_examples=200, deadline=None)
@given(worlds(size_max=16), st.integers(0), st.integers(0))
def test_whoever_is_one_customer_is_joined_by_a_chain_of_touchpoints(world: World, first: int, second: int) -> None:
    people = world.people()
    identifiers = identifiers_of(world.touchpoints)
    one, other = identifiers[first % len(identifiers)], identifiers[second % len(identifiers)]
    common = {customer for _, customer in people.whose(one)} & {customer for _, customer in people.whose(other)} - {""}
    [told] = world.answer(partial(explain, world.resolver, one, other))
    assert (told.verdict == "joined") == bool(common)
    assert told.customer_id in common or not common
    ends = [one, *(step.other for step in told.chain)]
    assert [step.one for step in told.chain] == ends[:-1]
    assert ends[-1] == other or not (common or told.chain)
    places = {
        (
            place["occurred_at"],
            place["message_id"],
            place["source"],
            tuple(place["identifiers"]),
            place["original_timestamp"],
        ): people.pairs(place)
        for place in people.touchpoints
    }
    assert all({step.one, step.other} in map(set, places[step.touchpoint]) for step in told.chain)
    if common:
        assert not set(ends) & (people.shared - {one})
        assert all(people.joins(step.one, step.other) for step in told.chain)
