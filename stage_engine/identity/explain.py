"""Why two identifiers are one customer, or why they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, Literal

import msgspec

from stage_engine.identity.identifier import is_device, is_user, names
from stage_engine.identity.news import Herald
from stage_engine.identity.resolve import NOBODY, Resolver
from stage_engine.touchpoint import OrderKey

Verdict = Literal["joined", "shared", "split", "too_large", "other_person", "never_met"]
"""``joined``: one customer (a device: for some stretch of time). Otherwise what keeps them apart: a shared identifier
that joins nothing, a split, a group that is past its bound; ``other_person``: a chain of touchpoints leads from one to
the other, but through two users, or over a device or contact that belongs to somebody else; no chain at all."""


class Step(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """A touchpoint that carries two identifiers."""

    one: str
    other: str
    touchpoint: OrderKey
    """The first that says so."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "why are these one customer?"."""

    verdict: Verdict
    customer_id: str = NOBODY
    """The one customer, when they are joined."""
    chain: tuple[Step, ...] = ()
    """From one to the other, the shortest: that joins them, or that would, were it not for the verdict. Empty when none
    was found: of what is shared not everything is read, and a device and a receipt do not know of each other."""
    because: tuple[str, ...] = ()
    """The identifiers that keep them apart: the shared ones, the two of a split, those whose group is too large."""


EXPANDED_MAX: Final = 100
"""Identifiers that are gone on from to find a chain between two that are not joined: whoever needs more of them has met
by chance."""

Neighbours = dict[str, OrderKey]
"""Identifiers that were seen with one, and the touchpoint that says so."""
Graph = dict[str, dict[str, OrderKey | None]]
"""Who was seen with whom, from both ends; None: by which touchpoint is still to be read."""
Way = list[tuple[str, str]]
"""From one to the other over neighbours."""


def explain(herald: Herald, one: str, other: str) -> Explanation:
    """Raises ``UnreadError`` until everything was read. Links written between two rounds of reading may leave two that
    are one customer without a chain, although they differ: whoever reads them asks again."""
    resolver = herald.all
    both = _customers(resolver, one) & _customers(resolver, other)
    if not both:
        return _apart(herald, one, other)
    chains = [(_joined(resolver, one, other, customer), customer) for customer in sorted(both)]
    found = [(chain, customer) for chain, customer in chains if chain is not None]
    chain, customer = min(found or [((), min(both))], key=lambda found: len(found[0]))
    return Explanation(verdict="joined", customer_id=customer, chain=chain)


def _customers(resolver: Resolver, identifier: str) -> set[str]:
    return {customer for _, customer in resolver.stretches(identifier)} - {NOBODY}


def _joined(resolver: Resolver, one: str, other: str, customer: str) -> tuple[Step, ...] | None:
    """The chain within the customer's own identifiers: the rules that made them one have walked it. None when what was
    read contradicts itself."""

    def walk(name: str) -> Neighbours:
        if is_device(name):
            return _identified(resolver, name, customer)
        near = _counts(resolver, name)
        theirs = _belonging(resolver, near, customer)
        return {neighbour: order for neighbour, order in near.items() if neighbour in theirs}

    graph = _graph(resolver, one, other, walk)
    way = _way(graph, one, other)
    return None if way is None else _steps(graph, way)


def _belonging(resolver: Resolver, identifiers: Iterable[str], customer: str) -> set[str]:
    """Those that are the customer's, asking for all at once."""
    identifiers = tuple(identifiers)
    whose = resolver.together(partial(_customers, resolver, one) for one in identifiers)
    return {one for one, customers in zip(identifiers, whose, strict=True) if customer in customers}


def _identified(resolver: Resolver, device: str, customer: str) -> Neighbours:
    """Of the people of the marks that made a device the customer's, those who are the customer's, too."""
    marked = dict(resolver.marked(device))
    marks = [mark for mark in resolver.reading(device).marks if mark.order in marked]
    theirs = _belonging(resolver, dict.fromkeys(one for mark in marks for one in mark.people), customer)
    return {
        one: mark.order
        for mark in reversed(marks)
        if marked[mark.order] in theirs
        for one in mark.people
        if one in theirs and not resolver.shared(one) and not resolver.apart(device, one)
    }


