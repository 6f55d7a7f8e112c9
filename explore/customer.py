"""One customer: who they are, where they are, what they did last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import orjson

from explore.answers import (
    Customer,
    CustomerIdentifier,
    CustomerTouchpoint,
    State,
    Stretch,
    Trait,
    Visit,
    moment,
)
from explore.asked import Typed
from explore.owner import owner_of
from stage_engine.identity.history import candidates
from stage_engine.identity.identifier import is_user
from stage_engine.identity.limits import Limits
from stage_engine.identity.resolve import EVER, Stretches
from stage_engine.touchpoint import OrderKey
from store.asking import Asking
from store.clickhouse import ClickHouseStore
from store.customer_rows import (
    Beginning,
    Places,
    Row,
    read_beginnings,
    read_beyond,
    read_last_touchpoints,
    read_states,
    read_told,
    read_visits,
)

IDENTIFIERS_MAX: Final = 1_000
"""Identifiers in an answer: a busy household has a few dozen."""
VISITS_MAX: Final = 1_000
"""Stage visits of each model in an answer."""
TOUCHPOINTS_MAX: Final = 1_000
"""Most touchpoints that can be asked for."""


async def customer(
    store: ClickHouseStore, limits: Limits, asked: Typed, touchpoints: int, default_model: str
) -> Customer:
    """The customer that the identifier leads to today, with the last ``touchpoints`` touchpoints and the stages of the
    ``default_model`` that these found them in. Who is who is as of now; stages are as far as the worker is. Reads what
    is theirs and nothing else. Raises ``RefusedError`` and ``StoreError``."""
    owner = await owner_of(store, limits, asked)
    asking, customer_id = owner.asking, owner.customer_id
    resolver = asking.herald.all
    [found] = await asking.answers([partial(candidates, asking.herald, customer_id)])
    names = sorted(found | {customer_id})
    whose = dict(zip(names, await asking.answers([partial(resolver.stretches, one) for one in names]), strict=True))
    places = Places(stretches=whose, customer=customer_id, beyond=await _beyond(store, asking, names, customer_id))
    states = await read_states(store, customer_id)
    visits = await read_visits(store, customer_id, VISITS_MAX)
    beginnings = await read_beginnings(store, customer_id, default_model)
    told = await read_told(store, places)
    last = await read_last_touchpoints(store, places, touchpoints) if touchpoints else []
    return Customer(
        asked=owner.asked,
        customer_id=customer_id,
        asked_stretches=stretches_of(owner.stretches),
        identifiers=tuple(_identifier(one, whose[one]) for one in names[:IDENTIFIERS_MAX]),
        identifiers_count=len(names),
        traits=_traits(told, "trait"),
        group_traits=_traits(told, "group trait"),
        consent={row["name"]: row["value"] == "true" for row in told if row["kind"] == "consent"},
        models=tuple(_state(state, visits) for state in states),
        touchpoints=tuple(_touchpoint(row, beginnings) for row in last),
    )


async def _beyond(
    store: ClickHouseStore, asking: Asking, names: Sequence[str], customer_id: str
) -> tuple[OrderKey, ...]:
    """The customer's touchpoints that are filed under a shared contact or an unclaimed receipt."""
    found = await read_beyond(store, [one for one in names if not is_user(one)])
    whose = await asking.answers([partial(asking.herald.all.customer, order[3], order[0]) for order in found])
    return tuple(order for order, one in zip(found, whose, strict=True) if one == customer_id)


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


def _identifier(identifier: str, stretches: Stretches) -> CustomerIdentifier:
    kind, _, value = identifier.partition(":")
    return CustomerIdentifier(identifier=identifier, kind=kind, value=value, stretches=stretches_of(stretches))


def _traits(told: Iterable[Row], kind: str) -> dict[str, Trait]:
    return {
        row["name"]: Trait(
            value=_value(row["value"]), at=datetime.fromtimestamp(row["at"] / 1000, UTC), source=row["source"]
        )
        for row in told
        if row["kind"] == kind
    }


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # a number that is too large for orjson, at worst
        return text


def _touchpoint(row: Row, beginnings: Sequence[Beginning]) -> CustomerTouchpoint:
    place = (row["message_id"], row["source"], tuple(row["identifiers"]), row["original_timestamp"])
    at = row["occurred_at"]
    visit = sum(
        one.entered_at < at or (one.entered_at == at and one.cause <= place) for one in beginnings
    )  # they come in order
    began = visit > 0 and (beginnings[visit - 1].entered_at, beginnings[visit - 1].cause) == (at, place)
    stages = ["", *(one.stage for one in beginnings)]
    return CustomerTouchpoint.model_validate(
        {**_timed(row), "stage_before": stages[visit - began], "stage_after": stages[visit]}
    )


def _state(state: Row, visits: Iterable[Row]) -> State:
    own = tuple(Visit.model_validate(_timed(visit)) for visit in visits if visit["model"] == state["model"])
    return State.model_validate({**_timed(state), "visits": own})


def _timed(row: Row) -> dict[str, Any]:
    return {name: moment(value) if name.endswith(("_at", "_since")) else value for name, value in row.items()}
