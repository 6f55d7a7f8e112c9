"""The sample shop: the same for a seed, and of a plausible shape."""

from __future__ import annotations

import re
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest

from tappa.demo.line import lines
from tappa.demo.shop import shop, shop_of
from tappa.demo.touch import DAY, Touch

END = date(2026, 3, 31)


def fingerprint(touches: Iterable[Touch]) -> str:
    running = sha256()
    for line in lines(touches):
        running.update(line)
    return running.hexdigest()


@pytest.fixture(scope="module")
def year() -> list[Touch]:
    return list(shop(seed=5, customers=1_000, days=400, end=END))


def bodies(touches: Iterable[Touch], event: str) -> list[dict[str, Any]]:
    return [touch.body for touch in touches if touch.body.get("event") == event and not touch.copied_after]


def receipts(touches: Iterable[Touch], kind: str) -> list[dict[str, Any]]:
    return [touch.body for touch in touches if touch.receipt and touch.body["kind"] == kind and not touch.copied_after]


def key(receipt: dict[str, Any]) -> tuple[str, ...]:
    return tuple(receipt[part] for part in ("store_id", "till_id", "business_date", "receipt_id"))


def test_the_same_seed_gives_the_same_bytes() -> None:
    once = fingerprint(shop(seed=7, customers=100, days=60, end=END))
    assert once == fingerprint(shop(seed=7, customers=100, days=60, end=END))


def test_another_seed_gives_another_shop() -> None:
    assert fingerprint(shop(seed=7, customers=100, days=60, end=END)) != fingerprint(
        shop(seed=8, customers=100, days=60, end=END)
    )


def test_another_last_day_moves_the_dates_and_nothing_else() -> None:
    def undated(end: date) -> list[bytes]:
        days = re.compile(rb"\d{4}-\d\d-\d\d")
        return [days.sub(b"DAY", line) for line in lines(shop(seed=7, customers=100, days=60, end=end))]

    assert undated(END) == undated(date(2024, 2, 29))


def test_sendings_arrive_in_order(year: list[Touch]) -> None:
    arrivals = [touch.arrives for touch in year]
    assert arrivals == sorted(arrivals)


def test_the_last_touchpoints_are_of_the_last_day(year: list[Touch]) -> None:
    last = max(touch.body.get("timestamp") or touch.body["sold_at"] for touch in year)
    assert last.startswith(END.isoformat())


def test_exactly_as_many_touchpoints_as_asked_for() -> None:
    touches = list(shop_of(3_000, seed=3, days=200, end=END))
    assert sum(not touch.copied_after for touch in touches) == 3_000
    names = {str(key(touch.body)) if touch.receipt else touch.body["messageId"] for touch in touches}
    assert len(names) == 3_000


def test_a_few_in_a_hundred_are_copies_word_for_word(year: list[Touch]) -> None:
    copies = [touch for touch in year if touch.copied_after]
    originals = {touch.number: touch.body for touch in year if not touch.copied_after}
    assert 0.02 < len(copies) / len(year) < 0.04
    assert all(originals[touch.number - 1] == touch.body for touch in copies)


def test_stores_upload_some_days_one_to_three_days_late(year: list[Touch]) -> None:
    first = datetime.fromisoformat("2025-02-25T00:00:00Z")
    late = Counter(
        touch.arrives // DAY - (datetime.fromisoformat(touch.body["sold_at"]) - first).days
        for touch in year
        if touch.receipt and not touch.copied_after
    )
    assert set(late) >= {0, 1, 2, 3}
    assert 0.03 < 1 - late[0] / late.total() < 0.2
    assert max(late) == 3


def test_most_orders_have_no_cart_event_before_them(year: list[Touch]) -> None:
    carts = {
        (touch.body["anonymousId"], touch.body["timestamp"][:10])
        for touch in year
        if touch.body.get("event") in ("Product Added", "Checkout Started")
    }
    orders = bodies(year, "Order Completed")
    with_cart = sum((order["anonymousId"], order["timestamp"][:10]) in carts for order in orders)
    assert 0.25 < with_cart / len(orders) < 0.5


def test_most_visitors_only_pass_by_and_a_few_keep_buying(year: list[Touch]) -> None:
    per_device = Counter(touch.body["anonymousId"] for touch in year if "anonymousId" in touch.body)
    assert sum(count <= 3 for count in per_device.values()) / len(per_device) > 0.3
    buyers = Counter(order.get("userId") for order in bodies(year, "Order Completed"))
    assert sum(count >= 3 for user, count in buyers.items() if user) >= 5


def test_people_use_several_devices(year: list[Touch]) -> None:
    named = [touch.body for touch in year if "userId" in touch.body and "anonymousId" in touch.body]
    seen = {(body["userId"], body["anonymousId"]) for body in named}
    assert max(Counter(user for user, _ in seen).values()) >= 2


def test_receipts_come_with_a_card_with_an_address_and_without_either(year: list[Touch]) -> None:
    shown = Counter(next(iter(receipt.get("customer", {})), "nothing") for receipt in receipts(year, "sale"))
    assert set(shown) == {"loyalty_card", "email", "nothing"}
    assert {receipt["store_id"] for receipt in receipts(year, "sale")} == {"milano-01", "torino-02", "bari-03"}


def test_returns_and_voids_name_a_receipt_that_was_issued(year: list[Touch]) -> None:
    sales = {key(receipt) for receipt in receipts(year, "sale")}
    undone = [*receipts(year, "return"), *receipts(year, "void")]
    assert {receipt["kind"] for receipt in undone} == {"return", "void"}
    assert all(key(receipt["refers_to"]) in sales for receipt in undone)


def test_some_card_holders_lapse_and_some_of_them_come_back(year: list[Touch]) -> None:
    days: dict[str, list[datetime]] = {}
    for receipt in receipts(year, "sale"):
        if card := receipt.get("customer", {}).get("loyalty_card"):
            days.setdefault(card, []).append(datetime.fromisoformat(receipt["sold_at"]))
    gaps = [(after - before).days for times in days.values() for before, after in pairwise(times)]
    ended = datetime.fromisoformat("2026-03-31T23:59:59Z")
    assert any(gap > 90 for gap in gaps)
    assert any((ended - times[-1]).days > 90 for times in days.values() if len(times) > 1)


def test_every_kind_of_touchpoint_is_there(year: list[Touch]) -> None:
    events = {touch.body.get("event") for touch in year}
    assert events >= {
        "Products Searched",
        "Product Viewed",
        "Product Added",
        "Product Added to Wishlist",
        "Checkout Started",
        "Order Completed",
        "Order Refunded",
        "Order Delivered",
        "Newsletter Subscribed",
        "Signed Up",
        "Support Ticket Opened",
        "Survey Answered",
        "Product Reviewed",
        "Invite Sent",
        "Loyalty Programme Joined",
        "Email Opened",
    }
    campaigns = {touch.body.get("context", {}).get("campaign", {}).get("medium") for touch in year}
    assert campaigns >= {"cpc", "paid_social", "affiliate", "email", "referral", "video", "qr", None}
    scores = {body["properties"]["score"] for body in bodies(year, "Survey Answered")}
    assert scores <= set(range(11))
    assert scores & {9, 10}


def test_what_has_been_handed_out_is_not_kept() -> None:
    def peak(keep: bool) -> int:
        tracemalloc.start()
        handed_out = shop(seed=2, customers=400, days=200, end=END)
        assert list(handed_out) if keep else sum(1 for _ in handed_out)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(keep=False) < peak(keep=True) / 5
