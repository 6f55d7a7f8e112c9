"""Where a customer's touchpoints lie, and for whom an identifier stands."""

from __future__ import annotations

from functools import partial

from stage_engine.identity.identifier import is_device, is_receipt, is_user, names
from stage_engine.identity.news import Herald
from stage_engine.identity.resolve import NOBODY, Resolver


def candidates(herald: Herald, customer: str) -> frozenset[str]:
    """The identifiers under which touchpoints of the customer may be found: as home, or, but for users, as any of
    theirs. Empty when it is no customer today. Shared ones are not among them, unless it is itself one."""
    resolver = herald.all
    if [whose for _, whose in resolver.stretches(customer)] != [customer]:
        return frozenset()
    if is_device(customer) or resolver.shared(customer):
        return frozenset((customer,))
    people = set(resolver.group(customer))
    if is_user(customer):
        contacts = {other for reading in herald.readings(people) for other in reading.pairs if not is_user(other)}
        for group in resolver.together(partial(_owned_group, resolver, one, customer) for one in sorted(contacts)):
            people |= group
    places = sorted(herald.placed(people))
    whose = resolver.together(partial(resolver.stretches, place) for place in places)
    return frozenset(people) | {
        place for place, stretches in zip(places, whose, strict=True) if customer in (one for _, one in stretches)
    }


def _owned_group(resolver: Resolver, contact: str, customer: str) -> frozenset[str]:
    return resolver.group(contact) if resolver.owner(contact) == customer else frozenset()


def stands_for(herald: Herald, identifier: str) -> frozenset[str]:
    """The customers that an identifier stands for now; for a device everybody who was identified on it, whether that
    counts or not: they may have been folded as if it did. For one that passes its touchpoints on, whoever may get
    them: the customers of all that was seen with it."""
    resolver = herald.all
    beside: frozenset[str] = frozenset()
    if is_device(identifier):
        beside = frozenset(filter(names, herald.neighbours([identifier])))
    elif passes_on(resolver, identifier):
        beside = herald.neighbours([identifier])
    whose = resolver.together(partial(resolver.stretches, one) for one in [identifier, *sorted(beside)])
    return frozenset(customer for stretches in whose for _, customer in stretches) - {NOBODY}


def passes_on(resolver: Resolver, identifier: str) -> bool:
    """Whether touchpoints filed under it may belong to others that they carry: a shared contact's, and those of a
    receipt's own key, which is nobody's or its claimants'."""
    return is_receipt(identifier) or (not is_user(identifier) and resolver.shared(identifier))
