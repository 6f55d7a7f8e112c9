"""Histories in which nearly every touchpoint says who is who, from a seed: few people who log in, share tablets and
cards, take over accounts, and are told apart by decisions; late, shuffled, repeated, with clocks that were set right.

What the rules of identity make of a history, ``tests.reference`` says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from tests.e2e.decision import Decision
from tests.e2e.items import DAY_MS, SKEW_STEP_MS, Item, Row, copies, finished, iso, message, receipt
from tests.e2e.person import Person
from tests.e2e.sayings import SAYINGS, aliased
from tests.e2e.traffic import ERAS

NOBODY: Final = Person(number=0, user="", device="", other_device="", contact=("", ""), email="", eras=())
"""Who says something that tells nothing of them."""
SHAPES: Final = {
    "look": 4,
    "log in": 5,
    "meet": 6,
    "alias": 2,
    "tablet": 2,
    "till": 2,
    "crowd": 2,
    "receipt": 3,
    "claim": 2,
}
"""What touchpoints say of people, and how often."""
MEMBERS: Final = {
    "user": ("user_id", "userId"),
    "device": ("anonymous_id", "anonymousId"),
    "previous": ("previous_id", "previousId"),
}
"""For each kind of identifier that is no contact, the column and the message's member."""
SAYINGS_BUT_ALIAS: Final = [make for make in SAYINGS if make is not aliased]


def names_nobody(item: Item) -> bool:
    """Whether it is a receipt that carries only its own key."""
    return bool(item.touchpoint["contacts"] == [item.touchpoint["message_id"]])


