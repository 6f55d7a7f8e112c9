"""The reading: what all links of one identifier say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from operator import itemgetter

import msgspec

from stage_engine.identity.carried import carried
from stage_engine.identity.identifier import is_device, is_user, kind_of
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link
from stage_engine.touchpoint import OrderKey


class Pair(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """Two identifiers that were seen together."""

    first: OrderKey
    """The first touchpoint that carries both."""
    newest: OrderKey
    """The last."""
    into: str = ""
    """Of two users: the one that the newest alias names."""
    settled: OrderKey | None = None
    """The first settled link that carries both. Decides nothing about who is who, here as in ``Mark``."""


class Mark(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """Somebody was identified on a device."""

    order: OrderKey
    people: tuple[str, ...]
    """The user first, then the contacts in byte order."""
    settled: bool = False
    """Whether everybody concerned was told."""
    moved: bool = False
    """Whether copies with other times are there: of all of them the smallest counts."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """All that is ever asked about an identifier. It is small, because whoever reads may leave out

    * of an identifier that is not ``allowed``, settled pairs beyond one more than its limit with others of one kind,
      and then all pairs that are not settled: it is shared, whatever these are;
    * the marks of a device that settled pairs alone make shared;
    * of a device's marks those that follow one that says as much, and are told as it is (``repeats``).
    """

    pairs: dict[str, Pair] = {}
    """By the other identifier: users and contacts, never devices nor receipts' own keys."""
    marks: tuple[Mark, ...] = ()
    """Of a device, in total order."""
    lent: bool = False
    """Whether touchpoints without a user, filed under another identifier, perhaps carry it. Decides nothing about who
    is who."""

    def told(self) -> Reading:
        """What settled links alone say about who was seen with whom."""
        if not self.pairs:
            return NOTHING
        return Reading(pairs={other: pair for other, pair in self.pairs.items() if pair.settled})


NOTHING = Reading()
"""Of an identifier without links."""


def reading_of(identifier: str, links: Iterable[Link]) -> Reading:
    """The reading from the links that carry ``identifier`` (for a user or device, an alias's previous id of that value
    counts); copies and links of others do no harm."""
    copies: dict[tuple[object, ...], dict[int, Link]] = {}
    for link in links:
        times = copies.setdefault(link.order[1:], {})
        if link.settled or link.occurred_at not in times:
            times[link.occurred_at] = link
    pairs: dict[str, Pair] = {}
    marks: list[Mark] = []
    lent = False
    for times in sorted(copies.values(), key=lambda some: some[min(some)].order):
        link = times[min(times)]
        said, order = carried(link.identifiers), link.order
        lent = lent or said.lends(identifier)
        told = min((one.order for one in times.values() if one.settled), default=None)
        for other in said.seen_with(identifier):
            known = pairs.get(other)
            before = known.settled if known else None
            pairs[other] = Pair(
                first=known.first if known else order,
                newest=order,
                into=said.user if is_user(identifier) and is_user(other) else "",
                settled=min(filter(None, (before, told)), default=None),
            )
        people = said.marks(identifier) if is_device(identifier) else ()
        mark = Mark(order=order, people=people, settled=link.settled, moved=len(times) > 1)
        if people and (not marks or not repeats(mark, marks[-1])):
            marks.append(mark)
    return Reading(pairs=pairs, marks=tuple(marks), lent=lent)


def repeats(mark: Mark, before: Mark) -> bool:
    """Whether a mark says nothing that the one just before it does not say: whoever of its people counts, counted
    before them, too."""
    alike = mark.settled == before.settled and not mark.moved and not before.moved
    return alike and is_part(mark.people, before.people)


def is_part(people: tuple[str, ...], of: tuple[str, ...]) -> bool:
    """Whether these are the first of those, or all."""
    return people == of[: len(people)]


def bounded(identifier: str, reading: Reading, limits: Limits) -> Reading:
    """The reading without what it may leave out for the limits."""
    if identifier in limits.allowed:
        return reading
    counts: Counter[str] = Counter()
    room = limits.values_max_for(identifier) + 1
    kept: dict[str, Pair] = {}
    for other, pair in sorted(reading.told().pairs.items(), key=itemgetter(0)):
        counts[kind_of(other)] += 1
        if counts[kind_of(other)] <= room:
            kept[other] = pair
    return reading if max(counts.values(), default=0) < room else Reading(pairs=kept, lent=reading.lent)
