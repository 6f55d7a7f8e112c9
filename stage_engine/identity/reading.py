"""The reading: what all links of one identifier say together."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stage_engine.identity.carried import carried
from stage_engine.identity.identifier import is_device, is_user
from stage_engine.identity.link import Link
from stage_engine.touchpoint import OrderKey


class Pair(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """Two identifiers that were seen together."""

    first: OrderKey
    """The first touchpoint that carries both."""
    newest: OrderKey
    """The last."""
    into: str = ""
    """Of two users: the one that the newest alias names."""


class Mark(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """Somebody was identified on a device."""

    order: OrderKey
    people: tuple[str, ...]
    """The user first, then the contacts in byte order."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """All that is ever asked about an identifier. It is small, because whoever reads may leave out

    * of an identifier that is not ``allowed``, pairs beyond one more than its limit with others of one kind: it is
      shared, whatever these are;
    * the marks of a device that is shared;
    * of marks that follow each other and name the same people, all but the first.
    """

    pairs: dict[str, Pair] = {}
    """By the other identifier: users and contacts, never devices nor receipts' own keys."""
    marks: tuple[Mark, ...] = ()
    """Of a device, in total order."""


NOTHING = Reading()
"""Of an identifier without links."""


def reading_of(identifier: str, links: Iterable[Link]) -> Reading:
    """The reading from the links that carry ``identifier`` (for a user or device, an alias's previous id of that value
    counts); copies and links of others do no harm."""
    copies: dict[OrderKey | tuple[object, ...], Link] = {}
    for link in links:
        known = copies.setdefault(link.order[1:], link)
        if link.occurred_at < known.occurred_at:
            copies[link.order[1:]] = link
    pairs: dict[str, Pair] = {}
    marks: list[Mark] = []
    for link in sorted(copies.values(), key=lambda one: one.order):
        said, order = carried(link.identifiers), link.order
        for other in said.seen_with(identifier):
            first = pairs[other].first if other in pairs else order
            into = said.user if is_user(identifier) and is_user(other) else ""
            pairs[other] = Pair(first=first, newest=order, into=into)
        people = said.marks(identifier) if is_device(identifier) else ()
        if people and (not marks or marks[-1].people != people):
            marks.append(Mark(order=order, people=people))
    return Reading(pairs=pairs, marks=tuple(marks))
