"""The calls that both clients have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from os import urandom
from typing import Any, Generic, Literal, TypeVar

from tappa_sdk.encoding import encoded, now_iso
from tappa_sdk.errors import InvalidMessageError, InvalidReceiptError
from tappa_sdk.item import BATCH, RECEIPTS, Item
from tappa_sdk.message import Id, Values, message, require_somebody, require_text
from tappa_sdk.receipt import (
    BYTES_MAX,
    Amount,
    Customer,
    Line,
    Part,
    Referred,
    check_receipt,
    receipt_key,
    wire_day,
    wire_time,
)
from tappa_sdk.visitor import anonymous_id as visitor

Sent = TypeVar("Sent")

ITEM_BYTES_MAX = 450_000
"""A larger one fits into no request. The server has limits of its own, and a verdict on what is beyond them."""


class Calls(Generic[Sent]):
    """What a call says is written down when it is made: what its caller does with the objects afterwards changes
    nothing. Each returns the id of the message (the key of the receipt), which makes it count once however often it is
    sent. Raises ``InvalidMessageError`` for a call that cannot be a touchpoint.

    Common to all: ``user_id`` and ``anonymous_id`` say whose it is, and ``contacts`` (``{"loyalty_card": "9900"}``) who
    else; without ``anonymous_id`` it is that of the page which ``TappaMiddleware`` has found. ``timestamp`` is when it
    happened, without it now. ``message_id`` is for those who have one: two calls with the same are one touchpoint."""

    def _put(self, item: Item) -> Sent:
        raise NotImplementedError

    def track(
        self,
        event: str,
        properties: Values | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        contacts: Mapping[str, Id] | None = None,
        context: Values | None = None,
        timestamp: datetime | str | None = None,
        message_id: str | None = None,
    ) -> Sent:
        """Somebody did something: ``track("Product Viewed", {"sku": "A1"}, user_id="42")``."""
        require_text("event", event)
        fields = {"event": event, "properties": properties}
        return self._message("track", fields, user_id, anonymous_id, contacts, context, timestamp, message_id)

    def identify(
        self,
        user_id: Id | None = None,
        traits: Values | None = None,
        *,
        anonymous_id: Id | None = None,
        contacts: Mapping[str, Id] | None = None,
        context: Values | None = None,
        timestamp: datetime | str | None = None,
        message_id: str | None = None,
    ) -> Sent:
        """Who somebody is. Traits named ``email``, ``phone`` and ``loyalty_card`` are contacts."""
        return self._message(
            "identify", {"traits": traits}, user_id, anonymous_id, contacts or None, context, timestamp, message_id
        )

    def page(
        self,
        name: str | None = None,
        properties: Values | None = None,
        *,
        category: str | None = None,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        contacts: Mapping[str, Id] | None = None,
        context: Values | None = None,
        timestamp: datetime | str | None = None,
        message_id: str | None = None,
    ) -> Sent:
        """A page was seen."""
        fields = {"name": name, "category": category, "properties": properties}
        return self._message("page", fields, user_id, anonymous_id, contacts, context, timestamp, message_id)

    def screen(
        self,
        name: str | None = None,
        properties: Values | None = None,
        *,
        category: str | None = None,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        contacts: Mapping[str, Id] | None = None,
        context: Values | None = None,
        timestamp: datetime | str | None = None,
        message_id: str | None = None,
    ) -> Sent:
        """A screen of an app was seen."""
        fields = {"name": name, "category": category, "properties": properties}
        return self._message("screen", fields, user_id, anonymous_id, contacts, context, timestamp, message_id)

    def group(
        self,
        group_id: Id,
        traits: Values | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        contacts: Mapping[str, Id] | None = None,
        context: Values | None = None,
        timestamp: datetime | str | None = None,
        message_id: str | None = None,
    ) -> Sent:
        """Somebody belongs to a company or household."""
        require_text("group_id", str(group_id))
        fields = {"groupId": group_id, "traits": traits}
        return self._message("group", fields, user_id, anonymous_id, contacts, context, timestamp, message_id)

    def alias(
        self,
        previous_id: Id,
        user_id: Id,
        *,
        context: Values | None = None,
        timestamp: datetime | str | None = None,
        message_id: str | None = None,
    ) -> Sent:
        """Two ids are one user; ``previous_id`` goes."""
        require_text("previous_id", str(previous_id))
        require_text("user_id", str(user_id))
        return self._message("alias", {"previousId": previous_id}, user_id, None, None, context, timestamp, message_id)

    def receipt(
        self,
        *,
        receipt_id: Part,
        store_id: Part,
        sold_at: datetime | str,
        total: Amount,
        currency: str,
        lines: Sequence[Line] = (),
        till_id: Part | None = None,
        business_date: date | str | None = None,
        kind: Literal["sale", "return", "exchange", "void"] = "sale",
        customer: Customer | None = None,
        payments: Sequence[Any] | None = None,
        refers_to: Part | Referred | None = None,
        **more: Any,
    ) -> Sent:
        """A receipt of a till. A ``return``, ``exchange`` or ``void`` says by ``refers_to`` of which sale.
        ``sold_at`` has its offset from UTC. The write key is that of a source for tills. What ``more`` says is kept.
        Raises ``InvalidReceiptError`` for one that Tappa would refuse."""
        known = {
            "receipt_id": receipt_id,
            "store_id": store_id,
            "sold_at": wire_time(sold_at),
            "total": total,
            "currency": currency,
            "lines": lines,
            "till_id": till_id,
            "business_date": wire_day(business_date),
            "kind": kind,
            "customer": customer,
            "payments": payments,
            "refers_to": refers_to,
        }
        return self._put(receipt_item({**more, **{name: value for name, value in known.items() if value is not None}}))

    def _message(
        self,
        type_: str,
        fields: Mapping[str, object],
        user_id: Id | None,
        anonymous_id: Id | None,
        contacts: Mapping[str, Id] | None,
        context: Values | None,
        timestamp: datetime | str | None,
        message_id: str | None,
    ) -> Sent:
        if anonymous_id is None and type_ != "alias":
            anonymous_id = visitor()
        if type_ != "identify" or not fields["traits"]:
            require_somebody(user_id, anonymous_id, contacts)
        message_id = message_id or urandom(16).hex()
        body = encoded(
            message(
                type_,
                fields,
                message_id=message_id,
                timestamp=timestamp or now_iso(),
                user_id=user_id,
                anonymous_id=anonymous_id,
                contacts=contacts,
                context=context,
            )
        )
        if len(body) > ITEM_BYTES_MAX:
            raise InvalidMessageError(f"it has {len(body)} bytes: more than fit into a request")
        return self._put(Item(BATCH, message_id, body))


def receipt_item(receipt: Mapping[str, Any]) -> Item:
    """A receipt as it is sent. Raises ``InvalidReceiptError``."""
    check_receipt(receipt)
    body = encoded(receipt)
    if len(body) > BYTES_MAX:
        raise InvalidReceiptError("lines", f"it has {len(body)} bytes, {BYTES_MAX} are allowed")
    return Item(RECEIPTS, receipt_key(receipt), body)