def _counts(resolver: Resolver, name: str) -> Neighbours:
    """Whom a user or contact is joined to directly."""
    group = resolver.group(name)
    return {
        other: pair.first
        for other, pair in resolver.reading(name).pairs.items()
        if not resolver.apart(name, other) and (other in group or (is_user(other) and not is_user(name)))
    }


def _apart(herald: Herald, one: str, other: str) -> Explanation:
    """What keeps two apart that are not one customer."""
    resolver = herald.all
    graph = _graph(resolver, one, other, partial(_met, herald), EXPANDED_MAX)
    untold: set[str] = set()
    while way := _way(graph, one, other):
        unread = [(name, far) for name, far in way if graph[name][far] is None]
        for name, far in unread:
            place, person = (far, name) if names(name) else (name, far)
            pair = resolver.reading(place).pairs.get(person)
            if pair is not None:
                graph[name][far] = graph[far][name] = pair.first
            else:  # of a shared one not everything is read; of others an alias tells of more than was seen together
                del graph[name][far], graph[far][name]
                untold |= {place} if resolver.shared(place) else set()
        if not unread:
            break
    chain = _steps(graph, way or [])
    if untold and not chain:
        return Explanation(verdict="shared", because=tuple(sorted(untold)))
    for verdict, because in _obstacles(resolver, one, other, chain):
        if because:
            return Explanation(verdict=verdict, chain=chain, because=tuple(sorted(because)))
    places = not (names(one) or names(other))  # a device and a receipt: their readings do not tell of each other
    met = bool(chain) or (places and other in herald.neighbours((one,)))
    return Explanation(verdict="other_person" if met else "never_met", chain=chain)


def _met(herald: Herald, name: str) -> dict[str, OrderKey | None]:
    """Whom an identifier was seen with, whether it counts or not; nobody for a shared one. Readings of people do not
    tell of devices and receipts: by which touchpoint they met, these are asked."""
    if herald.all.shared(name):
        return {}
    near: dict[str, OrderKey | None] = {other: pair.first for other, pair in herald.all.reading(name).pairs.items()}
    return near | dict.fromkeys(herald.placed((name,))) if names(name) else near


def _graph(
    resolver: Resolver,
    one: str,
    other: str,
    walk: Callable[[str], Mapping[str, OrderKey | None]],
    expanded_max: int | None = None,
) -> Graph:
    """Where the walk leads from both, made symmetric: whom only one of two knows of is found from its side."""
    graph: Graph = {one: {}, other: {}}
    level, room = [one, other], expanded_max
    while level := level[:room]:
        reached = resolver.together(partial(walk, name) for name in level)
        met = set(graph)
        for name, near in zip(level, reached, strict=True):
            for neighbour, order in near.items():
                known = order or graph[name].get(neighbour)
                graph[name][neighbour] = graph.setdefault(neighbour, {})[name] = known
        room = None if room is None else room - len(level)
        level = sorted(graph.keys() - met)
    return graph


def _way(graph: Graph, one: str, other: str) -> Way | None:
    """The shortest, of several the first in byte order from the smaller end; None when there is none."""
    if other < one:
        way = _way(graph, other, one)
        return None if way is None else [(far, name) for name, far in reversed(way)]
    came_from = {one: ""}
    for name in (waiting := [one]):
        if name == other:
            break
        for neighbour in sorted(graph.get(name, {})):
            if neighbour not in came_from:
                came_from[neighbour] = name
                waiting.append(neighbour)
    if other not in came_from:
        return None
    found: Way = []
    while other != one:
        found.append((came_from[other], other))
        other = came_from[other]
    return found[::-1]


def _steps(graph: Graph, way: Way) -> tuple[Step, ...]:
    met = ((name, far, graph[name][far]) for name, far in way)
    return tuple(Step(one=name, other=far, touchpoint=order) for name, far, order in met if order is not None)


def _obstacles(resolver: Resolver, one: str, other: str, chain: tuple[Step, ...]) -> Iterator[tuple[Verdict, set[str]]]:
    """What may keep two identifiers apart, on the chain between them or by themselves, the gravest first."""
    on_the_way = {one, other, *(step.one for step in chain)}
    yield "shared", {name for name in on_the_way if resolver.shared(name)}
    yield "split", {name for step in chain if resolver.apart(step.one, step.other) for name in (step.one, step.other)}
    yield "too_large", {name for name in on_the_way if not is_device(name) and resolver.too_large(name)}
