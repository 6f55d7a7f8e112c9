"""Customers' histories, found where the links say."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from itertools import chain

from stage_engine.identity.history import candidates
from stage_engine.identity.identifier import is_user
from stage_engine.touchpoint import Touchpoint
from store.asking import Asking, Patience, at_once
from store.interface import Store


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
