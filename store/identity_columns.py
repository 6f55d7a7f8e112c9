"""Links, identities and splits as columns of their tables, and readings back. Pure: the adapter sends and fetches
them."""

# ruff: noqa: S608 - text goes into statements as literals only

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

from stage_engine.identity.carried import carried
from stage_engine.identity.identifier import is_user
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link, Split
from stage_engine.identity.reading import Mark, Pair, repeats
from stage_engine.touchpoint import OrderKey, identity_of
from store.column import Column, ends_of
from store.interface import Decision, Decisions, IdentityRow, Sighting

_TIME: Final = "DateTime64(3, 'UTC')"


def link_columns(sightings: Sequence[Sighting]) -> list[Column]:
    """The columns of an insert."""
    identifiers, links = zip(*sightings, strict=True)
    said = [carried(link.identifiers) for link in links]
    return [
        Column("identifier", "String", identifiers),
        _arrays("seen_with", "String", [one.seen_with(name) for name, one in zip(identifiers, said, strict=True)]),
        Column("occurred_at", _TIME, [link.occurred_at for link in links]),
        Column("message_id", "String", [link.message_id for link in links]),
        Column("source", "LowCardinality(String)", [link.source for link in links]),
        _arrays("identifiers", "String", [link.identifiers for link in links]),
        Column("original_timestamp", _TIME, [link.original_timestamp for link in links]),
        Column("home", "String", [one.home for one in said]),
        Column("identity", "FixedString(16)", [identity_of(link.order) for link in links]),
        Column("settled", "UInt8", [link.settled for link in links]),
    ]


def identity_columns(rows: Sequence[IdentityRow]) -> list[Column]:
    """The columns of an insert."""
    return [
        Column("identifier", "String", [row.identifier for row in rows]),
        Column("version", "UInt64", [row.version for row in rows]),
        _arrays("valid_from", _TIME, [[since for since, _ in row.stretches] for row in rows]),
        _arrays("customer_id", "String", [[customer for _, customer in row.stretches] for row in rows]),
        Column("stands_alone", "UInt8", [row.stands_alone for row in rows]),
    ]


def decision_columns(decisions: Sequence[Decision]) -> list[Column]:
    """The columns of an insert."""
    names = {"kind": "LowCardinality(String)", "one": "String", "other": "String", "revoked": "UInt8"}
    names |= {"decided_at": _TIME, "decided_by": "String", "reason": "String"}
    return [Column(name, kind, list(map(attrgetter(name), decisions))) for name, kind in names.items()]


def rank(decision: Decision) -> tuple[int, bool, str]:
    """Of the same kind and identifiers the decision with the largest counts."""
    return (decision.decided_at, decision.revoked, decision.decided_by)


def deciding(last: Iterable[Decision]) -> Decisions:
    """What is decided now, from the last decision of each kind about the same identifiers."""
    here = [one for one in last if not one.revoked]
    return Decisions(
        splits=tuple(Split(one=one.one, other=one.other) for one in here if one.kind == "split"),
        allowed=frozenset(one.one for one in here if one.kind == "allow"),
        blocked=frozenset(one.one for one in here if one.kind == "block"),
    )


def _arrays(name: str, kind: str, values: Sequence[Sequence[Any]]) -> Column:
    return Column(name, f"Array({kind})", [one for some in values for one in some], ends_of(map(len, values)))


_PLACE: Final = (
    "(toUnixTimestamp64Milli(occurred_at), message_id, toString(source), identifiers, "
    "toUnixTimestamp64Milli(original_timestamp))"
)
"""An ``OrderKey``: ClickHouse compares tuples and arrays as Python does."""


LENT: Final = "home != identifier AND NOT startsWith(home, 'user:')"
"""Of links: the touchpoint carries no user and is filed under another identifier (``Carried.lends``)."""

FEW: Final = 64
"""Links of one identifier that are read as they are: so few most have, and most of the cost is not in the reading."""


def few_statement(identifiers: str) -> str:
    """Selects up to ``FEW`` links of each of ``identifiers`` (literals): the rows of ``few_of``."""
    return f"""
        SELECT
            identifier, toUnixTimestamp64Milli(occurred_at), message_id, source, identifiers,
            toUnixTimestamp64Milli(original_timestamp), settled
        FROM identity_links
        WHERE identifier IN ({identifiers}) AND (notEmpty(seen_with) OR {LENT})
        LIMIT {FEW} BY identifier
    """


