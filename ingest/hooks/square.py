"""Square's webhooks (payments, orders, refunds, customers) as messages of Segment's spec.

Money comes in the smallest unit of its currency. A payment is what a sale is counted by, when it is completed; orders
tell how they go. A refund names nobody: it is whose the payment is. Square's customers are known by their ids, which
its own webhooks about customers lead to e-mail addresses and phone numbers: so these ids are users here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from ingest.hooks.payload import Object, Sent, inner, order_key, said

EXPONENTS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Digits behind the point of currencies that have not two (ISO 4217)."""
IN_STORE: Final = frozenset({"SQUARE_POS", "EXTERNAL_API_POS", "TERMINAL_API", "DASHBOARD", "INVOICES_POS"})
"""``application_details.square_product`` of what is sold over a counter."""


def messages(payload: Object) -> list[Sent]:
    """The messages that a webhook is; none for a type that tells nothing of a customer."""
    type_ = payload.get("type")
    make = _TYPES.get(type_) if isinstance(type_, str) else None
    return list(make(payload)) if make else []


def _payment(payload: Object) -> Iterator[Sent]:
    """Once, however often it is told, when it is completed: until then it may fail."""
    payment = inner(payload, "data", "object", "payment")
    if payment.get("status") != "COMPLETED":
        return
    product = inner(payment, "application_details").get("square_product")
    more = said(payment_id=payment.get("id"), payment_method=payment.get("source_type"))
    properties = {**_sold(payment, "total_money"), **more, **said(receipt_number=payment.get("receipt_number"))}
    message = _message(payment, "Order Completed", f"payment-{payment.get('id')}", properties)
    message["context"] = said(
        channel="store" if product is None or product in IN_STORE else "web",
        traits=said(email=payment.get("buyer_email_address")),
    )
    yield Sent(message=message, order=order_key("square", "payment", payment.get("id")))


def _refund(payload: Object) -> Iterator[Sent]:
    """Once, when it is completed."""
    refund = inner(payload, "data", "object", "refund")
    if refund.get("status") != "COMPLETED":
        return
    more = said(payment_id=refund.get("payment_id"), refund_id=refund.get("id"), reason=refund.get("reason"))
    properties = {**_sold(refund, "amount_money"), **more}
    message = _message(refund, "Order Refunded", f"refund-{refund.get('id')}", properties)
    yield Sent(message=message, order=order_key("square", "payment", refund.get("payment_id")))


def _order(payload: Object) -> Iterator[Sent]:
    """A notification has the order's state only, and no customer; who asks for more asks Square."""
    data = inner(payload, "data", "object")
    order = inner(data, "order_created") or inner(data, "order_updated")
    properties = {**_sold(order, ""), **said(order_id=order.get("order_id"), state=order.get("state"))}
    message = _message(order, "Order Updated", str(payload.get("event_id")), properties)
    message["timestamp"] = order.get("updated_at") or order.get("created_at") or payload.get("created_at")
    yield Sent(message=message, order=order_key("square", "order", order.get("order_id")))


def _customer(payload: Object) -> Iterator[Sent]:
    customer = inner(payload, "data", "object", "customer")
    message = {
        "type": "identify",
        "messageId": f"square:{payload.get('event_id')}",
        "timestamp": customer.get("updated_at") or payload.get("created_at"),
        **said(userId=_user(customer.get("id"))),
        "traits": said(
            email=customer.get("email_address"),
            phone=customer.get("phone_number"),
            first_name=customer.get("given_name"),
            last_name=customer.get("family_name"),
            created_at=customer.get("created_at"),
        ),
    }
    yield Sent(message=message)


def _message(of: Object, event: str, key: str, properties: Object) -> Object:
    who = said(userId=_user(of.get("customer_id")))
    identity = {"type": "track", "event": event, "messageId": f"square:{key}", "timestamp": of.get("created_at")}
    return {**identity, **who, "properties": properties, "context": {"channel": "store"}}


def _sold(of: Object, money: str) -> Object:
    paid = inner(of, money) or inner(of, "amount_money")
    return said(
        order_id=of.get("order_id"),
        total=_amount(paid),
        currency=paid.get("currency"),
        store_id=of.get("location_id"),
    )


def _user(customer_id: Any) -> str | None:
    return f"square:{customer_id}" if customer_id else None


def _amount(money: Object) -> str | None:
    units, currency = money.get("amount"), money.get("currency")
    if not isinstance(units, int) or isinstance(units, bool):
        return None
    return str(Decimal(units).scaleb(-EXPONENTS.get(str(currency), 2)))


_TYPES: Final[dict[str, Callable[[Object], Iterator[Sent]]]] = {
    "payment.created": _payment,
    "payment.updated": _payment,
    "refund.created": _refund,
    "refund.updated": _refund,
    "order.created": _order,
    "order.updated": _order,
    "customer.created": _customer,
    "customer.updated": _customer,
}