class History:
    """``sent``, in the order of arrival. All that it names bears its seed: histories can share an installation."""

    def __init__(self, seed: int, end_ms: int) -> None:
        self.seed = seed
        self._chance = chance = Random(seed)
        self._end_ms = end_ms
        self._own = f"h{seed}-"
        people = range(chance.choice((2, 3, 5, 8, 12)))
        self._loyal = chance.choice((0.3, 0.7, 0.9, 0.97))  # how often people use what is their own
        self._ids = [f"{self._own}{number}" for number in people]  # users' and devices': a previous id may be either
        self._ids[1] = f"{self._own}ann@shop.example"
        self._phones = f"phone:+39333{seed % 10_000:04}"
        self._contacts = [
            (
                f"loyalty_card:{self._own}{number}",
                f"email:{self._own}{number}@shop.example",
                f"{self._phones}{number:03}",
            )
            for number in people
        ]
        self._tablet, self._till = f"device:{self._own}tablet", f"loyalty_card:{self._own}till"
        self._eras = chance.choice((("recent",), ("recent",), ("recent", "months ago"), ("recent", "last year")))
        self._moments = chance.choice((12, 40, 200))
        self._items: list[Item] = []
        for _ in range(chance.choice((70, 100, 160))):
            self._items.append(self._item())
        self.sent: list[Item | Decision] = self._decided(self._arrivals())

    @property
    def touchpoints(self) -> list[Row]:
        """All that was sent, as the reference takes it."""
        return [one.touchpoint for one in self.sent if isinstance(one, Item)]

    @property
    def decisions(self) -> list[Decision]:
        """In the order in which they are taken."""
        return [one for one in self.sent if isinstance(one, Decision)]

    def is_in(self, rows: Iterable[str]) -> bool:
        """Whether rows of a view speak of it."""
        return any(self._own in row or self._phones in row for row in rows)

    def _item(self) -> Item:
        shape = self._chance.choices([*SHAPES], weights=[*SHAPES.values()])[0]
        era = self._chance.choice(self._eras)
        at_ms = self._end_ms - ERAS[era][0] * DAY_MS - self._chance.randrange(self._moments) * SKEW_STEP_MS
        here = self._seen(shape)
        if shape == "receipt":
            return self._receipt(at_ms, here)
        if shape == "claim":
            return self._claim(at_ms, here)
        return self._message(at_ms, here, chance_of_web=0.5 if era == "recent" else 0)

    def _seen(self, shape: str) -> list[str]:
        """The identifiers of a touchpoint."""
        chance = self._chance
        one = chance.randrange(len(self._ids))
        number, at, held, met = (one if chance.random() < self._loyal else self._anybody() for _ in range(4))
        user, device = f"user:{self._ids[number]}", f"device:{self._ids[at]}"
        contact, other = chance.choice(self._contacts[held]), chance.choice(self._contacts[met])
        match shape:
            case "look":
                return [device]
            case "log in":
                return [user, device]
            case "meet":
                return [contact, chance.choice((other, user, device))]
            case "alias":
                previous = chance.choice((f"{self._own}old{one}", self._ids[at], self._ids[met]))
                more = chance.choice(([], [], [device], [contact], [device, contact]))
                return [user, f"previous:{previous}", *more]
            case "tablet":
                return [self._tablet, *chance.choice(([], [user], [user], [contact]))]
            case "till":
                return [self._till, *chance.choice(([], [user], [contact], [contact, device]))]
            case "crowd":
                return [contact, other, *chance.choice(([], [user], [device], [user, device], [self._till]))]
            case "claim":
                return chance.choice(([user], [contact], [user, contact], [user, device], [self._till]))
            case _:
                return chance.choice(([], [], [contact], [contact, other], [user], [user, contact], [self._till]))

    def _anybody(self) -> int:
        return self._chance.randrange(len(self._ids))

    def _claim(self, at_ms: int, here: list[str]) -> Item:
        """Of a receipt that named nobody, if there is one, or of one that never comes."""
        chance, keys = self._chance, [one.touchpoint["message_id"] for one in self._items if names_nobody(one)]
        key = chance.choice(keys) if keys else f"receipt:s%2F1/0/2026-01-01/{self._own}lost"
        store, till, day, number = key.removeprefix("receipt:").replace("%2F", "/").rsplit("/", 3)
        parts = {"store_id": store, "till_id": till, "business_date": day, "receipt_id": number}
        claim = {"event": "Receipt Claimed", "properties": chance.choice(({"receipt": key}, parts))}
        saying = ({"type": "track", **claim}, {"event": claim["event"]})
        return self._message(at_ms, here, 0, saying, [key])

    def _message(
        self,
        at_ms: int,
        here: list[str],
        chance_of_web: float,
        saying: tuple[Row, Row] | None = None,
        claimed: Sequence[str] = (),
    ) -> Item:
        chance = self._chance
        names = dict(one.split(":", 1) for one in here)
        contacts = sorted({one for one in here if one.partition(":")[0] not in MEMBERS})
        source = "app" if contacts or chance.random() >= chance_of_web else "web"
        body, said = saying or chance.choice(SAYINGS_BUT_ALIAS)(chance, NOBODY)
        if "previous" in names:
            body, said = {"type": "alias"}, {"event": "Aliased"}
        body = {"type": "track", "messageId": self._message_id(), **body, "timestamp": iso(at_ms)}
        for kind, (column, member) in MEMBERS.items():
            if kind in names:
                said[column], body[member] = names[kind], self._spelt(names[kind])
        for one in contacts:
            self._tell(body, *one.split(":", 1))
        return message(source, body, {**said, "contacts": sorted([*contacts, *claimed])}, at_ms)

    def _tell(self, body: Row, kind: str, value: str) -> None:
        """Put a contact into a message, in one of the places where contacts are looked for."""
        context = body["context"] = {**body.get("context", {})}
        places = [context.setdefault("traits", {})] + ([body["traits"]] if body["type"] == "identify" else [])
        place = self._chance.choice(places)
        if kind in place or self._chance.random() < 0.3:
            context.setdefault("externalIds", []).append({"type": kind, "id": self._spelt(value)})
        else:
            place[kind] = self._spelt(value)

    def _receipt(self, at_ms: int, here: list[str]) -> Item:
        chance = self._chance
        sales = [one for one in self._items if one.touchpoint["transaction"] == "sale" and one.endpoint == "receipts"]
        kind = chance.choices(["sale", "return", "exchange", "void"], weights=[8, 1, 1, 1])[0] if sales else "sale"
        sale = chance.choice(sales) if kind != "sale" else None
        names = dict(one.split(":", 1) for one in here)
        customer = {"user_id" if name == "user" else name: self._spelt(value) for name, value in names.items()}
        if sale and chance.random() < 0.7:
            customer = sale.body.get("customer", {})
        number = self._message_id()
        return receipt(Random(number), number, at_ms, customer, kind=kind, sale=sale)

    def _message_id(self) -> str:
        """Now and then one that was used before, which is a conflict."""
        number = len(self._items)
        return f"{self._own}{self._chance.randrange(number) if number and self._chance.random() < 0.05 else number}"

    def _spelt(self, value: str) -> str:
        """An identifier as people write it."""
        if "@" in value:
            return self._chance.choice((value, value.upper(), f" {value.title()}"))
        return f"{value[:3]} {value[3:6]} {value[6:]}" if value[0] == "+" and self._chance.random() < 0.5 else value

    def _arrivals(self) -> list[Item]:
        """The items, some of them repeated or with another clock, as they arrive."""
        chance = self._chance
        again = [copy for one in self._items if chance.random() < 0.3 for copy in copies(one, chance)]
        again += [self._corrected(one) for one in self._items if one.endpoint == "batch" and chance.random() < 0.15]
        sent = sorted([*self._items, *again], key=lambda one: int(one.touchpoint["original_timestamp"]))
        match chance.choice(("in order", "some late", "some late", "backwards", "shuffled")):
            case "some late":
                sent.sort(key=lambda one: chance.random() < 0.2)
            case "backwards":
                sent.reverse()
            case "shuffled":
                chance.shuffle(sent)
        return sent

    def _corrected(self, item: Item) -> Item:
        steps = self._chance.randint(1, self._moments)
        behind_ms = self._chance.choice((1, -1)) * (steps * SKEW_STEP_MS + SKEW_STEP_MS // 2)
        return finished(replace(item, behind_ms=behind_ms))

    def _decided(self, items: list[Item]) -> list[Item | Decision]:
        """With decisions in between, some of them taken back later."""
        chance = self._chance
        sent: list[Item | Decision] = [*items]
        taken: set[tuple[str, ...]] = set()
        for _ in range(chance.choice((1, 2, 2))):
            item = chance.choice([one for one in items if len(one.touchpoint["identifiers"]) > 1])
            decision = self._decision(item)
            if (decision.kind, *decision.about) in taken:
                continue
            taken.add((decision.kind, *decision.about))
            at = sent.index(item) + 1
            places = sorted(chance.randint(at, len(sent)) for _ in range(chance.choice((1, 1, 2))))
            for number in reversed(range(len(places))):
                sent.insert(places[number], replace(decision, revoked=number == 1))
        return sent

    def _decision(self, item: Item) -> Decision:
        """That two who were seen together are not one, or how to take the one of them who was seen most."""
        here = {one for one in item.touchpoint["identifiers"] if not one.startswith("previous:")}
        previous = item.touchpoint["previous_id"]
        if previous and f"device:{previous}" not in here:
            here.add(f"user:{previous}")
        kind = self._chance.choice(("split", "split", "allow", "block")) if len(here) > 1 else "block"
        about = self._chance.sample(sorted(here), len(here))[:2]
        if kind != "split":
            seen = Counter(one for item in self._items for one in item.touchpoint["identifiers"])
            about = [max(about, key=lambda one: seen[one])]
        parts = (one.partition(":") for one in about)
        return Decision(kind=kind, typed=tuple(f"{name}:{self._spelt(value)}" for name, _, value in parts))
