"""Why two identifiers are one customer, or why they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import msgspec

from stage_engine.identity.identifier import is_device, is_user
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
    """From one to the other, the shortest: that joins them, or that would, were it not for the verdict."""
    because: tuple[str, ...] = ()
    """The identifiers that keep them apart: the shared ones, the two of a split, those whose group is too large."""


Neighbours = dict[str, OrderKey]
"""Identifiers that were seen with one, and the touchpoint that says so."""


def explain(resolver: Resolver, one: str, other: str) -> Explanation:
    """Raises ``UnreadError`` until everything was read: ask by ``Resolver.needs``."""
    both = _customers(resolver, one) & _customers(resolver, other)
    chains = [(chain, customer) for customer in sorted(both) for chain in [_joined(resolver, one, other, customer)]]
    if chains:
        chain, customer = min(chains, key=lambda found: len(found[0]))
        return Explanation(verdict="joined", customer_id=customer, chain=chain)
    seen = _graph(resolver, one, other, partial(_met, resolver), resolver.limits.group_max)
    apart = _chain(seen, one, other) or ()
    for verdict, because in _obstacles(resolver, one, other, apart):
        if because:
            return Explanation(verdict=verdict, chain=apart, because=tuple(sorted(because)))
    return Explanation(verdict="other_person" if apart else "never_met", chain=apart)


def _customers(resolver: Resolver, identifier: str) -> set[str]:
    return {customer for _, customer in resolver.stretches(identifier)} - {NOBODY}


def _joined(resolver: Resolver, one: str, other: str, customer: str) -> tuple[Step, ...]:
    """The chain within the customer's own identifiers: the rules that made them one have walked it."""

    def walk(name: str) -> Neighbours:
        near = _counts(resolver, name)
        resolver.together(partial(resolver.stretches, neighbour) for neighbour in near)
        return {neighbour: order for neighbour, order in near.items() if customer in _customers(resolver, neighbour)}

    chain = _chain(_graph(resolver, one, other, walk), one, other)
    assert chain is not None, "one customer, and no chain of touchpoints says so"
    return chain


def _counts(resolver: Resolver, name: str) -> Neighbours:
    """Whom an identifier is joined to directly."""
    if is_device(name):
        return {person: order for order, person in reversed(resolver.marked(name))}
    group = resolver.group(name)
    return {
        other: pair.first
        for other, pair in resolver.reading(name).pairs.items()
        if not resolver.apart(name, other) and (other in group or (is_user(other) and not is_user(name)))
    }


def _met(resolver: Resolver, name: str) -> Neighbours:
    """Whom an identifier was seen with, whether it counts or not; nobody for a shared one. A user leads to users only,
    as everywhere."""
    if resolver.shared(name):
        return {}
    pairs = resolver.reading(name).pairs
    return {other: pair.first for other, pair in pairs.items() if is_user(other) or not is_user(name)}


def _graph(
    resolver: Resolver, one: str, other: str, walk: Callable[[str], Neighbours], expanded_max: int | None = None
) -> dict[str, Neighbours]:
    """Where the walk leads from both, made symmetric: what a user was seen with is found from the other's side."""
    graph: dict[str, Neighbours] = {one: {}, other: {}}
    level, expanded = [one, other], 0
    while level and (expanded_max is None or expanded < expanded_max):
        reached = resolver.together(partial(walk, name) for name in level)
        met = set(graph)
        for name, near in zip(level, reached, strict=True):
            for neighbour, order in near.items():
                graph[name][neighbour] = order
                graph.setdefault(neighbour, {})[name] = order
        expanded += len(level)
        level = sorted(graph.keys() - met)
    return graph


def _chain(graph: dict[str, Neighbours], one: str, other: str) -> tuple[Step, ...] | None:
    """The shortest chain, of several the first in byte order; None when there is none."""
    ways: dict[str, tuple[Step, ...]] = {one: ()}
    for name in (waiting := [one]):
        if name == other:
            return ways[name]
        for neighbour, order in sorted(graph.get(name, {}).items()):
            if neighbour not in ways:
                ways[neighbour] = (*ways[name], Step(one=name, other=neighbour, touchpoint=order))
                waiting.append(neighbour)
    return None


def _obstacles(resolver: Resolver, one: str, other: str, chain: tuple[Step, ...]) -> Iterator[tuple[Verdict, set[str]]]:
    """What may keep two identifiers apart, on the chain between them or by themselves, the gravest first."""
    on_the_way = {one, other, *(step.one for step in chain)}
    yield "shared", {name for name in on_the_way if resolver.shared(name)}
    yield "split", {name for step in chain if resolver.apart(step.one, step.other) for name in (step.one, step.other)}
    yield "too_large", {name for name in on_the_way if not is_device(name) and resolver.too_large(name)}
