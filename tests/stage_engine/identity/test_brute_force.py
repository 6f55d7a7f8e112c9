"""Random small worlds: everybody is who the brute force says, from no more readings than are allowed."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from stage_engine.identity.explain import Explanation
from stage_engine.identity.reading import Reading, bounded, reading_of
from stage_engine.touchpoint import OrderKey
from tests.reference.identity import People, Row, kind
from tests.stage_engine.identity.test_explain import why
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


def two_of(world: World, first: int, second: int) -> tuple[str, str]:
    identifiers = identifiers_of(world.touchpoints)
    return identifiers[first % len(identifiers)], identifiers[second % len(identifiers)]


def reached(people: People, start: str) -> dict[str, int]:
    """Brute force: the fewest steps to whoever touchpoints lead to, on from nobody shared. A device and a receipt on
    one touchpoint say nothing about each other."""
    steps = {start: 0}
    for one in (waiting := [start]):
        for other in people.together[one] if one not in people.shared else ():
            if other not in steps and {kind(one), kind(other)} != {"device", "receipt"}:
                steps[other] = steps[one] + 1
                waiting.append(other)
    return steps


def assert_chain(world: World, people: People, told: Explanation, one: str, other: str) -> None:
    """It leads from one to the other, each step by a touchpoint that carries both."""
    ends = [one, *(step.other for step in told.chain)]
    assert [step.one for step in told.chain] == ends[:-1]
    assert ends[-1] == other or not told.chain
    places = {place_of(place): people.pairs(place) for place in people.touchpoints}
    assert all({step.one, step.other} in map(set, places[step.touchpoint]) for step in told.chain)


def place_of(place: Row) -> OrderKey:
    occurred_at, message_id, source, original = (
        place[name] for name in ("occurred_at", "message_id", "source", "original_timestamp")
    )
    return occurred_at, message_id, source, tuple(place["identifiers"]), original


@settings(max_examples=200, deadline=None)
@given(worlds(size_max=16), st.integers(0), st.integers(0))
def test_whoever_is_one_customer_is_joined_by_a_chain_of_touchpoints(world: World, first: int, second: int) -> None:
    people = world.people()
    one, other = two_of(world, first, second)
    common = {customer for _, customer in people.whose(one)} & {customer for _, customer in people.whose(other)} - {""}
    told = why(world, one, other)
    assert (told.verdict == "joined") == bool(common)
    assert told.customer_id in common or not common
    assert_chain(world, people, told, one, other)
    if common:
        assert told.chain or one == other
        assert not {one, *(step.other for step in told.chain)} & (people.shared - {one})
        assert all(people.joins(step.one, step.other) for step in told.chain)


@settings(max_examples=300, deadline=None)
@given(worlds(size_max=16), st.integers(0), st.integers(0))
def test_whoever_touchpoints_lead_to_has_met(world: World, first: int, second: int) -> None:
    people = world.people()
    one, other = two_of(world, first, second)
    told = why(world, one, other)
    if told.verdict == "joined":
        return
    here, there = reached(people, one), reached(people, other)
    between = [here[name] + there[name] for name in here.keys() & there.keys()]
    assert_chain(world, people, told, one, other)
    assert told.verdict != "never_met" or not between or one == other
    beside = other in people.together[one]
    assert told.verdict != "never_met" or not beside
    assert told.verdict != "other_person" or ((told.chain or beside) and not {one, other} & people.shared)
    untold = {name for name in people.shared if kind(name) in ("device", "receipt")}  # not all of these is read
    assert not told.chain or len(told.chain) == min(between) or untold
    assert told.chain or not between or one == other or untold & set(told.because)
    if told.verdict == "shared":
        assert people.shared >= set(told.because)
    world.forget()
    back = why(world, other, one)
    assert (back.verdict, back.because, len(back.chain)) == (told.verdict, told.because, len(told.chain))


@settings(max_examples=300, deadline=None)
@given(worlds(size_max=10), st.integers(0), st.integers(0))
def test_one_touchpoint_that_makes_a_device_and_a_person_one_customer_is_the_whole_chain(
    world: World, first: int, second: int
) -> None:
    people = world.people()
    touchpoint = world.touchpoints[first % len(world.touchpoints)]
    device = next((one for one in touchpoint["identifiers"] if kind(one) == "device"), "")
    beside = [one for one in touchpoint["identifiers"] if kind(one) not in ("device", "receipt", "previous")]
    if not device or not beside:
        return
    person = beside[second % len(beside)]
    told = why(world, device, person)
    marks = [one for one in sorted(beside, key=lambda one: (kind(one) != "user", one)) if people.joins(one, device)]
    known = touchpoint in people.touchpoints  # not a copy with a later clock
    if known and person in marks and told.customer_id and people.whose(marks[0])[0][1] == people.whose(person)[0][1]:
        assert len(told.chain) == 1


@settings(max_examples=200, deadline=None)
@given(worlds(size_max=16), st.integers(0), st.integers(0), st.randoms(use_true_random=False))
def test_links_that_are_written_while_they_are_read_are_no_error(
    world: World, first: int, second: int, dice: random.Random
) -> None:
    one, other = two_of(world, first, second)

    def read(identifier: str) -> Reading:
        links = world.links.get(identifier, [])
        return bounded(identifier, reading_of(identifier, links[: dice.randint(0, len(links))]), world.limits)

    told = why(world, one, other, read)
    assert told.customer_id or told.verdict != "joined"
