"""What links tell: of many at once the same as of each, at a price that does not grow with their number."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stage_engine.identity.link import Link
from stage_engine.identity.news import Herald, News, by_identifiers
from stage_engine.identity.reading import reading_of
from stage_engine.identity.resolve import UnreadError
from tests.stage_engine.identity.test_explain import neighbours
from tests.stage_engine.identity.worlds import World, at, link, worlds

Answer = TypeVar("Answer")


class Reader:
    """A herald with a reader that counts the rounds."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.herald = Herald(world.limits, world.splits)
        self.rounds = 0

    def answer(self, question: Callable[..., Answer], *about: Any) -> Answer:
        while True:
            try:
                return question(*about)
            except UnreadError as unread:
                self.rounds += 1
                links = self.world.links
                self.herald.learn({one: reading_of(one, links.get(one, ())) for one in unread.identifiers})
                self.herald.learn_neighbours({one: neighbours(self.world, one) for one in unread.neighbours_of})

    def news(self, *links: Link) -> News:
        questions = [partial(self.herald.judged, alike) for alike in by_identifiers(links)]
        judgements = self.answer(self.herald.all.together, questions)
        return self.answer(self.herald.news, judgements)


def settled(world: World, some: Callable[[Link], bool]) -> list[Link]:
    """All links of the world, once those that ``some`` says are settled."""
    world.links = {name: [replace(one, settled=some(one)) for one in links] for name, links in world.links.items()}
    return list(dict.fromkeys(one for links in world.links.values() for one in links))


@given(worlds(), st.integers(0, 2**32))
def test_of_many_links_it_tells_what_it_tells_of_each(world: World, seed: int) -> None:
    dice = random.Random(seed)
    links = settled(world, lambda one: dice.random() < 0.4)
    reader = Reader(world)
    together, each = reader.news(*links), [reader.news(one) for one in links]
    assert together.changed == frozenset().union(*(one.changed for one in each))
    assert together.met == frozenset().union(*(one.met for one in each))
    assert together.devices == frozenset().union(*(one.devices for one in each))


def chain(count: int) -> World:
    """So many contacts, each seen with the next."""
    return World(*(at(number, f"card:{number:05}", f"card:{number + 1:05}") for number in range(1, count)))


def test_a_chain_of_new_links_is_read_in_a_few_rounds_however_long_it_is() -> None:
    rounds = []
    for count in (20, 1_000):
        world = chain(count)
        reader = Reader(world)
        news = reader.news(*map(link, world.touchpoints))
        assert len(news.changed) == count
        rounds.append(reader.rounds)
    assert rounds[0] == rounds[1]


def silent(world: World, *news: Link) -> list[Link]:
    """Those of the links that tell nobody anything, when all others are settled."""
    settled(world, lambda one: replace(one, settled=False) not in news)
    told: Sequence[tuple[Link, News]] = [(one, Reader(world).news(one)) for one in news]
    return [one for one, said in told if not (said.changed or said.met)]


def test_somebody_who_is_named_with_an_address_now_and_then_is_no_news() -> None:
    world = World(
        at(1, "user:ada", "device:d"), at(2, "email:a", "user:ada", "device:d"), at(3, "user:ada", "device:d"),
        at(4, "email:a", "user:ada", "device:d"), at(5, "user:ada", "device:d"),
    )  # fmt: skip
    third, fourth, fifth = map(link, world.touchpoints[2:])
    assert silent(world, fifth) == [fifth]
    assert silent(world, fourth) == [fourth]
    assert silent(world, third, fourth) == [third]
    reader = Reader(world)
    settled(world, lambda one: True)
    reader.news(fifth)
    assert reader.answer(reader.herald.alone, fifth) == ("user:ada", "email:a")


def test_the_first_address_on_a_device_is_news_to_it() -> None:
    world = World(at(1, "user:ada", "device:d"), at(2, "email:a", "user:ada"), at(3, "email:a", "user:ada", "device:d"))
    assert silent(world, link(world.touchpoints[2])) == []


def test_two_people_on_a_device_are_never_alone_there() -> None:
    world = World(at(1, "user:ada", "device:d"), at(2, "user:bob", "device:d"))
    reader = Reader(world)
    assert reader.answer(reader.herald.alone, link(world.touchpoints[0])) == ()
