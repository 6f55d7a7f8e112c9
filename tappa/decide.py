"""Decisions about identifiers: checked, appended to the log, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from explore.asked import Typed, seen
from explore.why import standing
from stage_engine.identity.limits import Limits
from stage_engine.identity.resolve import NOBODY, Stretches
from store.asking import fresh_asking
from store.clickhouse import ClickHouseStore
from store.identity_rows import list_decisions
from store.interface import Decision
from stream.log.interface import Log
from stream.log.message import encode_message, partition_of


class UndecidableError(ValueError):
    """It makes no sense to decide this. The message says why."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to decide."""

    decision: Decision
    before: dict[str, Stretches]
    """Whose the identifiers are without it."""
    met: bool
    """Of a split: whether a touchpoint carries both."""


async def consider(store: ClickHouseStore, limits: Limits, typed: Sequence[Typed], decision: Decision) -> Wanted:
    """The decision about the identifiers that were typed (its own are left out until now). Raises
    ``UndecidableError``, ``RefusedError`` for an identifier that was never seen, and ``StoreError``."""
    about = sorted([await seen(store, one) for one in typed])
    if len(about) == 2 and about[0] == about[1]:
        raise UndecidableError(f"{about[0]} cannot be split from itself: name two identifiers")
    taken = await list_decisions(store, (decision.kind,))
    last = next((one.decided_at for one in taken if one.about == tuple(about)), 0)
    decision = replace(
        decision,
        one=about[0],
        other=about[1] if len(about) == 2 else "",
        decided_at=max(decision.decided_at, last + 1),  # the last counts, whatever this machine's clock says
    )
    known = standing(taken, decision.kind, *about)
    if decision.revoked and known is None:
        raise UndecidableError(f"there is no such decision to revoke ({decision.kind} {' '.join(about)})")
    if known is not None and not decision.revoked:
        raise UndecidableError(
            f"this is decided already (by {known.decided_by}: {known.reason}); take it back with --revoke"
        )
    asking = await fresh_asking(store, limits)
    readings = await asking.answers([partial(asking.herald.all.reading, one) for one in about])
    met = any(other in reading.pairs for reading in readings for other in about)
    return Wanted(decision=decision, before=await whose(store, limits, about), met=met)


async def whose(store: ClickHouseStore, limits: Limits, identifiers: Sequence[str]) -> dict[str, Stretches]:
    """Whose the identifiers are now."""
    asking = await fresh_asking(store, limits)
    found = await asking.answers([partial(asking.herald.all.stretches, one) for one in identifiers])
    return dict(zip(identifiers, found, strict=True))


async def record(log: Log, decision: Decision) -> None:
    """Append it to the log: it is a recorded fact on return, whatever happens. Raises ``LogError``."""
    await log.append({partition_of(decision.one, log.partitions): [encode_message(decision)]})


def told(stretches: Stretches) -> str:
    """Whose an identifier is, for people: ``user:ada``, or ``user:ada, user:bob`` for a device that changed hands."""
    return ", ".join(dict.fromkeys(customer if customer != NOBODY else "nobody" for _, customer in stretches))
