"""The link: what a touchpoint says by carrying two identifiers, or an alias."""

from __future__ import annotations

import msgspec

from stage_engine.identity.identifier import DEVICE, USER, Carried, carried, names
from stage_engine.touchpoint import OrderKey, Touchpoint


class Link(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True):
    """A touchpoint that carries more than one identifier, reduced to who and when. Copies of one touchpoint share all
    but ``occurred_at`` and ``settled``; the smallest ``occurred_at`` counts."""

    occurred_at: int
    message_id: str
    source: str
    identifiers: tuple[str, ...]
    """As sent, sorted, as ``Touchpoint.identifiers`` has them."""
    original_timestamp: int
    settled: bool = False
    """Whether everybody concerned has durably been told of it. Decides nothing about who is who."""

    @property
    def order(self) -> OrderKey:
        """Its touchpoint's place in the total order."""
        return (self.occurred_at, self.message_id, self.source, self.identifiers, self.original_timestamp)

    @property
    def carried(self) -> Carried:
        """Its identifiers by what they do."""
        return carried(self.identifiers)

    @property
    def alias(self) -> str:
        """The user that goes into this link's user, ``""`` when it is no alias of users. An alias whose previous id is
        the touchpoint's own device's, or the user itself, tells nothing of another user."""
        said = self.carried
        if not said.previous or not said.user or DEVICE + ":" + said.previous == said.device:
            return ""
        previous = USER + ":" + said.previous
        return "" if previous == said.user else previous

    def seen_with(self, identifier: str) -> list[str]:
        """The users and contacts, other than receipts' own keys, that the touchpoint was seen with ``identifier``
        by. The previous id of an alias was seen with its user only: as a user, and as a device."""
        said, alias = self.carried, self.alias
        members = [one for one in (said.user, *said.contacts, said.device) if one]
        if identifier in members:
            others = [one for one in members if one != identifier and names(one)]
            return [*others, alias] if alias and identifier == said.user else others
        gone = identifier in (alias, DEVICE + ":" + said.previous)
        return [said.user] if gone and said.previous and said.user else []

    def marks(self, device: str) -> tuple[str, ...]:
        """Who was identified on ``device``: the user first, then the contacts; empty when nobody was. A receipt's own
        key is nobody; the previous id of an alias marks the device of that value with its user."""
        said = self.carried
        people = tuple(one for one in (said.user, *said.contacts) if one and names(one))
        if device == said.device:
            return people
        return people[:1] if said.previous and said.user and device == DEVICE + ":" + said.previous else ()


def link_of(touchpoint: Touchpoint) -> Link | None:
    """The link that a touchpoint is, if it is one (not settled yet)."""
    identifiers = touchpoint.identifiers
    if len(identifiers) < 2:
        return None
    return Link(
        occurred_at=touchpoint.occurred_at,
        message_id=touchpoint.message_id,
        source=touchpoint.source,
        identifiers=identifiers,
        original_timestamp=touchpoint.original_timestamp,
    )


class Split(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True):
    """The recorded fact that two identifiers are not one person, whatever touchpoints say."""

    one: str
    other: str
    revoked: bool = False
