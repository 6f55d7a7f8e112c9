"""The link: what a touchpoint says by carrying two identifiers, or an alias."""

from __future__ import annotations

import msgspec

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