def few_of(rows: Iterable[Sequence[Any]]) -> tuple[dict[str, list[Link]], list[str]]:
    """The links in rows of ``few_statement``, by identifier, and the identifiers that may have more."""
    found: dict[str, list[Link]] = {}
    for identifier, occurred_at, message_id, source, identifiers, original_timestamp, settled in rows:
        link = Link(
            occurred_at=occurred_at,
            message_id=message_id,
            source=source,
            identifiers=tuple(identifiers),
            original_timestamp=original_timestamp,
            settled=bool(settled),
        )
        found.setdefault(identifier, []).append(link)
    more = [identifier for identifier, links in found.items() if len(links) == FEW]
    for identifier in more:
        del found[identifier]
    return found, more


def pairs_statement(identifiers: str, allowed: str, limits: Limits) -> str:
    """Selects the pairs of ``identifiers`` (literals): the rows of ``pairs_of``. Settled ones beyond what tells that an
    identifier is shared are left out, but for those that are ``allowed`` (literals)."""
    kinds = ", ".join(f"'{kind}'" for kind in limits.values_max_of_kind)
    most = ", ".join(str(number) for number in limits.values_max_of_kind.values())
    own_kind = "substringIndex(identifier, ':', 1)"
    room = f"transform({own_kind}, [{kinds}], [{most}], {limits.values_max})" if kinds else str(limits.values_max)
    return f"""
        SELECT identifier, other, first, newest, is_told, told
        FROM
        (
            SELECT
                identifier, other, min(place) AS first, max(place) AS newest, max(tells) AS is_told,
                minIf(told_at, tells) AS told,
                row_number() OVER
                    (PARTITION BY identifier, substringIndex(other, ':', 1), is_told ORDER BY other) AS number
            FROM
            (
                SELECT
                    identifier, any(seen_with) AS people, min({_PLACE}) AS place,
                    countIf(settled) > 0 AS tells, minIf({_PLACE}, settled) AS told_at
                FROM identity_links
                WHERE identifier IN ({identifiers}) AND notEmpty(seen_with)
                GROUP BY identifier, identity
            )
            ARRAY JOIN people AS other
            GROUP BY identifier, other
        )
        WHERE number <= {room} + 1 OR NOT is_told OR identifier IN ({allowed})
    """


def marks_statement(devices: str) -> str:
    """Selects the marks of ``devices`` (literals) in total order, without most of those that repeat what the one before
    says: the rows of ``marks_of``."""
    marks = f"""
        SELECT
            identifier, min({_PLACE}) AS place, any(seen_with) AS people,
            toUInt8(argMax(settled, (-toUnixTimestamp64Milli(occurred_at), settled))) AS told,
            toUInt8(uniqExact(occurred_at) > 1) AS moved
        FROM identity_links
        WHERE identifier IN ({devices}) AND notEmpty(seen_with)
        GROUP BY identifier, identity
    """
    # Once more, because what repeats the one before it may stand between two that are alike.
    return f"{_without_repeats(_without_repeats(marks))} ORDER BY identifier, place"


def _without_repeats(marks: str) -> str:
    """Of ``marks`` those that the one just before does not say."""
    return f"""
        SELECT identifier, place, people, told, moved
        FROM
        (
            SELECT
                *,
                lagInFrame((people, told, moved), 1, ([''], toUInt8(0), toUInt8(1))) OVER (
                    PARTITION BY identifier ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                ) AS before
            FROM ({marks})
        )
        WHERE moved OR before.3 OR told != before.2 OR people != arraySlice(before.1, 1, length(people))
    """


def pairs_of(rows: Iterable[Sequence[Any]]) -> dict[str, dict[str, Pair]]:
    """The pairs in rows of ``pairs_statement``, by identifier."""
    found: dict[str, dict[str, Pair]] = {}
    for identifier, other, first, newest, is_told, told in rows:
        last = _order(newest)
        found.setdefault(identifier, {})[other] = Pair(
            first=_order(first),
            newest=last,
            into=carried(last[3]).user if is_user(identifier) and is_user(other) else "",
            settled=_order(told) if is_told else None,
        )
    return found


def marks_of(rows: Iterable[Sequence[Any]]) -> dict[str, tuple[Mark, ...]]:
    """The marks in rows of ``marks_statement``, by device."""
    found: dict[str, list[Mark]] = {}
    for device, place, people, told, moved in rows:
        mark = Mark(order=_order(place), people=tuple(people), settled=bool(told), moved=bool(moved))
        marks = found.setdefault(device, [])
        if not marks or not repeats(mark, marks[-1]):
            marks.append(mark)
    return {device: tuple(marks) for device, marks in found.items()}


def _order(place: Sequence[Any]) -> OrderKey:
    occurred_at, message_id, source, identifiers, original_timestamp = place
    return (occurred_at, message_id, source, tuple(identifiers), original_timestamp)
