"""From what a batch says to whose rows follow from it, and to what must be said to other owners (DESIGN 3.1, rules 7
and 8)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from stage_engine.fold import Bearing, bearing_of, one_per_identity
from stage_engine.identity.carried import carried
from stage_engine.identity.history import stands_for
from stage_engine.identity.identifier import is_device, is_user
from stage_engine.identity.link import link_at
from stage_engine.identity.resolve import EVER, NOBODY, Resolver, Stretches, whose_at
from stage_engine.touchpoint import Placed
from store.asking import Asking, Patience
from store.interface import Store
from store.touchpoint_columns import is_nobody
from stream.advance import Journeys, is_own
from stream.batch import Batch
from stream.customers import Due
from stream.identities import Identities
from stream.together import together
from stream.words import Words

Load = Callable[[Iterable[str]], Coroutine[Any, Any, dict[str, Journeys]]]
Unapplied = Callable[[str, Sequence[Placed]], list[Placed]]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from the word that identifiers have changed."""

    whose: dict[str, Stretches]
    """Whose each of them is now."""
    refolds: set[str]
    """Who is folded again here."""
    standing_alone: set[str]
    """Those of them whose group is past its bound."""
    gone: set[str]
    """Of whom there is nothing: a tombstone says that they were told."""
    unmoved: Mapping[str, Journeys]
    """Whose journeys stay what they are."""


async def look_again(
    changed: Mapping[str, int],
    foreseen: Mapping[str, Stretches],
    store: Store,
    patience: Patience,
    load: Load,
    identities: Identities,
    asking: Asking,
    words: Words,
    *,
    rows_missing: bool = False,
    rows_wrong: bool = False,
) -> Changes:
    """Rule 7, for identifiers whose owner was told, so often, that they have changed. Whoever they stand for is folded
    again here, or told to be where they live, because they may have been before the last touchpoints of these
    identifiers were routed. Not where all of these are known to have gone where they go now; nor for an identifier
    under which no fact is found, unless it has a journey; and a user who is their own customer only if their journey
    has others' touchpoints, which it may lose: what they gain they are told of by the identifiers that it is found
    under.

    Whoever was told gets a row in any case: a zombie that has read as far may have written another one, when whose they
    are was not what it is now.

    Of what nothing was ever derived no fact was ever routed, unless ``rows_missing``: then rows may be missing. With
    ``rows_wrong`` none is trusted. Of what was ``foreseen`` all is known."""
    here = sorted(one for one in changed if one not in foreseen)
    if not here:
        return Changes(whose={**foreseen}, refolds=set(), standing_alone=set(), gone=set(foreseen), unmoved={})
    resolver = asking.herald.all
    stretches, readings, known = await together(
        asking.answers([partial(resolver.stretches, one) for one in here]),
        asking.answers([partial(resolver.reading, one) for one in here]),
        load(one for one in here if not is_nobody(one)),
    )
    whose = dict(zip(here, stretches, strict=True))
    lent = {one for one, reading in zip(here, readings, strict=True) if reading.lent}
    living = {one for one in here if one in known and not is_gone(known[one])}
    settled = {one for one in here if identities.all_went(one, whose[one], changed[one])} - living - lent
    for one in here:
        identities.remember(one, whose[one])
    doubtful = [
        one
        for one in here
        if one not in living and one not in settled and (rows_missing or is_nobody(one) or one in known or one in lent)
    ]
    filed = await patience(partial(store.read_filed, doubtful)) if doubtful else set()
    weighty = sorted(living | filed)
    customers = await asking.answers([partial(stands_for, asking.herald, one) for one in weighty])
    unmoved = {
        one
        for one in weighty
        if not rows_wrong and is_user(one) and whose[one] == ((EVER, one),) and is_own(known.get(one))
    }
    refolds = {one for one in weighty if not is_nobody(one)} - unmoved
    for one, some in zip(weighty, customers, strict=True):
        refolds |= words.refold_beside(one, some - {one} if one in unmoved else some)
    gone = {one for one in here if not is_nobody(one)} - refolds - unmoved
    alone = await asking.answers([partial(_stands_alone, resolver, one) for one in here])
    return Changes(
        whose={**whose, **foreseen},
        refolds=refolds,
        standing_alone={one for one, is_alone in zip(here, alone, strict=True) if is_alone},
        gone=gone | foreseen.keys(),
        unmoved={one: known[one] for one in unmoved},
    )


