"""The sample shop: everything that its site, app, tills and offices would have sent, in the order in which it would
have arrived.

One random generator is drawn from in one order, so the same seed gives the same shop. It keeps the people who are still
around and the sendings that are on their way, some hundred bytes each, and nothing of what it has handed out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from heapq import heappop, heappush
from random import Random

from tappa.demo.assortment import CAMPAIGNS, FRIEND, LATE_STORE, PRODUCTS, STORES, Campaign, Product
from tappa.demo.shopper import Shopper, at_opening
from tappa.demo.touch import DAY, HOUR, MINUTE, SECOND, Body, Calendar, Touch

COPIES = 0.025
"""Of all sendings, how many are sent again: a phone that did not hear the answer, a till that repeats itself."""

OFFLINE_APP = 0.06
"""Of the app's messages, how many reach the shop hours later."""

TOUCHPOINTS_A_CUSTOMER = 11
"""About; where the search for the number of customers starts."""

ANONYMOUS_RECEIPTS_A_DAY = 0.0012
"""Receipts that name nobody, per store, day and customer of the whole run."""


def shop(*, seed: int, customers: int, days: int, end: date) -> Iterator[Touch]:
    """Everything that about ``customers`` people do in the ``days`` days up to and including ``end``. The same
    arguments give the same sequence; another ``end`` moves its dates and changes nothing else."""
    return Shop(seed=seed, customers=customers, days=days, end=end).run()


def shop_of(touchpoints: int, *, seed: int, days: int, end: date) -> Iterator[Touch]:
    """The newest ``touchpoints`` touchpoints of a shop that has a few more; copies come on top of the number. What
    is left out is the shop's beginning, as when a shop starts to measure one day."""
    customers = 1 + touchpoints // TOUCHPOINTS_A_CUSTOMER
    while (
        total := sum(not touch.copied_after for touch in shop(seed=seed, customers=customers, days=days, end=end))
    ) < touchpoints:
        customers += 1 + customers * (touchpoints - total) // max(total, 1)
    originals = 0
    first: tuple[int, int] | None = None
    for touch in shop(seed=seed, customers=customers, days=days, end=end):
        originals += not touch.copied_after
        if first is None and originals > total - touchpoints:
            first = (touch.arrives, touch.number)
        if first is not None and (touch.arrives - touch.copied_after, touch.number - bool(touch.copied_after)) >= first:
            yield touch


