"""What the workload's messages and receipts say: JSON of about 700 bytes each, as a shop's pages and tills send it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, TypeVar

from benches.customers import Who

T = TypeVar("T")

PRODUCTS: Final = tuple(
    (f"sku-{number:04d}", name, category, 4.95 + number * 7 % 190)
    for number, (name, category) in enumerate(
        (f"{quality} {thing}", category)
        for thing, category in (
            ("rain jacket", "outdoor"), ("trail shoe", "shoes"), ("wool sock", "basics"), ("linen shirt", "shirts"),
            ("day pack", "outdoor"), ("belt", "accessories"), ("winter coat", "coats"), ("denim", "trousers"),
        )
        for quality in ("Light", "Heavy", "Classic", "Alpine", "Urban")
    )
)  # fmt: skip
AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0",
)
SHOP: Final = "https://shop.example"
REFERRERS: Final = ("https://www.google.com/", "https://www.instagram.com/", f"{SHOP}/", f"{SHOP}/", f"{SHOP}/", "")
CAMPAIGNS: Final = (
    '"campaign":{"source":"google","medium":"cpc","name":"autumn-sale","content":"rain"},',
    '"campaign":{"source":"newsletter","medium":"email","name":"week-47"},',
    *6 * ("",),
)
STORES: Final = ("berlin-mitte", "hamburg-altona", "koeln-sued")
NOBODY: Final = Who("", "", "", "")


def message(rng: Random, who: Who, message_id: str, at_ms: int) -> tuple[str, str]:
    """The type and the JSON of one message of an online shop."""
    named = on_message(who)
    lot = rng.random()
    if lot < 0.40:
        return "page", _paged(rng, named, message_id, at_ms)
    if lot < 0.75:
        return "track", viewed(rng, named, message_id, at_ms)
    if lot < 0.85:
        return "track", _searched(rng, named, message_id, at_ms)
    if lot < 0.94:
        return "track", viewed(rng, named, message_id, at_ms, event="Product Added")
    if lot < 0.98 or not who.user:
        return "track", _ordered(rng, named, message_id, at_ms)
    return identified(rng, who, message_id, at_ms)


def identified(rng: Random, who: Who, message_id: str, at_ms: int) -> tuple[str, str]:
    """The same for a login. One that tells the e-mail address comes from the accounts' server, which knows no device:
    a device that is seen with all addresses of a customer would become shared."""
    email = f'"email":"{who.email}",' if who.email else ""
    named = on_message(who._replace(device="") if email else who)
    traits = f'{email}"plan":"club","newsletter":true,"logins":{int(rng.random() * 90)}'
    page = _page(rng, "/account", "Your account")
    rest = _rest(rng, message_id, at_ms, page)
    return "identify", f'{{"type":"identify",{named}{rest},"traits":{{{traits}}}}}'


def on_message(who: Who) -> str:
    """The identifiers as members of a message, with a comma behind each."""
    user = f'"userId":"{who.user}",' if who.user else ""
    return f'{user}"anonymousId":"{who.device}",' if who.device else user


def bought(rng: Random, who: Who, message_id: str, at_ms: int) -> tuple[str, str]:
    """One receipt of a till: a fifth name nobody, the others a loyalty card or, of those who log in, the user."""
    lot = rng.random()
    if lot < 0.2:
        return receipt(rng, NOBODY, message_id, at_ms)
    if lot < 0.6 or not who.user:
        return receipt(rng, NOBODY._replace(card=who.card), message_id, at_ms)
    return receipt(rng, NOBODY._replace(user=who.user), message_id, at_ms)


def receipt(rng: Random, who: Who, message_id: str, at_ms: int) -> tuple[str, str]:
    """A receipt that names all that is known of its customer."""
    lines, total = [], 0.0
    for _ in range(3):
        sku, name, category, price = pick(rng, PRODUCTS)
        quantity = 1 + int(rng.random() * 2)
        total += price * quantity
        lines.append(
            f'{{"sku":"{sku}","name":"{name}","quantity":{quantity},"unit_price":{price:.2f},"category":"{category}"}}'
        )
    named = {"user_id": who.user, "loyalty_card": who.card, "email": who.email, "phone": who.phone}
    customer = ",".join(f'"{name}":"{value}"' for name, value in named.items() if value)
    customer = f'"customer":{{{customer}}},' if customer else ""
    when = _timestamp(at_ms)
    return "receipt", (
        f'{{"receipt_id":"{message_id}","store_id":"{pick(rng, STORES)}","till_id":"till-{int(rng.random() * 6)}",'
        f'"business_date":"{when[:10]}","sold_at":"{when[:-1]}+00:00","kind":"sale","total":{total:.2f},"currency":"EUR",'
        f'{customer}"lines":[{",".join(lines)}],"payments":[{{"method":"card","amount":{total:.2f}}}],'
        f'"cashier":"c-{int(rng.random() * 30)}","tse_signature":"{rng.getrandbits(256):064x}"}}'
    )


def viewed(rng: Random, who: str, message_id: str, at_ms: int, *, event: str = "Product Viewed") -> str:
    """A look at a product, or what else is done to one; ``who`` is identifiers, as JSON members that end in a comma."""
    sku, name, category, price = pick(rng, PRODUCTS)
    properties = (
        f'"product_id":"{sku}","sku":"{sku}","name":"{name}","category":"{category}","brand":"Nordwind",'
        f'"variant":"blue / L","price":{price:.2f},"currency":"EUR","quantity":{1 + int(rng.random() * 3)},'
        f'"position":{1 + int(rng.random() * 40)}'
    )
    return _track(rng, event, who, message_id, at_ms, _page(rng, f"/{category}/{sku}", name), properties)


def pick(rng: Random, choices: Sequence[T]) -> T:
    """One of them; a third of the price of ``Random.choice``."""
    return choices[int(rng.random() * len(choices))]


def _paged(rng: Random, who: str, message_id: str, at_ms: int) -> str:
    sku, name, category, _ = pick(rng, PRODUCTS)
    page = _page(rng, f"/{category}/{sku}", name)
    properties = f'{page},"search":"","load_ms":{90 + int(rng.random() * 2400)}'
    return f'{{"type":"page","name":"{name}",{who}{_rest(rng, message_id, at_ms, page)},"properties":{{{properties}}}}}'


def _searched(rng: Random, who: str, message_id: str, at_ms: int) -> str:
    _, name, category, _ = pick(rng, PRODUCTS)
    properties = (
        f'"query":"{name.lower()}","results":{int(rng.random() * 120)},"sort":"relevance","filters":'
        f'[{{"type":"category","value":"{category}"}},{{"type":"size","value":"L"}},{{"type":"in_stock","value":"true"}}]'
    )
    return _track(rng, "Products Searched", who, message_id, at_ms, _page(rng, "/search", "Search"), properties)


def _ordered(rng: Random, who: str, message_id: str, at_ms: int) -> str:
    sku, name, _, price = pick(rng, PRODUCTS)
    quantity = 1 + int(rng.random() * 3)
    properties = (
        f'"order_id":"o-{message_id[:12]}","total":{price * quantity:.2f},"currency":"EUR","shipping":4.90,"tax":0.00,'
        f'"products":[{{"product_id":"{sku}","sku":"{sku}","name":"{name}","price":{price:.2f},"quantity":{quantity}}}]'
    )
    page = _page(rng, "/checkout/thanks", "Thank you")
    return _track(rng, "Order Completed", who, message_id, at_ms, page, properties)


def _track(rng: Random, event: str, who: str, message_id: str, at_ms: int, page: str, properties: str) -> str:
    rest = _rest(rng, message_id, at_ms, page)
    return f'{{"type":"track","event":"{event}",{who}{rest},"properties":{{{properties}}}}}'


def _page(rng: Random, path: str, title: str) -> str:
    return f'"url":"{SHOP}{path}","path":"{path}","title":"{title}","referrer":"{pick(rng, REFERRERS)}"'


def _rest(rng: Random, message_id: str, at_ms: int, page: str) -> str:
    """What every message of a browser carries."""
    return (
        f'"messageId":"ajs-next-{message_id}","timestamp":"{_timestamp(at_ms)}",'
        f'"context":{{"page":{{{page}}},{pick(rng, CAMPAIGNS)}"userAgent":"{pick(rng, AGENTS)}","locale":"de-DE",'
        f'"library":{{"name":"analytics.js","version":"next-1.81.1"}}}}'
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _timestamp(at_ms: int) -> str:
    """``2026-11-21T10:15:00.123Z``"""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")[:23] + "Z"
