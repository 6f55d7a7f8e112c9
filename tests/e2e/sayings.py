"""What clients say: for each kind a part of the message, and the columns that follow from it."""

from __future__ import annotations

from random import Random

from tests.e2e.items import Row
from tests.e2e.person import Person

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


SAYINGS = (
    *(viewed, added, ordered, refunded, answered, helped, subscribed, paged, screened, identified, grouped, aliased),
)
