"""One customer: who they are, where they are, what they did last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from explore.answers import (
    Customer,
    CustomerIdentifier,
    CustomerTouchpoint,
    State,
    Stretch,
    Visit,
    moment,
)
from explore.asked import Typed, seen
from explore.refusals import Code, RefusedError
from explore.why import why_shared
from stage_engine.identity.history import candidates
from stage_engine.identity.identifier import is_receipt
from stage_engine.identity.limits import Limits
from stage_engine.identity.resolve import EVER, NOBODY, Stretches
from store.asking import Asking, fresh_asking
from store.clickhouse import ClickHouseStore
from store.customer_rows import Row, read_last_touchpoints, read_states, read_visits
from store.identity_rows import list_decisions

IDENTIFIERS_MAX: Final = 1_000
"""Identifiers in an answer: a busy household has a few dozen."""
VISITS_MAX: Final = 1_000
"""Stage visits of each model in an answer."""
TOUCHPOINTS_MAX: Final = 1_000
"""Most touchpoints that can be asked for."""


async def customer(store: ClickHouseStore, limits: Limits, asked: Typed, touchpoints: int) -> Customer:
    """The customer that the identifier leads to today, with the last ``touchpoints`` touchpoints. Who is who is as of
    now; stages and touchpoints are as far as the worker is. Raises ``RefusedError`` and ``StoreError``."""
    identifier = await seen(store, asked)
    asking = await fresh_asking(store, limits)
    resolver = asking.herald.all
    [stretches] = await asking.answers([partial(resolver.stretches, identifier)])
    customer_id = stretches[-1][1]
    if customer_id == NOBODY:
        raise RefusedError(Code.NOBODYS, await _nobodys(store, identifier, asking))
    [found] = await asking.answers([partial(candidates, asking.herald, customer_id)])
    shown = sorted(found | {customer_id})[:IDENTIFIERS_MAX]
    whose = await asking.answers([partial(resolver.stretches, one) for one in shown])
    states = await read_states(store, customer_id)
    visits = await read_visits(store, customer_id, VISITS_MAX)
    last = await read_last_touchpoints(store, customer_id, touchpoints) if touchpoints else []
    return Customer(
        asked=identifier,
        customer_id=customer_id,
        asked_stretches=stretches_of(stretches),
        identifiers=tuple(_identifier(one, some) for one, some in zip(shown, whose, strict=True)),
        identifiers_count=len(found | {customer_id}),
        traits={},
        consent=None,
        models=tuple(_state(state, visits) for state in states),
        touchpoints=tuple(CustomerTouchpoint.model_validate(_timed(row)) for row in last),
    )


def stretches_of(stretches: Stretches) -> tuple[Stretch, ...]:
    """As an answer has them."""
    ends: Sequence[int | None] = [*(since for since, _ in stretches[1:]), None]
    return tuple(
        Stretch(
            customer_id=whose or None,
            valid_from=None if since == EVER else moment(since),
            valid_to=moment(until),
        )
        for (since, whose), until in zip(stretches, ends, strict=True)
    )


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


def _identifier(identifier: str, stretches: Stretches) -> CustomerIdentifier:
    kind, _, value = identifier.partition(":")
    return CustomerIdentifier(identifier=identifier, kind=kind, value=value, stretches=stretches_of(stretches))


def _state(state: Row, visits: Iterable[Row]) -> State:
    own = tuple(Visit.model_validate(_timed(visit)) for visit in visits if visit["model"] == state["model"])
    return State.model_validate({**_timed(state), "visits": own})


def _timed(row: Row) -> dict[str, Any]:
    return {name: moment(value) if name.endswith(("_at", "_since")) else value for name, value in row.items()}