async def foresee(
    changed: Iterable[str],
    is_cached: Callable[[str], bool],
    load: Load,
    identities: Identities,
    asking: Asking,
    words: Words,
    here: Collection[int],
) -> set[str]:
    """Find out at once what will follow from the word that identifiers of these partitions have changed, where that is
    simple: nothing was ever derived of them, so no fact was ever routed, and all that comes goes to others. The word
    goes into the log all the same; when it comes round, nothing needs to be read. Returns those identifiers."""
    new = [
        one
        for one in sorted(changed)
        if not (is_user(one) or is_nobody(one) or is_cached(one)) and words.partition_of(one) in here
    ]
    if not new:
        return set()
    resolver = asking.herald.all
    stretches, readings, known = await together(
        asking.answers([partial(resolver.stretches, one) for one in new]),
        asking.answers([partial(resolver.reading, one) for one in new]),
        load(new),
    )
    return {
        one
        for one, on, reading in zip(new, stretches, readings, strict=True)
        if one not in known
        and not reading.lent
        and not any(customer in (one, NOBODY) for _, customer in on)
        and identities.foresee(one, on)
    }


def _stands_alone(resolver: Resolver, identifier: str) -> bool:
    return not is_device(identifier) and not resolver.shared(identifier) and resolver.too_large(identifier)


async def route(
    batch: Batch,
    identities: Identities,
    load: Load,
    unapplied: Unapplied,
    asking: Asking,
    words: Words,
    here: Collection[int],
) -> tuple[Due, dict[str, Journeys]]:
    """Rule 8, for the batch's touchpoints: to whom each belongs, whose steps are due in these partitions, and what is
    known of these customers; what belongs to others is passed on.

    A home of which nothing was ever derived, or that has a journey, is its own customer as far as its owner was told,
    and whoever knows better has said so or will: ``changed`` leaves a tombstone at least. Others are asked about, and
    so is a new device or contact that is known to come with news: it need not be folded by itself first, and gets its
    tombstone at once, because of what has no row no fact was ever routed.

    What is passed on to another partition of ours is applied at once, too, if it is newer than all that its customer
    has: a batch later it might be late. The word still goes into the log, and has the row written again under its own
    version, which no zombie's can have."""
    known = await load({home for home in batch.homes if not is_nobody(home)} | batch.assigned.keys())
    steps: dict[str, list[Placed]] = {}
    mixed: set[str] = set()
    foreign: dict[str, list[Placed]] = {}
    new: set[str] = set()
    for home, placed in batch.homes.items():
        if home not in known and not is_nobody(home) and not is_user(home) and identities.is_expected(home):
            new.add(home)
        own = not (
            is_nobody(home)
            or home in batch.changed
            or home in asking.limits.blocked
            or home in new
            or is_gone(known.get(home))
        )
        (steps if own else foreign)[home] = placed
    refolds = set(batch.refolds)
    assigned = {customer: unapplied(customer, placed) for customer, placed in batch.assigned.items()}
    ahead: dict[str, list[Placed]] = {}
    for home, customer, one, others in await _whose(foreign, new, identities, asking) if foreign else ():
        refolds |= words.refold_beside(home, others)
        if customer == home and (home in new or (is_user(home) and is_own(known.get(home)))):
            steps.setdefault(home, []).append(one)
        elif customer == home:
            refolds.add(home)
        elif customer != NOBODY:
            partition = words.partition_of(customer)
            if partition == words.partition_of(home):
                assigned.setdefault(customer, []).append(one)
            else:
                words.assigned(customer, one[2])
                if partition in here:
                    ahead.setdefault(customer, []).append(one)
    passed_on_here = (assigned.keys() | ahead.keys()) - batch.assigned.keys() - known.keys()
    known |= await load(passed_on_here) if passed_on_here else {}
    ahead = {one: placed for one, placed in ahead.items() if _all_bear(Bearing.NEW, known.get(one), placed)}
    for customer, placed in ahead.items():
        assigned.setdefault(customer, []).extend(placed)
    unsure = {one: placed for one, placed in assigned.items() if not _all_bear(Bearing.KNOWN, known.get(one), placed)}
    agreed = dict(zip(unsure, await _agreed(unsure, asking), strict=True))
    for customer, placed in assigned.items():
        has_journey = customer in known and not is_gone(known[customer])
        if has_journey and all(agrees(customer, mine) for mine in agreed.get(customer, ())):
            steps[customer] = one_per_identity([*steps.get(customer, ()), *placed])
            mixed.add(customer)
        else:
            refolds.add(customer)
    due = Due(steps=steps, refolds=refolds, mixed=frozenset(mixed), ahead=ahead, gone=new - steps.keys() - refolds)
    return due, known


