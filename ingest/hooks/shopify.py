"""Shopify's webhooks (Admin API: orders, refunds, customers) as messages of Segment's spec.

Orders from the point of sale happen in a store, all others on the web. A refund names nobody: it is whose the order is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ingest.hooks.payload import Object, Sent, inner, objects, order_key, said, total
from ingest.hooks.settings import Hook

POS: Final = "pos"
EVENT_ID: Final = "x-shopify-event-id"
TOPIC: Final = "x-shopify-topic"


def messages(hook: Hook, headers: Mapping[str, str], payload: Object) -> list[Sent]:
    """The messages that a webhook is; none for a topic that tells nothing of a customer."""
    make = _TOPICS.get(headers.get(TOPIC, ""))
    return list(make(hook, payload, headers.get(EVENT_ID, ""))) if make else []


def _created(hook: Hook, order: Object, event_id: str) -> Iterator[Sent]:
    at = order.get("processed_at") or order.get("created_at")
    yield _of_order(hook, order, "Order Completed", event_id or f"order-{order.get('id')}", at)


def _updated(hook: Hook, order: Object, event_id: str) -> Iterator[Sent]:
    at = order.get("updated_at")
    yield _of_order(hook, order, "Order Updated", event_id or f"order-{order.get('id')}-{at}", at)


def _refunded(hook: Hook, refund: Object, event_id: str) -> Iterator[Sent]:
    lines = [
        {**_line(inner(one, "line_item")), **said(quantity=one.get("quantity"))}
        for one in objects(refund, "refund_line_items")
    ]
    paid_back = [one for one in objects(refund, "transactions") if one.get("kind") == "refund"]
    yield Sent(
        message={
            "type": "track",
            "event": "Order Refunded",
            "messageId": "shopify:" + (event_id or f"refund-{refund.get('id')}"),
            "timestamp": refund.get("processed_at") or refund.get("created_at"),
            "properties": said(
                order_id=refund.get("order_id"),
                refund_id=refund.get("id"),
                total=total(one.get("amount") for one in paid_back if one.get("status", "success") == "success"),
                currency=next((one.get("currency") for one in paid_back), None),
                products=lines,
            ),
        },
        order=order_key("shopify", "order", refund.get("order_id")),
    )


def _cancelled(hook: Hook, order: Object, event_id: str) -> Iterator[Sent]:
    at = order.get("cancelled_at") or order.get("updated_at")
    sent = _of_order(hook, order, "Order Cancelled", event_id or f"cancelled-{order.get('id')}", at)
    sent.message["properties"] |= said(reason=order.get("cancel_reason"))
    yield sent


def _customer(hook: Hook, customer: Object, event_id: str) -> Iterator[Sent]:
    at = customer.get("updated_at") or customer.get("created_at")
    address = inner(customer, "default_address")
    traits = said(
        **_contacts(customer),
        first_name=customer.get("first_name"),
        last_name=customer.get("last_name"),
        city=address.get("city"),
        country=address.get("country_code"),
        tags=customer.get("tags"),
        created_at=customer.get("created_at"),
    )
    key = event_id or f"customer-{customer.get('id')}-{at}"
    identity = {"type": "identify", "messageId": f"shopify:{key}", "timestamp": at}
    yield Sent(message={**identity, **_user(hook, customer), "traits": traits})


def _of_order(hook: Hook, order: Object, event: str, key: str, at: Any) -> Sent:
    customer = inner(order, "customer")
    traits = {**_contacts(order), **_contacts(customer)}
    page = said(url=_absolute(order.get("landing_site")), referrer=order.get("referring_site"))
    message = {
        "type": "track",
        "event": event,
        "messageId": f"shopify:{key}",
        "timestamp": at,
        **_user(hook, customer),
        "properties": said(
            order_id=order.get("id"),
            order_name=order.get("name"),
            total=order.get("total_price"),
            currency=order.get("currency"),
            tax=order.get("total_tax"),
            discount=order.get("total_discounts"),
            source_name=order.get("source_name"),
            store_id=order.get("location_id"),
            products=[_line(line) for line in objects(order, "line_items")],
        ),
        "context": said(channel="store" if order.get("source_name") == POS else "web", traits=traits, page=page),
    }
    return Sent(message=message, order=order_key("shopify", "order", order.get("id")))


def _line(line: Object) -> Object:
    return said(
        sku=line.get("sku"),
        product_id=line.get("product_id"),
        name=line.get("title"),
        price=line.get("price"),
        quantity=line.get("quantity"),
    )


def _user(hook: Hook, customer: Object) -> Object:
    return said(userId=customer.get("id")) if hook.customer_ids else {}


def _contacts(of: Object) -> Object:
    return said(email=of.get("email"), phone=of.get("phone"))


def _absolute(site: Any) -> str | None:
    """``landing_site`` is a path with a query: what brought the customer is in there."""
    return f"https://shop.invalid{site}" if isinstance(site, str) and site.startswith("/") else None


_TOPICS: Final[dict[str, Callable[[Hook, Object, str], Iterator[Sent]]]] = {
    "orders/create": _created,
    "orders/updated": _updated,
    "orders/cancelled": _cancelled,
    "refunds/create": _refunded,
    "customers/create": _customer,
    "customers/update": _customer,
}
