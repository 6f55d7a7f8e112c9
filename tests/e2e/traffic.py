"""The traffic of a small company's customers, from a seed: what their clients send."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Final

from tests.e2e.items import DAY_MS, SKEW_STEP_MS, Item, copies, iso, message, receipt
from tests.e2e.person import Person
from tests.e2e.sayings import SAYINGS

ERAS: Final = {"recent": (1, 20), "months ago": (120, 200), "last year": (450, 520)}
"""Days before the end. Time-outs of 90 and 365 days come due in the gaps between them, never near the end itself."""
TABLET: Final = "tablet"
"""A device of the shop floor that everybody uses now and then."""
TILL_CARD: Final = "0777"
"""The card that cashiers swipe for whoever has forgotten theirs."""


class Traffic:
    """``touchpoints`` distinct items of ``customers`` people, the last at ``end_ms``, by chance from ``seed``."""

    def __init__(self, seed: int, *, touchpoints: int, customers: int, end_ms: int) -> None:
        self._chance = Random(seed)
        self.end_ms = end_ms
        self._people = [self._person(number) for number in range(customers)]
        self._sent_by: dict[int, list[Item]] = {number: [] for number in range(customers)}
        self._ids = 0
        self.items = [self._item() for _ in range(touchpoints)]

    def sendings(self, shuffle: int) -> list[Item]:
        """Every item one to three times, shuffled, the late ones after all others. Which copies there are depends on
        the seed only, their order on ``shuffle``."""
        chance = Random(self._ids)
        sent = [item for one in self.items for item in copies(one, chance)]
        Random(shuffle).shuffle(sent)
        return sorted(sent, key=lambda item: item.late)

    def _person(self, number: int) -> Person:
        chance = self._chance
        named = number % 10 < 6
        eras = (("recent",), ("recent",), ("recent",), ("months ago",), ("last year",), ("last year", "recent"))
        kind = chance.choice(["email", "loyalty_card"])
        email = f"p{number}@shop.example"
        card = f"88{number // 3:05}" if chance.random() < 0.3 else f"99{number:05}"
        return Person(
            number=number,
            user=f"u{number}" if named else "",
            device=f"d{number}-àé" if number % 10 not in (6, 7) else "",
            other_device=f"family{number // 3}" if number % 4 == 0 else f"d{number}-other",
            contact=(kind, email if kind == "email" else card) if number % 10 < 9 else ("", ""),
            email=email,
            eras=chance.choice(eras),
        )

    def _item(self) -> Item:
        chance = self._chance
        person = self._people[int(len(self._people) * chance.random() ** 2)]
        era = chance.choice(person.eras)
        earlier = self._sent_by[person.number]
        if earlier and chance.random() < 0.1:
            at_ms = chance.choice(earlier).touchpoint["original_timestamp"]  # a tie within a millisecond
        else:
            first, last = ERAS[era]
            at_ms = self.end_ms - first * DAY_MS - chance.randrange((last - first) * DAY_MS)
        in_shop = not person.device or chance.random() < 0.15
        item = self._receipt(person, at_ms) if in_shop else self._message(person, at_ms, era)
        item = replace(item, late=chance.random() < 0.05)
        self._sent_by[person.number].append(item)
        return item

    def _message(self, person: Person, at_ms: int, era: str) -> Item:
        chance = self._chance
        source = chance.choice(["web", "app"]) if era == "recent" and at_ms > self.end_ms - 25 * DAY_MS else "app"
        make = chance.choices(
            SAYINGS,
            weights=[20, 8, 8, 2, 3, 2, 2, 12, 4, 4, 1, 1],
        )[0]
        body, said = make(chance, person)
        body = {"type": "track", "messageId": self._message_id(source), **body, "timestamp": iso(at_ms)}
        named = bool(person.user) and (chance.random() < 0.8 or body["type"] == "alias")
        if named or body["type"] == "alias":
            said["user_id"] = body["userId"] = person.user or f"late{person.number}"
        if not named or chance.random() < 0.7:
            devices = [person.device, person.other_device, TABLET]
            said["anonymous_id"] = body["anonymousId"] = chance.choices(devices, weights=[90, 10, 2])[0]
        if body.get("previousId") == person.device and "anonymousId" in body:
            said["anonymous_id"] = body["anonymousId"] = person.device  # as browsers do at a login
        if person.contact[0] and chance.random() < 0.05:
            said["contacts"] = sorted({*said.get("contacts", []), f"email:{person.email}"})
            body["context"] = {**body.get("context", {}), "traits": {"email": f" {person.email.title()}"}}
        if source == "web":
            said["contacts"] = []  # what a browser says joins devices only
        if chance.random() < 0.05:
            said["extra"] = {"integrations": {"All": True}}
            body |= said["extra"]
        behind_ms = chance.choice([1, -1]) * (chance.randint(1, 30) * SKEW_STEP_MS + SKEW_STEP_MS // 2)
        behind_ms = behind_ms if chance.random() < 0.03 else 0
        return message(source, body, said, at_ms, behind_ms)

    def _message_id(self, source: str) -> str:
        """Now and then one that was used before, which is a conflict."""
        self._ids += 1
        return f"{source}-{self._ids}" if self._chance.random() > 0.005 else f"{source}-{self._ids // 2}"

    def _receipt(self, person: Person, at_ms: int) -> Item:
        chance = self._chance
        earlier = [item for item in self._sent_by[person.number] if item.endpoint == "receipts"]
        sales = [item for item in earlier if item.body.get("kind", "sale") == "sale"]
        kind = chance.choices(["sale", "return", "void"], weights=[10, 2, 1])[0] if sales else "sale"
        self._ids += 1
        sale = None
        if kind != "sale":
            sale = chance.choice(sales)
            customer = sale.body.get("customer", {})
        elif person.user and chance.random() < 0.5:
            customer = {"user_id": person.user}
            if person.contact[0] and chance.random() < 0.3:
                customer |= {person.contact[0]: person.contact[1]}
        elif chance.random() < 0.05:
            customer = {"email": person.email, "loyalty_card": TILL_CARD}
        elif person.contact[0] and chance.random() < 0.9:
            customer = {person.contact[0]: person.contact[1]}
        else:
            customer = {}
        return receipt(chance, f"R{self._ids}", at_ms, customer, kind=kind, sale=sale)
