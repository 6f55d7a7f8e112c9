"""What people ask about identifiers: whether one was ever seen, what was decided, who is shared, which touchpoint it
was."""

# ruff: noqa: S608 - text goes into statements as literals only

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import Final

import msgspec

from stage_engine.identity.carried import carried
from stage_engine.identity.limits import Limits
from stage_engine.touchpoint import OrderKey, identity_of
from store.clickhouse import ClickHouseStore
from store.interface import Decision
from store.sql import literal
from store.touchpoint_columns import is_nobody

OTHERS_MAX: Final = 100_000
"""Others that are counted of one identifier: of a till's own card there are as many as customers."""
TOUCHPOINTS_AT_ONCE: Final = 500
"""Touchpoints in one question."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a touchpoint was, in few words."""

    type: str
    event: str
    channel: str


class SharedRow(msgspec.Struct, frozen=True, kw_only=True):
    """An identifier that was seen with more others of one kind than its limit allows."""

    identifier: str
    counts: dict[str, int]
    """How many others of each kind; at most ``OTHERS_MAX`` in all are counted."""

    @property
    def most(self) -> int:
        """Of the kind with the most."""
        return max(self.counts.values(), default=0)


async def is_seen(store: ClickHouseStore, identifier: str) -> bool:
    """Whether any touchpoint ever carried the identifier."""
    name = literal(identifier)
    filed = "filed_under = ''" if is_nobody(identifier) else f"filed_under = {name}"
    return bool(
        await store.rows(
            f"SELECT 1 FROM identity_links WHERE identifier = {name} LIMIT 1 UNION ALL "
            f"SELECT 1 FROM touchpoints WHERE {filed} AND home_hash = sipHash64({name}) AND home = {name} LIMIT 1"
        )
    )


async def list_decisions(store: ClickHouseStore, kinds: Collection[str] = ()) -> list[Decision]:
    """The last decision of each kind about the same identifiers, revoked ones too, the newest first; of ``kinds`` only,
    if given."""
    condition = f"WHERE kind IN ({', '.join(map(literal, kinds))})" if kinds else ""
    rows = await store.rows(
        "SELECT kind, one, other, revoked, toUnixTimestamp64Milli(decided_at), decided_by, reason "
        f"FROM v_splits {condition} ORDER BY v_splits.decided_at DESC, kind, one, other"
    )
    return [
        Decision(kind=kind, one=one, other=other, revoked=bool(revoked), decided_at=at, decided_by=by, reason=reason)
        for kind, one, other, revoked, at, by, reason in rows
    ]


async def list_shared(store: ClickHouseStore, limits: Limits, limit: int) -> tuple[int, list[SharedRow]]:
    """How many identifiers are shared by what touchpoints say, and those that were seen with the most others. Whatever
    was decided is left aside, but for those that are allowed. Reads all links, in the table's own order."""
    kinds = ", ".join(literal(kind) for kind in limits.values_max_of_kind)
    most = ", ".join(f"{number:d}" for number in limits.values_max_of_kind.values())
    own_kind = "substringIndex(identifier, ':', 1)"
    room = f"transform({own_kind}, [{kinds}], [{most}], {limits.values_max:d})" if kinds else f"{limits.values_max:d}"
    allowed = ", ".join(map(literal, sorted(limits.allowed))) or "''"
    rows = await store.rows(
        f"""
        SELECT identifier, kinds, counts, count() OVER ()
        FROM
        (
            SELECT
                identifier, {room} AS room,
                arrayMap(other -> substringIndex(other, ':', 1), others) AS kind_of_each,
                arrayDistinct(kind_of_each) AS kinds,
                arrayMap(kind -> countEqual(kind_of_each, kind), kinds) AS counts
            FROM
            (
                SELECT identifier, groupUniqArrayArray({OTHERS_MAX:d})(seen_with) AS others
                FROM identity_links
                WHERE identifier NOT IN ({allowed})
                GROUP BY sipHash64(identifier), identifier
                HAVING length(others) > {min([limits.values_max, *limits.values_max_of_kind.values()]):d}
            )
        )
        WHERE arrayMax(counts) > room
        ORDER BY arrayMax(counts) DESC, identifier
        LIMIT {limit:d}
        SETTINGS optimize_aggregation_in_order = 1
        """
    )
    found = [
        SharedRow(identifier=identifier, counts=dict(zip(kinds, counts, strict=True)))
        for identifier, kinds, counts, _ in rows
    ]
    return (rows[0][3] if rows else 0), found


async def read_seen(store: ClickHouseStore, orders: Collection[OrderKey]) -> dict[OrderKey, Seen]:
    """What the touchpoints at these places were; those that are not there (erased, not written yet) are left out."""
    found: dict[OrderKey, Seen] = {}
    waiting = iter(orders)
    while some := list(islice(waiting, TOUCHPOINTS_AT_ONCE)):
        by_identity = {identity_of(order): order for order in some}
        keys = ", ".join(map(key_of, some))
        statement = (
            "SELECT hex(identity), type, event, channel FROM touchpoints FINAL "
            f"WHERE (sipHash64(filed_under), home_hash, original_timestamp, identity) IN ({keys})"
        )
        for identity, type_, event, channel in await store.rows(statement):
            found[by_identity[bytes.fromhex(identity)]] = Seen(type=type_, event=event, channel=channel)
    return found


def key_of(order: OrderKey) -> str:
    """The place in the table's order of the touchpoint, as text of a tuple of ``(sipHash64(filed_under), home_hash,
    original_timestamp, identity)``."""
    home = carried(order[3]).home
    filed = "" if is_nobody(home) else home
    return (
        f"(sipHash64({literal(filed)}), sipHash64({literal(home)}), "
        f"fromUnixTimestamp64Milli({order[4]:d}, 'UTC'), unhex('{identity_of(order).hex()}'))"
    )
