"""The customer that an identifier leads to today."""

from __future__ import annotations

from functools import partial

import msgspec

from explore.asked import Typed, seen
from explore.refusals import Code, RefusedError
from explore.why import why_shared
from stage_engine.identity.identifier import is_receipt
from stage_engine.identity.limits import Limits
from stage_engine.identity.resolve import NOBODY, Stretches
from store.asking import Asking, fresh_asking
from store.clickhouse import ClickHouseStore
from store.identity_rows import list_decisions


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose an identifier is."""

    asked: str
    """The identifier, in the form that touchpoints have."""
    customer_id: str
    stretches: Stretches
    """Whose the identifier is at what times."""
    asking: Asking
    """What was read to find out: go on with it, and the answers fit together."""


async def owner_of(store: ClickHouseStore, limits: Limits, asked: Typed) -> Owner:
    """Raises ``RefusedError`` for an identifier that was never seen or is nobody's today, and ``StoreError``."""
    identifier = await seen(store, asked)
    asking = await fresh_asking(store, limits)
    [stretches] = await asking.answers([partial(asking.herald.all.stretches, identifier)])
    customer_id = stretches[-1][1]
    if customer_id == NOBODY:
        raise RefusedError(Code.NOBODYS, await _nobodys(store, identifier, asking))
    return Owner(asked=identifier, customer_id=customer_id, stretches=stretches, asking=asking)


async def _nobodys(store: ClickHouseStore, identifier: str, asking: Asking) -> str:
    resolver = asking.herald.all
    if not resolver.shared(identifier):
        return (
            f"{identifier} is the key of a receipt that nobody has claimed, and so nobody's."
            if is_receipt(identifier)
            else f"{identifier} is nobody's today."
        )
    reason = why_shared(identifier, resolver, await list_decisions(store, ("block",)))
    return f"{identifier} is shared, and so nobody's: {reason}. To use it in spite of that: tappa shared allow."
