"""Customers' histories, found where the links say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from stage_engine.fold import one_per_identity
from stage_engine.identity.history import candidates
from stage_engine.identity.identifier import is_user
from stage_engine.reads import Reads
from stage_engine.touchpoint import Placed, Touchpoint, place
from store.asking import Asking, Patience, at_once, chunks
from store.interface import Fold, Standing, Store

History = tuple[str, list[Placed], bool]
"""A customer, all that is theirs, in total order and without copies, and whether it is filed under their own
identifier."""


async def read_histories(
    store: Store, customers: Collection[str], asking: Asking, patience: Patience = at_once
) -> dict[str, list[Touchpoint]]:
    """All touchpoints of these customers, by customer, in no particular order; perhaps some of others', whose
    history is then not whole."""
    herald = asking.herald
    found = await asking.answers([partial(candidates, herald, one) for one in customers])
    homes = sorted(frozenset().union(*found))
    filed = await patience(partial(store.read_touchpoints, homes))
    others = [home for home in homes if not is_user(home)]
    linked = await patience(partial(store.read_linked, others)) if others else []
    facts = {one.identity: one for one in chain(*filed.values(), linked)}
    whose = await asking.answers(
        [partial(herald.all.customer, one.identifiers, one.occurred_at) for one in facts.values()]
    )
    histories: dict[str, list[Touchpoint]] = {}
    for customer_id, one in zip(whose, facts.values(), strict=True):
        histories.setdefault(customer_id, []).append(one)
    return histories


class Slice(NamedTuple):
    """Some customers, as ``Store.read_standings`` takes them."""

    begin: int
    end: int
    partitions: Collection[int]
    partitions_count: int


async def read_slice(
    store: Store, of: Fold, among: Slice, reads: Reads, patience: Patience = at_once
) -> tuple[list[Standing], list[History]]:
    """How the customers of a slice stand, and the histories of those all of whose touchpoints are filed under their own
    identifier, as that says: nobody has to be asked who is who. What only conditions read is there as far as
    these ``reads`` say."""
    standings = await patience(partial(store.read_standings, of, *among))
    alone = [one.customer_id for one in standings if one.own and not one.gone]
    filed = await patience(partial(store.read_filed_between, *among, reads)) if alone else {}
    return standings, [(one, one_per_identity(filed.get(one, ())), True) for one in alone]


async def read_resolved(
    store: Store, customers: Sequence[str], asking: Asking, size: int, patience: Patience = at_once
) -> AsyncIterator[History]:
    """The histories of these customers, found where the links say: ``size`` customers at once."""
    for some in chunks(customers, size):
        histories = await read_histories(store, some, asking, patience)
        for customer_id in some:
            history = histories.get(customer_id, [])
            own = all(one.home == customer_id for one in history)
            yield customer_id, one_per_identity(map(place, history)), own
