"""From what a client sends to the touchpoint it is, in the plainest way: for the reference, of well-formed input only.

A sending is a dict: ``source`` (its name), ``source_channel`` (default ``web``), ``received_at`` (milliseconds; a guess
that is minutes off does no harm), ``sent_at`` (milliseconds, or None), and the ``message`` (Segment's form) or
``receipt`` (DESIGN 5.2) as a dict. ``raw`` is the item's bytes and ``envelope`` the bytes of the batch's context: they
decide which of two copies of one time counts: only copies that differ need them. Phone numbers must be international.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

from tests.reference.naive_model import Row

SKEW_MS: Final = 300_000
FIXED_EVENTS: Final = {
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identified",
    "group": "Group Joined",
    "alias": "Aliased",
}
RECEIPT_EVENTS: Final = {
    "sale": "Receipt Issued",
    "return": "Receipt Returned",
    "exchange": "Receipt Exchanged",
    "void": "Receipt Voided",
}
CHANNELS: Final = {"browser": "web", "mobile": "app", "server": ""}
NOBODY: Final = ("", "null", "undefined", "none", "nan", "nil", "anonymous", "0")


def touchpoint_of(sending: Row) -> Row:
    sent = from_message(sending) if "message" in sending else from_receipt(sending)
    content = blake2b(sending.get("raw", b""), digest_size=16)
    content.update(sending.get("envelope", b""))
    common = {"source": sending["source"], "received_at": sending["received_at"], "content": content.digest()}
    return {"name": "", "value": None, "refers_to": "", "score_kind": "", "score": None, **common, **sent}


def from_message(sending: Row) -> Row:
    message = sending["message"]
    kind = message["type"]
    event = message["event"] if kind == "track" else FIXED_EVENTS[kind]
    properties = message.get("properties") or {}
    context = message.get("context") or {}
    at = milliseconds(message["timestamp"]) if message.get("timestamp") else sending["received_at"]
    transaction = {"Order Completed": "sale", "Order Refunded": "return"}.get(event, "") if kind == "track" else ""
    score = properties.get("score")
    return {
        "message_id": str(message["messageId"]),
        "type": kind,
        "event": event,
        "name": message.get("name") or "",
        "channel": channel_of(sending, message, kind),
        "occurred_at": at + correction(sending) if message.get("timestamp") else at,
        "original_timestamp": at,
        "identifiers": identifiers_of(message, kind, context),
        "properties": properties,
        "traits": message.get("traits") or {},
        "context": context,
        **money(properties, ("value", "revenue", "total"), "EUR"),
        "transaction": transaction,
        "score_kind": properties.get("score_kind", "") if score is not None else "",
        "score": None if score is None else float(score),
    }


def from_receipt(sending: Row) -> Row:
    receipt = sending["receipt"]
    kind = receipt.get("kind") or ("return" if Decimal(str(receipt["total"])) < 0 else "sale")
    at = milliseconds(receipt["sold_at"])
    day = receipt.get("business_date") or receipt["sold_at"][:10]
    parts = (str(receipt["store_id"]), str(receipt.get("till_id") or ""), day)
    key = receipt_key(*parts, str(receipt["receipt_id"]))
    customer = receipt.get("customer") or {}
    people = [*contacts_in(customer), *named("user", customer.get("user_id"))]
    return {
        "message_id": key,
        "type": "receipt",
        "event": RECEIPT_EVENTS[kind],
        "channel": "store",
        "offline": True,
        "occurred_at": at,
        "original_timestamp": at,
        "identifiers": sorted(set(people)) or [key],
        "properties": receipt,
        **money(receipt, ("total",), ""),
        "transaction": kind,
        "refers_to": referred(receipt["refers_to"], parts) if receipt.get("refers_to") else "",
    }


def receipt_key(*parts: str) -> str:
    return "receipt:" + "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


def referred(refers_to: Any, parts: tuple[str, ...]) -> str:
    """A receipt's number, at the same till on the same day, or an object that says the parts that differ."""
    said = refers_to if isinstance(refers_to, dict) else {"receipt_id": refers_to}
    names = ("store_id", "till_id", "business_date")
    own = [str(said.get(name, part)) for name, part in zip(names, parts, strict=True)]
    return receipt_key(*own, str(said["receipt_id"]))


def identifiers_of(message: Row, kind: str, context: Row) -> list[str]:
    previous = named("previous", message.get("previousId")) if kind == "alias" else []
    traits = [*contacts_in(message.get("traits") or {})] if kind == "identify" else []
    external = [one for entry in context.get("externalIds") or [] for one in contacts_in({entry["type"]: entry["id"]})]
    people = [*named("user", message.get("userId")), *named("device", message.get("anonymousId")), *previous]
    claimed = [claimed_receipt(message["properties"])] if message.get("event") == "Receipt Claimed" else []
    return sorted({*people, *traits, *external, *contacts_in(context.get("traits") or {}), *claimed})


def claimed_receipt(said: Row) -> str:
    parts = [str(said.get(name) or "") for name in ("store_id", "till_id", "business_date", "receipt_id")]
    return str(said.get("receipt") or receipt_key(*parts))


def contacts_in(members: Row) -> list[str]:
    names = (("email", "email"), ("phone", "phone"), ("loyalty_card", "loyalty_card"), ("loyaltyCard", "loyalty_card"))
    found = [one for name, kind in names for one in named(kind, members.get(name))]
    return [one.lower() if one.startswith("email:") else one for one in found]


def named(kind: str, value: Any) -> list[str]:
    text = "" if value is None else str(value).strip()
    text = text.replace(" ", "") if kind == "phone" else text
    return [] if text.lower() in NOBODY else [f"{kind}:{text}"]


def channel_of(sending: Row, message: Row, kind: str) -> str:
    places = (message.get("context") or {}, message, message.get("properties") or {})
    said = [CHANNELS.get(place["channel"], place["channel"]) for place in places if place.get("channel")]
    by_type = {"page": "web", "screen": "app"}.get(kind, "")
    source = sending.get("source_channel", "web")
    return next((str(one) for one in [*said, by_type] if one), source)


def correction(sending: Row) -> int:
    """DESIGN 5.1: only a skew of more than five minutes is corrected, in steps of as much."""
    if sending.get("sent_at") is None:
        return 0
    skew = sending["received_at"] - sending["sent_at"]
    steps = int(abs(skew) / SKEW_MS) * SKEW_MS if abs(skew) > SKEW_MS else 0
    return steps if skew > 0 else -steps


def money(members: Row, names: tuple[str, ...], fallback: str) -> Row:
    said = [members[name] for name in names if members.get(name) is not None]
    value = round(Decimal(str(said[0])) * 10_000) if said else None
    currency = (members.get("currency") or "").upper()
    return {"value": value, "currency": currency or (fallback if value is not None else "")}


def milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
