"""What clients send, item by item, and the touchpoint that each is.

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
SKEW_STEP_MS: Final = 5 * MINUTE_MS
RECEIPT_EVENTS: Final = {
    "sale": "Receipt Issued",
    "return": "Receipt Returned",
    "exchange": "Receipt Exchanged",
    "void": "Receipt Voided",
}
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


def message(source: str, body: Row, said: Row, at_ms: int, behind_ms: int = 0) -> Item:
    """A message of Segment's form; ``said`` are the columns that do not follow from the body by their names."""
    default = {"type": body["type"], "channel": "web" if source == "web" else "app"}
    touchpoint = {**NOTHING, **default, **said, "source": source, "message_id": body["messageId"]}
    touchpoint |= {"properties": body.get("properties", {}), "traits": body.get("traits", {})}
    touchpoint |= {"context": body.get("context", {}), "original_timestamp": at_ms}
    return finished(Item(source=source, endpoint="batch", body=body, behind_ms=behind_ms, touchpoint=touchpoint))


def receipt(
    chance: Random, receipt_id: str, at_ms: int, customer: Row, *, kind: str = "sale", sale: Item | None = None
) -> Item:
    """A till's receipt for a ``customer`` (as receipts name them, ``{}`` for nobody); a return or void is one of an
    earlier ``sale``."""
    total = chance.randrange(100, 20_000)
    body: Row = {
        "receipt_id": receipt_id,
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
    if sale is not None:
        body |= {name: sale.body[name] for name in ("store_id", "till_id", "business_date")}
        body["refers_to"] = sale.body["receipt_id"]
        said["refers_to"] = sale.touchpoint["message_id"]
    if customer:
        body["customer"] = customer
    key = [body["store_id"].replace("/", "%2F"), str(body["till_id"]), body["business_date"], body["receipt_id"]]
    message_id = "receipt:" + "/".join(key)
    event = RECEIPT_EVENTS[kind]
    said |= {"type": "receipt", "event": event, "channel": "store", "offline": True, "source": "till"}
    said |= {"user_id": plain(customer.get("user_id", "")), "value": total * 100, "currency": body["currency"]}
    contacts = sorted(f"{name}:{plain(value)}" for name, value in customer.items() if name != "user_id")
    said["contacts"] = contacts or ([] if customer else [message_id])
    said |= {"transaction": kind, "message_id": message_id, "properties": body, "original_timestamp": at_ms}
    return finished(Item(source="till", endpoint="receipts", body=body, touchpoint={**NOTHING, **said}))


def copies(item: Item, chance: Random) -> Iterator[Item]:
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


def plain(value: str) -> str:
    """An identifier's value as ingest keeps it: e-mail addresses in lower case, phone numbers without spaces."""
    value = value.strip()
    if "@" in value:
        return value.lower()
    return value.replace(" ", "") if value.startswith("+") else value


def iso(at_ms: int) -> str:
    """As browsers write it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
