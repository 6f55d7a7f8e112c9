"""The traffic of a small company's customers, from a seed: what their clients send, and the touchpoint that each is.

The touchpoints are written as ``tests.reference`` wants them, by hand beside what is sent: nothing of Tappa is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from random import Random
from typing import Any, Final

Row = dict[str, Any]

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
ERAS: Final = {"recent": (1, 20), "months ago": (120, 200), "last year": (450, 520)}
"""Days before the end. Time-outs of 90 and 365 days come due in the gaps between them, never near the end itself."""
SKEW_STEP_MS: Final = 5 * MINUTE_MS
TABLET: Final = "tablet"
"""A device of the shop floor that everybody uses now and then."""
TILL_CARD: Final = "0777"
"""The card that cashiers swipe for whoever has forgotten theirs."""
NOTHING: Final[Row] = {
    "name": "",
    "acquisition_channel": "",
    "offline": False,
    "user_id": "",
    "anonymous_id": "",
    "previous_id": "",
    "group_id": "",
    "contacts": [],
    "properties": {},
    "traits": {},
    "context": {},
    "extra": {},
    "value": None,
    "currency": "",
    "transaction": "",
    "refers_to": "",
    "score_kind": "",
    "score": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a client sends, and the touchpoint that it is."""

    source: str
    endpoint: str
    """``batch`` or ``receipts``."""
    body: Row
    behind_ms: int = 0
    """How far its clock is behind when it sends; negative: ahead."""
    late: bool = False
    touchpoint: Row

    @property
    def wire(self) -> bytes:
        """The item's bytes."""
        return json.dumps(self.body, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer, as clients know them."""

    number: int
    user: str
    device: str
    """``""`` for one who only comes to the shop."""
    other_device: str
    """Their second, or one that a family shares."""
    contact: tuple[str, str]
    """Their own or, of a card, perhaps their family's."""
    email: str
    eras: tuple[str, ...]


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
        copies = Random(self._ids)
        sent = [item for one in self.items for item in _copies(one, copies)]
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
            [
                viewed,
                added,
                ordered,
                refunded,
                answered,
                helped,
                subscribed,
                paged,
                screened,
                identified,
                grouped,
                aliased,
            ],
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
        default = {"type": body["type"], "channel": "web" if source == "web" else "app"}
        touchpoint = {**NOTHING, **default, **said, "source": source, "message_id": body["messageId"]}
        touchpoint |= {"properties": body.get("properties", {}), "traits": body.get("traits", {})}
        touchpoint |= {"context": body.get("context", {}), "original_timestamp": at_ms}
        return finished(Item(source=source, endpoint="batch", body=body, behind_ms=behind_ms, touchpoint=touchpoint))

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
        total = chance.randrange(100, 20_000)
        body: Row = {
            "receipt_id": f"R{self._ids}",
            "store_id": f"s/{chance.randrange(3)}",
            "till_id": chance.randrange(4),
            "business_date": datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat(),
            "sold_at": iso(at_ms),
            "total": total / 100,
            "currency": chance.choice(["EUR", "EUR", "EUR", "USD"]),
            "lines": [{"sku": "A", "quantity": 1, "unit_price": total / 100}],
            "kind": kind,
        }
        said: Row = {}
        if kind != "sale":
            sale = chance.choice(sales)
            body |= {name: sale.body[name] for name in ("store_id", "till_id", "business_date")}
            body["refers_to"] = sale.body["receipt_id"]
            said["refers_to"] = sale.touchpoint["message_id"]
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
        if customer:
            body["customer"] = customer
        key = [body["store_id"].replace("/", "%2F"), str(body["till_id"]), body["business_date"], body["receipt_id"]]
        message_id = "receipt:" + "/".join(key)
        event = {"sale": "Receipt Issued", "return": "Receipt Returned", "void": "Receipt Voided"}[kind]
        said |= {"type": "receipt", "event": event, "channel": "store", "offline": True, "source": "till"}
        said |= {"user_id": customer.get("user_id", ""), "value": total * 100, "currency": body["currency"]}
        contacts = sorted(f"{kind}:{value}" for kind, value in customer.items() if kind != "user_id")
        said["contacts"] = contacts or ([] if customer else [message_id])
        said |= {"transaction": kind, "message_id": message_id, "properties": body, "original_timestamp": at_ms}
        return finished(Item(source="till", endpoint="receipts", body=body, touchpoint={**NOTHING, **said}))


def _copies(item: Item, chance: Random) -> Iterator[Item]:
    """The item itself and up to two more: the same bytes, or with a counter of retries, or with a clock set right."""
    yield item
    for attempt in range(chance.randrange(3)):
        again = item
        if item.endpoint == "batch" and chance.random() < 0.2:
            body = {**item.body, "context": {**item.body.get("context", {}), "retry": attempt + 1}}
            again = replace(item, body=body, touchpoint={**item.touchpoint, "context": body["context"]})
        if item.behind_ms and chance.random() < 0.5:
            again = replace(again, behind_ms=0)
        yield finished(again)


def finished(item: Item) -> Item:
    """With what follows from the rest: identifiers, the corrected time, what orders the copies."""
    said = item.touchpoint
    identifiers = [*said["contacts"]]
    for kind, name in (("user", "user_id"), ("device", "anonymous_id"), ("previous", "previous_id")):
        identifiers += [f"{kind}:{said[name]}"] if said[name] else []
    steps = abs(item.behind_ms) // SKEW_STEP_MS * SKEW_STEP_MS
    known = {
        "identifiers": sorted(identifiers),
        "occurred_at": said["original_timestamp"] + (steps if item.behind_ms > 0 else -steps),
        "content": blake2b(item.wire, digest_size=16).digest(),
    }
    return replace(item, touchpoint={**said, **known})


def iso(at_ms: int) -> str:
    """As browsers write it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# What clients say: a part of the message, and the columns that follow from it.

Said = tuple[Row, Row]


def viewed(chance: Random, person: Person) -> Said:
    return {"event": "Product Viewed", "properties": {"sku": f"A{chance.randrange(50)}"}}, {"event": "Product Viewed"}


def added(chance: Random, person: Person) -> Said:
    cents = chance.randrange(100, 9_999)
    properties = {"sku": "B", "value": f"{cents / 100:.2f}", "currency": "eur"}
    said = {"event": "Product Added", "value": cents * 100, "currency": "EUR"}
    return {"event": "Product Added", "properties": properties}, said


def ordered(chance: Random, person: Person) -> Said:
    cents, currency = chance.randrange(100, 99_999), chance.choice(["EUR", "EUR", "USD"])
    properties = {"order_id": "o", "total": cents / 100, "currency": currency}
    said = {"event": "Order Completed", "value": cents * 100, "currency": currency, "transaction": "sale"}
    return {"event": "Order Completed", "properties": properties}, said


def refunded(chance: Random, person: Person) -> Said:
    cents = chance.randrange(100, 9_999)
    said = {"event": "Order Refunded", "value": cents * 100, "currency": "EUR", "transaction": "return"}
    return {"event": "Order Refunded", "properties": {"total": cents / 100, "currency": "EUR"}}, said


def answered(chance: Random, person: Person) -> Said:
    score = chance.randrange(11)
    said = {"event": "Survey Answered", "score_kind": "nps", "score": float(score)}
    return {"event": "Survey Answered", "properties": {"score_kind": "nps", "score": score}}, said


def helped(chance: Random, person: Person) -> Said:
    said = {"event": "Support Requested", "channel": "call_centre"}
    return {"event": "Support Requested", "context": {"channel": "call_centre"}}, said


def subscribed(chance: Random, person: Person) -> Said:
    context = {"campaign": {"source": "newsletter", "medium": "email", "name": "spring"}}
    return {"event": "Newsletter Subscribed", "context": context}, {
        "event": "Newsletter Subscribed",
        "acquisition_channel": "Email",
    }


def paged(chance: Random, person: Person) -> Said:
    url, referrer, brought = chance.choice(
        [
            ("https://shop.example/", "", "Direct"),
            ("https://shop.example/?utm_source=google&utm_medium=cpc", "", "Paid Search"),
            ("https://shop.example/a", "https://shop.example/", ""),
        ]
    )
    said = {"event": "Page Viewed", "name": "Home ✓", "channel": "web", "acquisition_channel": brought}
    context: Row = {"page": {"url": url, "referrer": referrer}}
    if chance.random() < 0.3:
        purposes = {chance.choice(["ads", "mail", "è"]): chance.choice([True, False, None]), "must": True}
        context["consent"] = {"categoryPreferences": purposes}
    return {"type": "page", "name": "Home ✓", "context": context}, said


def screened(chance: Random, person: Person) -> Said:
    return {"type": "screen", "name": "Start"}, {"event": "Screen Viewed", "name": "Start", "channel": "app"}


def identified(chance: Random, person: Person) -> Said:
    kind, value = person.contact
    traits: Row = {"name": f"Person {person.number}", **({kind: value.upper()} if kind else {})}
    traits |= {"city": chance.choice(["Roma", "Forlì", None]), "children": chance.randrange(4)}
    if chance.random() < 0.3:
        traits["address"] = {"zip": [f"{chance.randrange(9)}0100", None], "lift": chance.random() < 0.5}
    said = {"event": "Identified", "contacts": [f"{kind}:{value}"] if kind else []}
    return {"type": "identify", "traits": traits}, said


def grouped(chance: Random, person: Person) -> Said:
    traits = {"plan": chance.choice(["free", "pro", None]), "seats": chance.randrange(9)}
    return {"type": "group", "groupId": "g1", "traits": traits}, {"event": "Group Joined", "group_id": "g1"}


def aliased(chance: Random, person: Person) -> Said:
    """Of an old id, of the device, or, when two accounts become one, of another user's."""
    previous = chance.choice([f"old{person.number}", person.device, person.other_device, f"u{person.number - 1}"])
    return {"type": "alias", "previousId": previous}, {"event": "Aliased", "previous_id": previous}
