"""Worlds of touchpoints that say who is who, and a reader of their links that remembers what it was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from hypothesis import strategies as st

from stage_engine.identity.identifier import kind_of
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link, Split
from stage_engine.identity.reading import Reading, reading_of
from stage_engine.identity.resolve import Resolver
from tests.reference.identity import People, Row
from tests.stage_engine.histories import Digits

Answer = TypeVar("Answer")

USERS = tuple(f"user:{number}" for number in range(5))
CARDS = tuple(f"card:{number}" for number in range(4))
PHONES = tuple(f"tel:{number}" for number in range(4))  # behind receipts in byte order
DEVICES = ("device:0", "device:1", "device:2", "device:3")  # values of users, too, so that a previous id may be both
RECEIPTS = ("receipt:0", "receipt:1", "receipt:2")


def at(time: int, *identifiers: str, name: str = "") -> Row:
    """A touchpoint: its message is named after its time, unless told."""
    here = sorted(identifiers)
    return {
        "occurred_at": time,
        "message_id": name or f"m{time}",
        "source": "web",
        "identifiers": here,
        "original_timestamp": time,
    }


def link(touchpoint: Row) -> Link:
    return Link(**{**touchpoint, "identifiers": tuple(touchpoint["identifiers"])})


class World:
    """Touchpoints, splits and limits, asked through a reader that notes what it read."""

    def __init__(self, *touchpoints: Row, splits: Sequence[Split] = (), **limits: Any) -> None:
        self.touchpoints = touchpoints
        self.links: dict[str, list[Link]] = {}
        for touchpoint in touchpoints:
            for one in touchpoint["identifiers"] if len(touchpoint["identifiers"]) > 1 else ():
                value = one.removeprefix("previous:")
                for about in (one,) if value == one else (f"user:{value}", f"device:{value}"):
                    self.links.setdefault(about, []).append(link(touchpoint))
        self.asked: set[str] = set()
        self.rounds = 0
        self.limits = Limits(**limits)
        self.splits = splits
        self.resolver = Resolver(self.limits, splits)

    def forget(self) -> None:
        self.asked, self.rounds = set(), 0
        self.resolver = Resolver(self.limits, self.splits)

    def reading(self, identifier: str) -> Reading:
        """With everything left out that a reader may leave out."""
        self.asked.add(identifier)
        reading = reading_of(identifier, self.links.get(identifier, ()))
        if identifier in self.limits.allowed:
            return reading
        counts: Counter[str] = Counter()
        room = self.limits.values_max_for(identifier) + 1
        for other in sorted(reading.pairs):
            counts[kind_of(other)] += 1
            if counts[kind_of(other)] > room:
                del reading.pairs[other]
        return Reading(pairs=reading.pairs, marks=() if room in counts.values() else reading.marks)

    def answer(self, *questions: Callable[[], Answer]) -> list[Answer]:
        while needed := self.resolver.needs(questions):
            assert not needed & self.asked, "asked twice"
            self.rounds += 1
            self.resolver.learn({identifier: self.reading(identifier) for identifier in needed})
        return [question() for question in questions]

    def customer(self, time: int, *identifiers: str) -> str:
        [customer] = self.answer(partial(self.resolver.customer, tuple(sorted(identifiers)), time))
        return customer

    def customers(self) -> list[str]:
        """Of all touchpoints, in one batch."""
        return self.answer(
            *(
                partial(self.resolver.customer, tuple(one["identifiers"]), one["occurred_at"])
                for one in self.touchpoints
            )
        )

    def stretches(self, identifier: str) -> list[tuple[int, str]]:
        [stretches] = self.answer(partial(self.resolver.stretches, identifier))
        return list(stretches)

    def people(self) -> People:
        """The same by brute force."""
        return People(
            self.touchpoints,
            [(split.one, split.other) for split in self.splits if not split.revoked],
            of_kind=self.limits.values_max_of_kind,
            values=self.limits.values_max,
            group=self.limits.group_max,
            allowed=self.limits.allowed,
            blocked=self.limits.blocked,
        )


def identifiers_of(touchpoints: Iterable[Row]) -> list[str]:
    """All that occur, the previous ids as users and as devices."""
    found = set()
    for touchpoint in touchpoints:
        for one in touchpoint["identifiers"]:
            value = one.removeprefix("previous:")
            found |= {one} if value == one else {f"user:{value}", f"device:{value}"}
    return sorted(found)


def touchpoint_of(time: int, number: int, few: int) -> Row:
    """One of few people, seldom alone, chosen by the digits of a number: quick to draw."""
    digits = Digits(number)
    users, cards, phones, devices = (names[:few] for names in (USERS, CARDS, PHONES, DEVICES))
    shape = digits.choose("anonymous", "login", "met", "alias", "receipt", "claim", "much", "much")
    user, device, contact = digits.choose(*users), digits.choose(*devices), digits.choose(*cards, *phones)
    another = digits.choose(*cards, *phones, *users, *devices)
    receipt, previous = digits.choose(*RECEIPTS), digits.choose(*users).replace("user:", "previous:")
    carried = {
        "anonymous": [device],
        "login": [user, device],
        "met": [contact, another],
        "alias": [user, previous, *digits.choose([], [], [device], [contact], [device, contact])],
        "receipt": [receipt],
        "claim": [receipt, another],
        "much": [another, *digits.choose([contact], [contact, receipt]), *digits.choose([], [PHONES[0]])],
    }[shape]
    if shape == "much":
        carried += digits.choose([], [] if another in USERS else [user], [] if another in DEVICES else [device])
    source, message_id, original = digits.choose("web", "till"), digits.choose(*"abcde"), digits.choose(5, 6)
    return {**at(time, *set(carried), name=message_id), "source": source, "original_timestamp": original}


def split_of(touchpoint: Row, number: int, revoked: bool) -> Split:
    """Two identifiers that were seen together, mostly."""
    here = identifiers_of([touchpoint])
    return Split(one=here[number % len(here)], other=here[(number // 4) % len(here)], revoked=revoked)


LIMITS = st.fixed_dictionaries(
    {
        "values_max": st.sampled_from((5, 3, 2, 1)),
        "values_max_of_kind": st.sampled_from(({"user": 20}, {"user": 3}, {"user": 1}, {"user": 3, "device": 1})),
        "group_max": st.sampled_from((100, 5, 3, 2)),
        "allowed": st.sampled_from((frozenset(), frozenset(("card:0", "user:0")))),
        "blocked": st.sampled_from((frozenset(), frozenset(("tel:0",)), frozenset(("user:1", "card:0", "device:0")))),
    }
)


@st.composite
def worlds(draw: st.DrawFn, size_max: int = 30) -> World:
    few = st.just(draw(st.sampled_from((5, 3, 2, 1))))
    one = st.builds(touchpoint_of, st.integers(1, 12), st.integers(0, 2**32), few)
    sent = draw(st.lists(one, min_size=draw(st.sampled_from((1, 1, size_max // 2))), max_size=size_max))
    chosen = draw(st.lists(st.tuples(st.integers(0, size_max), st.integers(0, 20), st.booleans()), max_size=5))
    splits = [split_of(sent[index % len(sent)], number, revoked) for index, number, revoked in chosen]
    corrected = draw(st.lists(st.tuples(st.integers(0, size_max), st.integers(1, 12)), max_size=3))
    copies = [{**sent[index % len(sent)], "occurred_at": time} for index, time in corrected]
    return World(*sent, *copies, splits=splits, **draw(LIMITS))
