"""Why two identifiers are one customer, or why they are not: the engine's explanation, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from explore.answers import Obstacle, Step, TouchpointName, Why
from explore.asked import Typed, seen
from explore.refusals import Code, RefusedError
from stage_engine.identity.explain import Explanation, explain
from stage_engine.identity.identifier import kind_of
from stage_engine.identity.limits import Limits
from stage_engine.identity.resolve import Resolver
from stage_engine.touchpoint import OrderKey
from store.asking import Asking, fresh_asking
from store.clickhouse import ClickHouseStore
from store.identity_rows import Seen, list_decisions, read_seen
from store.interface import Decision

ATTEMPTS: Final = 3
"""At an explanation while links are being written."""


async def why(store: ClickHouseStore, limits: Limits, a: Typed, b: Typed) -> Why:
    """The answer as of now. Raises ``RefusedError`` for an identifier that was never seen, and ``StoreError``."""
    if a.identifier == b.identifier:
        raise RefusedError(Code.INVALID_PARAMETER, f"Both are {a.identifier}: name two identifiers.")
    one, other = await seen(store, a), await seen(store, b)
    asking, found = await _explained(store, limits, one, other)
    resolver = asking.herald.all
    decisions = await list_decisions(store) if found.verdict in ("shared", "split") else []
    known = await read_seen(store, [step.touchpoint for step in found.chain])
    because = tuple(
        Obstacle(identifier=identifier, reason=_reason(identifier, found, resolver, decisions))
        for identifier in found.because
    )
    return Why(
        a=one,
        b=other,
        joined=found.verdict == "joined",
        verdict=found.verdict,
        customer_id=found.customer_id or None,
        summary=in_a_sentence(one, other, found, because),
        chain=tuple(
            Step(one=step.one, other=step.other, touchpoint=name_of(step.touchpoint, known)) for step in found.chain
        ),
        because=because,
    )


async def _explained(store: ClickHouseStore, limits: Limits, one: str, other: str) -> tuple[Asking, Explanation]:
    """The engine's explanation, and what it was made from. Links that are written between two rounds of reading may
    contradict each other for a moment: then it is asked again, a few times."""
    for _ in range(ATTEMPTS):
        asking = await fresh_asking(store, limits)
        [found] = await asking.answers([partial(explain, asking.herald, one, other)])
        if found.chain or found.verdict != "joined":
            break
    return asking, found


def name_of(order: OrderKey, known: Mapping[OrderKey, Seen]) -> TouchpointName:
    """The touchpoint at a place, as far as it is known."""
    occurred_at, message_id, source, identifiers, _ = order
    seen_as = known.get(order)
    return TouchpointName(
        message_id=message_id,
        source=source,
        occurred_at=datetime.fromtimestamp(occurred_at / 1000, UTC),
        type=seen_as.type if seen_as else "",
        event=seen_as.event if seen_as else "",
        channel=seen_as.channel if seen_as else "",
        identifiers=identifiers,
    )


def why_shared(identifier: str, resolver: Resolver, decisions: Sequence[Decision]) -> str:
    """In words, of a shared identifier whose reading is there: ``it was seen with more than 5 others of kind user``."""
    if blocked := standing(decisions, "block", identifier):
        return f"it was blocked {by_whom(blocked)}"
    most = resolver.limits.values_max_for(identifier)
    kinds = Counter(map(kind_of, resolver.reading(identifier).pairs))
    over = " and ".join(f"of kind {kind}" for kind, count in sorted(kinds.items()) if count > most)
    return f"it was seen with more than {most} others {over}"


def by_whom(decision: Decision) -> str:
    """``by ann on 2026-03-01: two people``."""
    day = datetime.fromtimestamp(decision.decided_at / 1000, UTC).date().isoformat()
    return f"by {decision.decided_by} on {day}: {decision.reason}"


def standing(decisions: Sequence[Decision], kind: str, *about: str) -> Decision | None:
    """The decision of this kind about these identifiers, if it was not revoked."""
    for one in decisions:
        if one.kind == kind and one.about == tuple(sorted(about)) and not one.revoked:
            return one
    return None


def _reason(identifier: str, found: Explanation, resolver: Resolver, decisions: Sequence[Decision]) -> str:
    if found.verdict == "shared":
        return why_shared(identifier, resolver, decisions)
    if found.verdict == "too_large":
        return f"its group has more than {resolver.limits.group_max} contacts or aliased users"
    for step in found.chain:
        if identifier in (step.one, step.other) and resolver.apart(step.one, step.other):
            decided = standing(decisions, "split", step.one, step.other)
            from_whom = step.other if step.one == identifier else step.one
            return f"it was split from {from_whom}" + (f" {by_whom(decided)}" if decided else "")
    return ""


def in_a_sentence(one: str, other: str, found: Explanation, because: Sequence[Obstacle] = ()) -> str:
    """What was found, for people."""
    both = f"{one} and {other}"
    obstacles = "; ".join(f"{obstacle.identifier}: {obstacle.reason}" for obstacle in because)
    match found.verdict:
        case "joined":
            if not found.chain:
                return f"{both} are one customer, {found.customer_id}: what says so is being written, ask again."
            count = len({step.touchpoint for step in found.chain})
            said_by = "one touchpoint says so" if count == 1 else f"a chain of {count} touchpoints says so"
            return f"{both} are one customer, {found.customer_id}: {said_by}."
        case "shared":
            return f"{both} are not one customer: what is shared joins nothing ({obstacles})."
        case "split":
            return f"{both} are not one customer: somebody decided so ({because[0].identifier}: {because[0].reason})."
        case "too_large":
            return f"{both} are not one customer: a group that is too large joins nothing ({obstacles})."
        case "other_person":
            return (
                f"{both} are not one customer: touchpoints lead from one to the other, but through two users, or over "
                "a device or contact that belongs to somebody else."
            )
        case "never_met":
            return f"{both} are not one customer: no touchpoints lead from one to the other."
