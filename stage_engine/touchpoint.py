"""The touchpoint: what the log carries, what the facts keep and what the fold reads.

One value serves all three, so that a touchpoint is parsed once, at the edge, and never translated again. Times are
integer milliseconds since 1970 UTC, money is an integer of 1/10,000 of the currency's unit, absent strings are ``""``.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

MONEY_UNIT: Final = 10_000
"""``value`` counts ten-thousandths: sums are exact whatever the order and number of the addends."""

_encode: Final = msgspec.msgpack.Encoder().encode

OrderKey = tuple[int, str, str, tuple[str, ...], int]
"""The total order of a customer's touchpoints (DESIGN section 2). The sender's time is last: it tells apart the two
touchpoints that nothing before it can."""


def identity_of(order: OrderKey) -> bytes:
    """``Touchpoint.identity``, for who has its order at hand."""
    return blake2b(_encode(order[1:]), digest_size=16).digest()


class Touchpoint(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True, tag_field="_", tag="t"):
    """One accepted touchpoint, normalised by ingest. Its field order is its wire format: append at the end, with a
    default. (An array has no place for a ``tag_field``; msgspec only wants a name that is no field's, the same for all
    messages.)"""

    source: str
    """Name of the source whose write key brought it."""
    message_id: str
    type: str
    """``track identify page screen group alias receipt``"""
    event: str
    """The sender's event name for ``track``, a fixed name for each other type (``Page Viewed``, ``Receipt Issued``
    …)."""
    name: str = ""
    """Name of the page or screen."""
    channel: str
    """Where it happened: ``web app store call_centre email …``"""
    acquisition_channel: str = ""
    offline: bool = False
    occurred_at: int
    """The corrected time, which orders the customer's touchpoints."""
    original_timestamp: int
    """The time as the sender wrote it."""
    received_at: int
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""
    """Of an ``alias``: the id that goes."""
    group_id: str = ""
    contacts: tuple[str, ...] = ()
    """``kind:value``, normalised, sorted, without repetition. A receipt that names nobody has its own key here
    (``receipt:…``)."""
    properties: bytes = b""
    """JSON object, the sender's own bytes; likewise ``traits``, ``context`` (merged with the envelope's) and ``extra``
    (the message's other top-level fields)."""
    traits: bytes = b""
    context: bytes = b""
    extra: bytes = b""
    value: int | None = None
    """Money in 1/``MONEY_UNIT`` of ``currency``."""
    currency: str = ""
    transaction: str = ""
    """``sale``, ``return``, ``exchange``, ``void`` or nothing: what it does to purchases and revenue."""
    refers_to: str = ""
    """Of a return, exchange or void: the ``message_id`` of the sale."""
    score_kind: str = ""
    """``nps`` (0 to 10), ``csat`` (1 to 5), ``sentiment`` (-1 to 1) or nothing."""
    score: float | None = None
    content_hash: bytes = b""
    """16 bytes over all that the sender said. Of several copies the smallest ``(occurred_at, content_hash)`` counts."""

    @property
    def identifiers(self) -> tuple[str, ...]:
        """All identifiers as ``kind:value``, sorted: ``user``, the contacts, ``device`` and, of an alias,
        ``previous``."""
        if not (self.contacts or self.previous_id):
            if not self.anonymous_id:
                return ("user:" + self.user_id,) if self.user_id else ()
            device = "device:" + self.anonymous_id
            return (device, "user:" + self.user_id) if self.user_id else (device,)
        named = [*self.contacts]
        if self.user_id:
            named.append("user:" + self.user_id)
        if self.anonymous_id:
            named.append("device:" + self.anonymous_id)
        if self.previous_id:
            named.append("previous:" + self.previous_id)
        return tuple(sorted(named))

    @property
    def home(self) -> str:
        """The identifier it is filed under: the user, else the smallest contact (a receipt's own key last), else the
        device (DESIGN 3.1). ``""`` when it carries none."""
        if self.user_id:
            return "user:" + self.user_id
        if self.contacts:
            return min(self.contacts, key=lambda contact: (contact.startswith("receipt:"), contact))
        return "device:" + self.anonymous_id if self.anonymous_id else ""

    @property
    def order(self) -> OrderKey:
        """Its place among its customer's touchpoints."""
        return (self.occurred_at, self.message_id, self.source, self.identifiers, self.original_timestamp)

    @property
    def identity(self) -> bytes:
        """16 bytes that say which touchpoint it is: source, ``message_id``, the time as the sender wrote it,
        identifiers. Copies share it; a ``message_id`` used again for something else does not (DESIGN section 2)."""
        return identity_of(self.order)

    @property
    def precedence(self) -> tuple[int, bytes]:
        """Of two copies the one with the smaller precedence counts."""
        return (self.occurred_at, self.content_hash)


Placed = tuple[OrderKey, bytes, Touchpoint]
"""A touchpoint behind its ``order`` and ``identity``, which cost two microseconds to make: a batch makes them once."""


def place(touchpoint: Touchpoint) -> Placed:
    """The touchpoint with its order and identity."""
    order = touchpoint.order
    return order, identity_of(order), touchpoint