def _all_bear(bearing: Bearing, journeys: Journeys | None, placed: Sequence[Placed]) -> bool:
    """Whether all these touchpoints bear so on all journeys of a customer."""
    return journeys is not None and all(
        journey is not None and bearing_of(journey, one) is bearing for journey in journeys.values() for one in placed
    )


async def _agreed(assigned: Mapping[str, list[Placed]], asking: Asking) -> list[list[str]]:
    """For each customer the owner's own reading of whose these touchpoints are."""
    resolver = asking.herald.all

    def whose(placed: list[Placed]) -> list[str]:
        return resolver.together(partial(surely_whose, resolver, one) for one in placed)

    return await asking.answers([partial(whose, placed) for placed in assigned.values()])


def surely_whose(resolver: Resolver, one: Placed) -> str:
    """Whose a touchpoint is; nobody's when a copy of it may be somebody else's, because its clock was corrected and
    several people had its device."""
    order = one[0]
    customer = resolver.customer(order[3], order[0])
    device = carried(order[3]).device
    if order[0] != order[4] and device and _others(resolver.stretches(device), customer):
        return NOBODY
    return customer


async def _whose(
    foreign: Mapping[str, list[Placed]], new: Collection[str], identities: Identities, asking: Asking
) -> list[tuple[str, str, Placed, frozenset[str]]]:
    """``(home, customer, touchpoint, others)`` of all touchpoints whose home is perhaps not their customer. ``others``
    may hold a copy of it: a clock was corrected, and at another time its device was theirs."""
    resolver = asking.herald.all
    unknown = [home for home in foreign if identities.whose(home) is None]
    for home, stretches in zip(
        unknown, await asking.answers([partial(resolver.stretches, home) for home in unknown]), strict=True
    ):
        identities.remember(home, stretches)
    found: list[tuple[str, str, Placed, frozenset[str]]] = []
    beyond: list[tuple[str, Placed]] = []
    for home, placed in foreign.items():
        stretches = identities.whose(home) or await _one(resolver.stretches, home, asking)
        identities.routed(home, stretches, first=home in new)
        for one in placed:
            customer = whose_at(stretches, one[0][0])
            if customer == NOBODY and len(one[0][3]) > 1:
                beyond.append((home, one))
            else:
                found.append((home, customer, one, _others(stretches, customer)))
    customers = await asking.answers([partial(resolver.customer, one[0][3], one[0][0]) for _, one in beyond])
    devices = [carried(one[0][3]).device for _, one in beyond]
    lent = await asking.answers([partial(resolver.stretches, device) for device in devices if device])
    stretches_of = dict(zip(filter(None, devices), lent, strict=True))
    for (home, one), customer, device in zip(beyond, customers, devices, strict=True):
        found.append((home, customer, one, _others(stretches_of.get(device, ()), customer)))
    doubtful = [link_at(one[0]) for _, _, one, others in found if others]
    corrected = await asking.corrected(doubtful)
    return [
        (home, customer, one, others if one[1] in corrected else frozenset()) for home, customer, one, others in found
    ]


def _others(stretches: Stretches, customer: str) -> frozenset[str]:
    """Who else has had a device."""
    return frozenset(other for _, other in stretches) - {customer, NOBODY} if len(stretches) > 1 else frozenset()


async def _one(stretches: Callable[[str], Stretches], home: str, asking: Asking) -> Stretches:
    """More homes in one batch than are remembered."""
    [found] = await asking.answers([partial(stretches, home)])
    return found


def agrees(customer: str, mine: str) -> bool:
    """Whether a touchpoint that somebody passed on to a customer is theirs by their owner's own reading: the sender may
    be behind, or a zombie."""
    return customer == mine


def is_gone(journeys: Journeys | None) -> bool:
    """Whether there is nothing left of a customer, or perhaps nothing."""
    return journeys is not None and any(journey is None for journey in journeys.values())
