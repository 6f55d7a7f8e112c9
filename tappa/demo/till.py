"""The till simulator: receipts as the tills of several stores would have sent them, in the order in which they would
have arrived, with everything that makes receipts hard.

One random generator is drawn from in one order, so the same seed gives the same receipts; when they arrive is drawn
from others, so that lateness changes nothing in them. Kept are the sendings on their way, and the known totals.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Final, NamedTuple

from ingest.receipt_key import receipt_key
from tappa.demo.assortment import FIRST_NAMES, LAST_NAMES, PRODUCTS
from tappa.demo.branch import Branch, branches
from tappa.demo.receipt import by_its_sign, line_of, settled, taken_back
from tappa.demo.takings import Takings
from tappa.demo.touch import DAY, HOUR, MINUTE, SECOND, Body, Calendar, Touch

COPIES: Final = 0.025
"""Of all sendings, how many are sent again."""
RECEIPTS_A_PERSON: Final = 6
"""About, of those who show something at the till."""
LATE_DAYS: Final = 0.25
"""Of the days of a store, how many are uploaded as a whole, one to three days late."""
OFFLINE: Final = 0.05
"""Of all other receipts, how many come up to two days late from a till without a line."""

_OPEN: Final = range(9, 20)


class _Place(NamedTuple):
    """Where and when a receipt is rung up."""

    branch: Branch
    till: str
    at: int
    """Local time."""
    day: int
    """The business date."""


class Tills:
    """One run. ``run`` may be called once, and ``takings`` are complete at its end."""

    def __init__(self, *, seed: int, stores: int, days: int, receipts: int, end: date, late: bool) -> None:
        """``receipts`` receipts of all kinds, on the ``days`` days up to and including ``end``. Another ``end`` moves
        the dates and their offsets from UTC, ``late`` what arrives when, and neither changes anything else."""
        self.takings = Takings()
        self._rng = Random(seed)  # noqa: S311 - a sample, not a secret
        self._seed = seed
        self._lateness = Random(f"{seed} late") if late else None  # noqa: S311
        self._uploads: dict[tuple[str, int], int] = {}
        """By store and day: how many days late all of it is."""
        self._days = days
        self._receipts = receipts
        self._midnight = datetime.combine(end - timedelta(days=days - 1), time())
        self._calendar = Calendar(self._midnight.date())
        self._branches = branches(stores)
        self._people = max(1, receipts // RECEIPTS_A_PERSON)
        self._numbers: dict[tuple[str, str, int], int] = {}
        """By store, till and business date: the last receipt's."""
        self._on_their_way: list[Touch] = []
        self._sent = 0

    def run(self) -> Iterator[Touch]:
        """All sendings by arrival. What would arrive after the last day arrives at its end."""
        for day in range(self._days):
            while self.takings.receipts < self._receipts * (day + 1) // self._days:
                self._serve(day)
            yield from self._arrived((day + 1) * DAY)
        yield from self._arrived(None)

    def _serve(self, day: int) -> None:
        """A customer at a till, and all that follows from it: it is among the number of receipts, too."""
        rng = self._rng
        place = self._place(rng.choice(self._branches), day)
        staff = rng.random() < 0.03
        customer = None if staff else self._shown()
        sale = self._sale(place.branch, staff=staff, customer=customer)
        fate = rng.random() if self.takings.receipts + 1 < self._receipts else 1.0
        voided = fate < 0.02
        key = self._ring_up(sale, place, "sale", counts=not voided)
        if voided:
            void = {**sale, "kind": "void", "refers_to": key["receipt_id"]}
            self._ring_up(void, place._replace(at=place.at + 2 * MINUTE), "void", counts=False)
            return
        if fate < 0.12:
            self._bring_back(sale, key, place, exchange=fate < 0.04)
        if customer is None and not staff and rng.random() < 0.1:
            self._claim(key, place)

    def _place(self, branch: Branch, day: int) -> _Place:
        """A till on a day, while the store is open, or rarely late at night, when it still books on the day before."""
        rng = self._rng
        till = str(rng.randint(1, branch.tills))
        if day and rng.random() < 0.02:
            return _Place(branch, till, day * DAY + rng.randrange(90 * MINUTE), day - 1)
        return _Place(branch, till, day * DAY + rng.choice(_OPEN) * HOUR + rng.randrange(HOUR), day)

    def _shown(self) -> Body | None:
        """What a customer shows at the till: mostly the card, or nothing."""
        number = self._rng.randrange(self._people)
        card, email, phone = f"{8_800_000_000 + number}", _address(number), f"+39333{number % 10_000_000:07d}"
        ways: list[Body | None] = [
            {"loyalty_card": card}, {"email": email}, {"phone": phone}, {"loyalty_card": card, "email": email}, None,
        ]  # fmt: skip
        return self._rng.choices(ways, (45, 8, 5, 5, 37))[0]

    def _sale(self, branch: Branch, *, staff: bool, customer: Body | None) -> Body:
        rng = self._rng
        lines = [
            line_of(product, branch, rng.choice((1, 1, 1, 1, 2, 3)), percent_off=rng.choice((0, 0, 0, 0, 10, 30)))
            for product in rng.sample(PRODUCTS, rng.choice((1, 1, 2, 3, 5)))
        ]
        percent_off = 20 if staff else rng.choice((0, 0, 0, 0, 0, 0, 0, 5))
        return {
            "kind": "sale",
            "currency": branch.currencies[0 if rng.random() < 0.9 else -1],
            **settled(rng, lines, branch, percent_off=percent_off),
            **({"staff": True} if staff else {}),
            **({"customer": customer} if customer else {}),
        }

    def _bring_back(self, sale: Body, key: Body, place: _Place, *, exchange: bool) -> None:
        """Days later all or one thing comes back, mostly to the same store, with the receipt or without."""
        rng = self._rng
        others = [one for one in self._branches if sale["currency"] in one.currencies]
        branch = place.branch if rng.random() < 0.8 else rng.choice(others)
        then = self._place(branch, place.day + rng.randrange(1, 15))
        lines = sale["lines"] if rng.random() < 0.4 else sale["lines"][:1]
        knows_receipt, says_kind = rng.random() < 0.7, exchange or rng.random() < 0.8
        instead = line_of(rng.choice(PRODUCTS), branch, 1, percent_off=0)
        if exchange:
            lines = [*map(taken_back, lines), instead]
        back: Body = {
            "kind": "exchange" if exchange else "return",
            **settled(rng, lines, branch, percent_off=0),
            **{name: sale[name] for name in ("currency", "customer") if name in sale},
            **({"refers_to": key} if knows_receipt else {}),
        }
        if then.at >= self._days * DAY:
            return
        kind = back["kind"]
        if not says_kind:
            back = by_its_sign({name: value for name, value in back.items() if name != "kind"})
        self._ring_up(back, then, kind, counts=True)

    def _claim(self, key: Body, place: _Place) -> None:
        """Hours later somebody says that a receipt is theirs."""
        rng = self._rng
        at = place.at + rng.randrange(HOUR, 20 * HOUR)
        number = rng.randrange(self._people)
        parts = {part: str(said) for part, said in key.items()}
        message: Body = {
            "type": "track",
            "event": "Receipt Claimed",
            "messageId": f"{rng.getrandbits(96):024x}",
            "timestamp": self._time(at, place.branch),
            "context": {"channel": "web", "traits": {"email": _address(number)}},
            "properties": {"receipt": receipt_key(**parts)} if rng.random() < 0.5 else key,
        }
        if at < self._days * DAY:
            self.takings.claim()
            self._send(at, at, receipt=False, body=message)

    def _ring_up(self, said: Body, place: _Place, kind: str, *, counts: bool) -> Body:
        """The receipt's key."""
        branch, till, at, day = place
        number = self._numbers[branch.store_id, till, day] = self._numbers.get((branch.store_id, till, day), 0) + 1
        key = {
            "store_id": branch.store_id,
            "till_id": till,
            "business_date": self._calendar.day(day * DAY),
            "receipt_id": number,
        }
        receipt: Body = {"type": "receipt", **key, "sold_at": self._time(at, branch), **said}
        self.takings.ring_up(receipt, kind, counts=counts)
        self._send(at, self._uploaded(at, branch.store_id), receipt=True, body=receipt)
        return key

    def _time(self, at: int, branch: Branch) -> str:
        """As the place's clocks show it, with their offset from UTC."""
        local = self._midnight + timedelta(milliseconds=at)
        return local.replace(tzinfo=branch.zone).isoformat(timespec="seconds")

    def _uploaded(self, at: int, store: str) -> int:
        if self._lateness is None:
            return at + SECOND
        day = at // DAY
        if (store, day) not in self._uploads:
            late = self._lateness.random() < LATE_DAYS
            self._uploads[store, day] = self._lateness.randint(1, 3) if late else 0
        if days := self._uploads[store, day]:  # a day as a whole, in no order
            return (day + days) * DAY + 7 * HOUR + self._lateness.randrange(5 * MINUTE)
        return at + (self._lateness.randrange(2 * DAY) if self._lateness.random() < OFFLINE else SECOND)

    def _send(self, at: int, arrives: int, *, receipt: bool, body: Body) -> None:
        self._sent += 1
        heappush(self._on_their_way, Touch(arrives, self._sent, receipt, 0, body))
        if self._rng.random() < COPIES:
            self._sent += 1
            self.takings.copies += 1
            after = self._rng.choice((2 * SECOND, 30 * SECOND, 2 * HOUR))
            heappush(self._on_their_way, Touch(arrives + after, self._sent, receipt, after, body))

    def _arrived(self, until: int | None) -> Iterator[Touch]:
        """Hand out what has arrived before ``until``, or everything."""
        waiting = self._on_their_way
        while waiting and (until is None or waiting[0].arrives < until):
            yield heappop(waiting)


def _address(number: int) -> str:
    first, last = FIRST_NAMES[number % len(FIRST_NAMES)], LAST_NAMES[number // 7 % len(LAST_NAMES)]
    return f"{first}.{last}.{number}@example.com".lower()