class Shop:
    """One run. ``run`` may be called once."""

    def __init__(self, *, seed: int, customers: int, days: int, end: date) -> None:
        self.rng = Random(seed)  # noqa: S311 - a sample, not a secret
        self._customers = customers
        self._days = days
        self._calendar = Calendar(end - timedelta(days=days - 1))
        self._on_their_way: list[Touch] = []
        self._sent = 0
        self._orders = 0
        self._receipts = dict.fromkeys((store for store, _ in STORES), 0)
        self._friends = 0

    def run(self) -> Iterator[Touch]:
        """All sendings by arrival. What would arrive after the last day arrives at its end."""
        visits: list[tuple[int, int, Iterator[int]]] = []
        come = 0
        for day in range(self._days):
            while come < self._customers and self._arrival(come) <= day:
                life = Shopper(self, come, day, self._way_in()).life()
                heappush(visits, (next(life), come, life))
                come += 1
            self._anonymous_receipts(day)
            while visits and visits[0][0] < (day + 1) * DAY:
                at, number, life = heappop(visits)
                yield from self._arrived(at)
                following = next(life, None)
                if following is not None:
                    heappush(visits, (following, number, life))
        yield from self._arrived(None)

    # What shoppers call

    def campaign(self) -> Campaign:
        """A way to the site."""
        return self.rng.choice(CAMPAIGNS)

    def expect_friend(self) -> None:
        """Somebody was recommended to come."""
        self._friends += 1

    def next_order(self) -> int:
        """Number of the next order on the web."""
        self._orders += 1
        return self._orders

    def message(self, at: int, device: str, body: Body, *, app: bool) -> None:
        """Send a message in Segment's form that says what happened at ``at``."""
        rng = self.rng
        body["messageId"] = f"{rng.getrandbits(96):024x}"
        body["timestamp"] = self._calendar.timestamp(at)
        context = body.setdefault("context", {})
        if app:
            context["library"] = {"name": "analytics-ios", "version": "4.1.8"}
            context.setdefault("channel", "app")
        elif device:
            context["library"] = {"name": "analytics.js", "version": "2.1.0"}
        else:
            context["library"] = {"name": "analytics-python", "version": "2.3.2"}
        late = int(rng.uniform(1, 20) * HOUR) if app and rng.random() < OFFLINE_APP else rng.randrange(2 * SECOND)
        self._send(at, at + late, receipt=False, body=body)

    def receipt(
        self, at: int, store: str, products: list[Product], customer: Body | None, *, returned: bool = False
    ) -> None:
        """Ring up a sale, and what follows from it: a return days later, or a till that voids it and starts again."""
        rng = self.rng
        sale = self._rung_up(at, store, products, customer, "sale")
        if returned:
            back = at_opening(rng, at + rng.randrange(1, 15) * DAY)
            self._rung_up(back, store, products[:1], customer, "return", refers_to=sale)
        elif rng.random() < 0.01:
            self._rung_up(at + 2 * MINUTE, store, products, customer, "void", refers_to=sale)

    # How things get there

    def _arrival(self, number: int) -> int:
        """The day on which the person of this number comes first: evenly, the shop growing a little."""
        return int(((number + 0.5) / self._customers) ** 0.85 * self._days)

    def _way_in(self) -> Campaign:
        if self._friends and self.rng.random() < 0.5:
            self._friends -= 1
            return FRIEND
        return self.campaign()

    def _anonymous_receipts(self, day: int) -> None:
        rng = self.rng
        for store, _ in STORES:
            expected = ANONYMOUS_RECEIPTS_A_DAY * self._customers * rng.uniform(0.5, 1.5)
            for _ in range(int(expected) + (rng.random() < expected % 1)):
                products = rng.sample(PRODUCTS, rng.choice((1, 1, 2, 3)))
                self.receipt(at_opening(rng, day * DAY), store, products, None, returned=rng.random() < 0.03)

    def _rung_up(
        self,
        at: int,
        store: str,
        products: list[Product],
        customer: Body | None,
        kind: str,
        *,
        refers_to: Body | None = None,
    ) -> Body:
        rng = self.rng
        self._receipts[store] += 1
        body: Body = {
            "type": "receipt",
            "receipt_id": f"{self._receipts[store]:06d}",
            "store_id": store,
            "till_id": f"{rng.randint(1, dict(STORES)[store])}",
            "business_date": self._calendar.day(at),
            "sold_at": self._calendar.timestamp(at),
            "kind": kind,
            "total": sum(product.cents for product in products) / 100,
            "currency": "EUR",
            "lines": [
                {"sku": p.sku, "name": p.name, "quantity": 1, "unit_price": p.cents / 100, "category": p.category}
                for p in products
            ],
            "payments": [
                {
                    "method": rng.choice(("card", "card", "cash")),
                    "amount": sum(product.cents for product in products) / 100,
                }
            ],
        }
        if customer:
            body["customer"] = customer
        if refers_to:
            body["refers_to"] = {
                name: refers_to[name] for name in ("store_id", "till_id", "business_date", "receipt_id")
            }
        self._send(at, self._uploaded(at, store), receipt=True, body=body)
        return body

    def _uploaded(self, at: int, store: str) -> int:
        """When the store's receipt of this moment gets here: at once, or with the whole day's, one to three days
        late. It is the same for all receipts of a store and day, so it comes from the day and not from the
        generator."""
        day = at // DAY
        late = (day * 7 + len(store) * 3 + day // 11) % (5 if store == LATE_STORE else 13)
        return (day + 1 + day % 3) * DAY + 7 * HOUR + at % DAY // 1_000 if late == 0 else at + SECOND

    def _send(self, at: int, arrives: int, *, receipt: bool, body: Body) -> None:
        if at >= self._days * DAY:
            return
        self._sent += 1
        heappush(self._on_their_way, Touch(arrives, self._sent, receipt, 0, body))
        if self.rng.random() < COPIES:
            self._sent += 1
            after = self.rng.choice((2 * SECOND, 30 * SECOND, 2 * HOUR))
            heappush(self._on_their_way, Touch(arrives + after, self._sent, receipt, after, body))

    def _arrived(self, until: int | None) -> Iterator[Touch]:
        """Hand out what has arrived before ``until``, or everything."""
        waiting = self._on_their_way
        while waiting and (until is None or waiting[0].arrives < until):
            yield heappop(waiting)
