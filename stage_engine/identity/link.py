"""The link: what a touchpoint says by carrying two identifiers, or an alias."""

from __future__ import annotations

import msgspec

from stage_engine.touchpoint import OrderKey, Touchpoint


class Link(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True):
    """A touchpoint, reduced to who and when: one that carries more than one identifier, or, to be found by its device,
    one whose clock was corrected. Copies of one touchpoint share all but ``occurred_at`` and ``settled``; the smallest
    ``occurred_at`` counts."""

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
    def is_corrected(self) -> bool:
        """Whether the sender's clock was corrected: there may be copies with other times."""
        return self.occurred_at != self.original_timestamp


def link_of(touchpoint: Touchpoint) -> Link | None:
    """The link that a touchpoint is, if it is one (not settled yet)."""
    order = touchpoint.order
    return link_at(order) if len(order[3]) > 1 else None


def link_at(order: OrderKey) -> Link:
    """The link of the touchpoint with this place (not settled yet)."""
    occurred_at, message_id, source, identifiers, original_timestamp = order
    return Link(
        occurred_at=occurred_at,
        message_id=message_id,
        source=source,
        identifiers=identifiers,
        original_timestamp=original_timestamp,
    )


class Split(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True):
    """The recorded fact that two identifiers are not one person, whatever touchpoints say."""

    one: str
    other: str
    revoked: bool = False
