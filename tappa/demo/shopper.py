"""One person's dealings with the sample shop, from the first visit to the last."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tappa.demo.assortment import (
    CATEGORIES,
    DIRECT,
    FIRST_NAMES,
    LAST_NAMES,
    NEWSLETTER,
    PRODUCTS,
    SEARCHES,
    SITE,
    STORES,
    WE_MISS_YOU,
    Campaign,
    Product,
)
from tappa.demo.touch import DAY, HOUR, MINUTE, SECOND, Body

if TYPE_CHECKING:
    from tappa.demo.shop import Shop

HABITS: Final = {"passer_by": 50, "looker": 22, "buyer": 17, "regular": 7, "store_goer": 4}
"""Of a hundred people, how many only pass by, look around, buy, keep buying, or buy in the stores alone."""

_HOURS: Final = tuple(
    hour
    for hour, weight in enumerate((1, 1, 0, 0, 0, 1, 2, 4, 6, 7, 8, 8, 9, 8, 7, 7, 8, 9, 10, 12, 14, 13, 9, 4))
    for _ in range(weight)
)
_STORE_HOURS: Final = range(9, 20)


class Shopper:
    """A person: devices, what the shop knows of them, and a life of visits."""

    __slots__ = (
        "address",
        "app",
        "bought",
        "campaign",
        "card",
        "devices",
        "first_day",
        "habit",
        "knows",
        "name",
        "newsletter",
        "number",
        "shop",
        "store",
        "user_id",
    )

    def __init__(self, shop: Shop, number: int, first_day: int, campaign: Campaign) -> None:
        rng = shop.rng
        self.shop = shop
        self.number = number
        self.first_day = first_day
        self.campaign = campaign
        self.habit = rng.choices(tuple(HABITS), tuple(HABITS.values()))[0]
        self.devices = [device_id(rng)]
        self.knows: set[str] = set()
        """Devices on which they have logged in."""
        self.app = rng.random() < 0.2
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        self.name = f"{first} {last}"
        self.address = f"{first}.{last}.{number}@mail.example".lower()
        self.user_id = ""
        self.card = ""
        self.newsletter = False
        self.bought = 0
        self.store = rng.choices([store for store, _ in STORES], (5, 3, 2))[0]

    def life(self) -> Iterator[int]:
        """Yields the time of the next visit, and makes that visit when asked for the one after. Ends with the
        person's last visit."""
        rng = self.shop.rng
        at = self.first_day * DAY + time_of_day(rng)
        if self.habit == "passer_by":
            yield at
            self.look(at, self.campaign, pages=rng.choice((1, 1, 1, 2, 2, 3)))
            if rng.random() < 0.15:
                at = later(rng, at, 9)
                yield at
                self.look(at, DIRECT, pages=1)
            return
        if self.habit == "store_goer":
            self.join_programme(at)
            yield from self.loyal_years(at, gap_days=rng.uniform(14, 60), web=0.0)
            return
        at = yield from self.research(at, visits=rng.randint(1, 4) if self.habit == "regular" else rng.randint(1, 7))
        if self.habit == "looker":
            return
        at = later(rng, at, 2)
        yield at
        if rng.random() < (0.45 if self.habit == "regular" else 0.2):
            self.join_programme(at)
        self.buy(at, web=0.7)
        at = yield from self.after_sale(at)
        if self.habit == "regular":
            yield from self.loyal_years(later(rng, at, 30), gap_days=rng.lognormvariate(3.5, 0.5), web=rng.random())
        elif rng.random() < 0.3:
            at = later(rng, at, rng.uniform(15, 150))
            yield at
            self.buy(at, web=0.7)
            yield from self.after_sale(at)

    def research(self, at: int, visits: int) -> Generator[int, None, int]:
        """The visits before a first purchase. Returns the time of the last."""
        rng = self.shop.rng
        campaign = self.campaign
        for visit in range(visits):
            yield at
            if rng.random() < 0.25 and len(self.devices) < 3:
                self.devices.append(device_id(rng))
            self.look(at, campaign, pages=rng.randint(2, 6), curious=True)
            if not self.newsletter and rng.random() < 0.12:
                self.subscribe(at + 9 * MINUTE)
            if not self.user_id and rng.random() < 0.15:
                self.sign_up(at + 10 * MINUTE)
            if rng.random() < 0.08:
                self.ask(at + 12 * MINUTE, "product question")
            campaign = (
                NEWSLETTER
                if self.newsletter and rng.random() < 0.5
                else self.shop.campaign()
                if rng.random() < 0.3
                else DIRECT
            )
            if visit < visits - 1:
                at = later(rng, at, rng.choice((1, 2, 4, 9, 20)))
        return at

    def after_sale(self, at: int) -> Generator[int, None, int]:
        """Help, survey, review: each only sometimes. Returns the time of the last."""
        rng = self.shop.rng
        if rng.random() < 0.15:
            at = later(rng, at, 4)
            yield at
            self.ask(at, rng.choice(("where is my parcel", "wrong size", "warranty", "how to wash it")))
        if rng.random() < 0.3:
            at = later(rng, at, 6)
            yield at
            self.answer_survey(at)
        if rng.random() < (0.2 if self.habit == "regular" else 0.08):
            at = later(rng, at, 8)
            yield at
            self.review(at)
        return at

    def loyal_years(self, at: int, gap_days: float, web: float) -> Iterator[int]:
        """Purchase after purchase, a visit now and then between them, until they stay away; a message may win them
        back."""
        rng = self.shop.rng
        while True:
            yield at
            self.buy(at, web=web)
            if rng.random() < 0.12:
                self.recommend(later(rng, at, 3))
            at = yield from self.after_sale(at)
            if web and rng.random() < 0.5:
                at = later(rng, at, gap_days / 3)
                yield at
                self.look(at, NEWSLETTER if self.newsletter else DIRECT, pages=rng.randint(2, 5), curious=True)
            at = later(rng, at, gap_days)
            if rng.random() < 0.08:
                at += int(rng.uniform(95, 220) * DAY)
                if rng.random() > 0.45:
                    return
                yield at
                if web:
                    self.mail(at, WE_MISS_YOU)
                    self.look(at + HOUR, WE_MISS_YOU, pages=3, curious=True)
                at += 3 * HOUR

    # What they do

    def look(self, at: int, campaign: Campaign, pages: int, *, curious: bool = False) -> int:
        """A visit to the site or the app. Returns when it ended."""
        rng = self.shop.rng
        device = rng.choice(self.devices)
        if self.user_id and device not in self.knows and rng.random() < 0.5:
            self.log_in(at + 20 * SECOND, device)
        category = rng.choice(CATEGORIES)
        self.view_page(at, device, "/" if rng.random() < 0.5 else f"/c/{category}", campaign)
        seen = Campaign("", "", "", SITE + "/")
        for _ in range(pages - 1):
            at += int(rng.expovariate(1 / 40) * SECOND) + 2 * SECOND
            chance = rng.random()
            if not curious or chance < 0.3:
                self.view_page(at, device, f"/c/{rng.choice(CATEGORIES)}", seen)
            elif chance < 0.45:
                self.track(at, device, "Products Searched", {"query": rng.choice(SEARCHES)})
            else:
                product = rng.choice(PRODUCTS)
                self.track(at, device, "Product Viewed", described(product))
                if rng.random() < 0.1:
                    self.track(at + 30 * SECOND, device, "Product Added to Wishlist", described(product))
                elif rng.random() < 0.12:
                    self.track(at + 40 * SECOND, device, "Product Added", {**described(product), "quantity": 1})
        return at

    def buy(self, at: int, web: float) -> None:
        """A purchase, on the web with probability ``web``, else in the store. Most of those on the web leave no cart
        event: they come from the app, a telephone call or a one-click button."""
        rng = self.shop.rng
        self.bought += 1
        products = rng.sample(PRODUCTS, rng.choice((1, 1, 1, 2, 2, 3, 4)))
        if rng.random() >= web:
            self.shop.receipt(
                at_opening(rng, at), self.store, products, self.as_customer(), returned=rng.random() < 0.06
            )
            return
        device = rng.choice(self.devices)
        if not self.user_id and rng.random() < 0.75:
            self.sign_up(at, device)
        elif self.user_id and device not in self.knows:
            self.log_in(at, device)
        at += 2 * MINUTE
        if rng.random() < 0.4:
            for product in products:
                at += 50 * SECOND
                self.track(at, device, "Product Added", {**described(product), "quantity": 1})
            if rng.random() < 0.7:
                at += 60 * SECOND
                self.track(
                    at, device, "Checkout Started", {"value": money(sum(p.cents for p in products)), "currency": "EUR"}
                )
        at += 90 * SECOND
        total = sum(product.cents for product in products)
        order_id = f"W{self.shop.next_order():06d}"
        order: Body = {
            "order_id": order_id,
            "total": money(total),
            "revenue": money(total),
            "currency": "EUR",
            "products": [{**described(product), "quantity": 1} for product in products],
        }
        self.track(at, device, "Order Completed", order)
        if rng.random() < 0.7:
            self.serve(later(rng, at, 3), "Order Delivered", {"order_id": order_id}, "email")
        if rng.random() < 0.07:
            refund = {
                "order_id": order_id,
                "total": money(products[0].cents),
                "currency": "EUR",
                "products": [described(products[0])],
            }
            self.track(later(rng, at, 9), device, "Order Refunded", refund)

    def ask(self, at: int, subject: str) -> None:
        """For help, by chat or by telephone."""
        if self.user_id and self.shop.rng.random() < 0.4:
            self.serve(at, "Support Ticket Opened", {"subject": subject}, "call_centre")
        else:
            self.track(at, self.devices[0], "Support Ticket Opened", {"subject": subject})

    def answer_survey(self, at: int) -> None:
        """How likely are you to recommend us? Regulars are fonder of the shop."""
        fond = self.shop.rng.choices(
            range(11),
            (2, 1, 1, 1, 2, 4, 5, 9, 12, 12, 10) if self.habit != "regular" else (0, 0, 0, 0, 1, 1, 2, 6, 14, 22, 20),
        )
        self.serve(at, "Survey Answered", {"score": fond[0], "score_kind": "nps"}, "email")

    def review(self, at: int) -> None:
        """Of a product, with stars."""
        product = self.shop.rng.choice(PRODUCTS)
        rating = self.shop.rng.choices((1, 2, 3, 4, 5), (1, 1, 2, 6, 9))[0]
        self.track(at, self.devices[0], "Product Reviewed", {"product_id": product.sku, "rating": rating})

    def recommend(self, at: int) -> None:
        """Invite a friend, who may come."""
        self.serve(at, "Invite Sent", {"programme": "bring_a_friend"}, "email")
        self.shop.expect_friend()

    def subscribe(self, at: int) -> None:
        """To the newsletter, leaving an e-mail address."""
        self.newsletter = True
        device = self.devices[0]
        self.shop.message(
            at, device, self.said_on(device) | {"type": "identify", "traits": {"email": self.address}}, app=False
        )
        self.track(at + SECOND, device, "Newsletter Subscribed", {"list": "weekly"})

    def mail(self, at: int, campaign: Campaign) -> None:
        """A message from the shop that they open."""
        self.serve(at, "Email Opened", {"campaign": campaign.name}, "email")

    def sign_up(self, at: int, device: str = "") -> None:
        """Open an account."""
        device = device or self.devices[0]
        self.user_id = f"U{100_000 + self.number}"
        self.log_in(at, device)
        self.track(at + SECOND, device, "Signed Up", {"method": "email"})

    def log_in(self, at: int, device: str) -> None:
        """Tell the shop, on this device, who they are."""
        self.knows.add(device)
        traits: Body = {"email": self.address, "name": self.name}
        if self.card:
            traits["loyalty_card"] = self.card
        if self.number % 5 == 0:
            traits["phone"] = f"+39 333 {self.number % 10_000_000:07d}"
        self.shop.message(at, device, self.said_on(device) | {"type": "identify", "traits": traits}, app=False)

    def join_programme(self, at: int) -> None:
        """Take a loyalty card; regulars mostly."""
        if self.habit == "store_goer" and self.shop.rng.random() < 0.15:
            return
        self.card = f"{9_900_000_000 + self.number}"
        if self.shop.rng.random() < 0.7:
            self.serve(at, "Loyalty Programme Joined", {"card": self.card}, "store")

    def as_customer(self) -> Body | None:
        """What they show at the till: the card, mostly, when they have one; an e-mail address for the receipt;
        nothing."""
        rng = self.shop.rng
        if self.card and rng.random() < 0.85:
            return {"loyalty_card": self.card}
        return {"email": self.address} if rng.random() < 0.25 else None

    # How it is written down

    def said_on(self, device: str) -> Body:
        """The identifiers that a message from this device carries."""
        return {"anonymousId": device, "userId": self.user_id} if device in self.knows else {"anonymousId": device}

    def track(self, at: int, device: str, event: str, properties: Body) -> None:
        """Something done on a device."""
        self.shop.message(
            at, device, self.said_on(device) | {"type": "track", "event": event, "properties": properties}, app=self.app
        )

    def view_page(self, at: int, device: str, path: str, campaign: Campaign) -> None:
        """A page of the site; the campaign says how they got to it."""
        page: Body = {"path": path, "url": SITE + path, "title": "Summit Supply", "referrer": campaign.referrer}
        context: Body = {"page": page}
        if campaign.source:
            page["url"] += f"?utm_source={campaign.source}&utm_medium={campaign.medium}&utm_campaign={campaign.name}"
            context["campaign"] = {"source": campaign.source, "medium": campaign.medium, "name": campaign.name}
        self.shop.message(
            at, device, self.said_on(device) | {"type": "page", "properties": dict(page), "context": context}, app=False
        )

    def serve(self, at: int, event: str, properties: Body, channel: str) -> None:
        """Told by one of the shop's own systems, which know the account or the address."""
        body: Body = {"type": "track", "event": event, "properties": properties, "context": {"channel": channel}}
        if self.user_id:
            body["userId"] = self.user_id
        else:
            body["context"]["traits"] = {"loyalty_card": self.card} if self.card else {"email": self.address}
        self.shop.message(at, "", body, app=False)


def device_id(rng: Random) -> str:
    """A browser's cookie."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def time_of_day(rng: Random) -> int:
    """More in the evening than at night."""
    return rng.choice(_HOURS) * HOUR + rng.randrange(HOUR)


def at_opening(rng: Random, at: int) -> int:
    """The same day while the stores are open, or the next day when that is past."""
    moment = at // DAY * DAY + rng.choice(_STORE_HOURS) * HOUR + rng.randrange(HOUR)
    return moment if moment >= at else moment + DAY


def later(rng: Random, at: int, days: float) -> int:
    """About ``days`` later, never before the next day, at some time of that day."""
    return (at // DAY + 1 + int(rng.expovariate(1 / days))) * DAY + time_of_day(rng)


def money(cents: int) -> float:
    """In euros."""
    return cents / 100


def described(product: Product) -> dict[str, Any]:
    """The product as Segment's e-commerce events carry it."""
    return {
        "product_id": product.sku,
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "price": money(product.cents),
        "currency": "EUR",
    }
