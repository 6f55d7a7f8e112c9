"""Receipts of tills (DESIGN 5.2): their form, their key, and the touchpoint that each is."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final, Literal

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from ingest.arrival import Arrival, Rules
from ingest.credentials import without_write_keys
from ingest.identifiers import NAMES, Identifiers, allowed
from ingest.messages import ABSENT, not_json
from ingest.money import amount, currency
from ingest.receipt_key import Part, day_of, receipt_key
from ingest.refusals import Code, ItemRefusedError
from ingest.splitter import depth_exceeds
from ingest.text import decoded, text_of
from ingest.times import parse_time_with_offset
from stage_engine.touchpoint import Touchpoint

CHANNEL: Final = "store"
EVENTS: Final = {
    "sale": "Receipt Issued",
    "return": "Receipt Returned",
    "exchange": "Receipt Exchanged",
    "void": "Receipt Voided",
}


class Line(msgspec.Struct, gc=False):
    """One line. Its numbers may be numbers or texts that are numbers."""

    sku: Part
    quantity: Raw
    unit_price: Raw
    name: str | None = None
    discount: Raw = ABSENT
    category: str | None = None


class Referred(msgspec.Struct, gc=False):
    """The receipt that a return, exchange or void refers to; parts left out are its own."""

    receipt_id: Part
    store_id: Part | None = None
    till_id: Part | None = None
    business_date: str | None = None


class Receipt(msgspec.Struct, gc=False):
    """A receipt as it arrives. Fields that it does not know are kept in the payload."""

    receipt_id: Part
    store_id: Part
    sold_at: str
    total: Raw
    currency: str
    till_id: Part | None = None
    business_date: str | None = None
    kind: Literal["sale", "return", "exchange", "void"] | None = None
    """None: a return if the total is negative, else a sale."""
    lines: list[Line] = []
    discount: Raw = ABSENT
    """Off the whole receipt, beside what is off its lines."""
    tax: Raw = ABSENT
    payments: list[Raw] | None = None
    customer: dict[str, Raw] | None = None
    refers_to: str | int | Referred | None = None


_NOBODY: Final = Identifiers("", "", "", ())
_PLAIN: Final = rb"[0-9]{1,11}+(?:\.[0-9]{1,4}+)?+"
_PLAIN_LINE: Final = rb"%b,%b,(?:%b|null)?+" % (_PLAIN, _PLAIN, _PLAIN)
_PLAIN_AMOUNTS: Final = re.compile(rb"(?:%b(?:,%b)*+)?" % (_PLAIN_LINE, _PLAIN_LINE))
"""Quantity, price and discount of each line without quotes, signs and exponents, none too large: all are amounts."""
_decode: Final = msgspec.json.Decoder(Receipt).decode


def receipt_touchpoint(rules: Rules, arrival: Arrival, item: bytes) -> Touchpoint:
    """The touchpoint that a receipt is; sent again it is the same one. Raises ``ItemRefusedError``."""
    receipt = _read(item, rules.settings.depth_max)
    kept = without_write_keys(item)
    _check_lines(receipt, rules.settings.receipt_lines_max)
    _check_amounts(receipt)
    total = amount(bytes(receipt.total))
    if total is None:
        raise ItemRefusedError(Code.INVALID_RECEIPT, "total must be a number")
    if not (money := currency(receipt.currency)):
        raise ItemRefusedError(Code.INVALID_RECEIPT, "currency must be three letters, such as EUR")
    kind = receipt.kind or ("return" if total < 0 else "sale")
    sold_at = _sold_at(receipt)
    rules.clock.check(sold_at, sold_at, arrival.received_at, browser=arrival.source.browser)
    parts = _parts(rules, receipt)
    key = receipt_key(*parts)
    rules.reader.check("the receipt's key", key)
    found = _identifiers(rules, arrival, receipt)
    touchpoint = Touchpoint(  # in two steps like a message's
        source=arrival.source.name,
        message_id=key,
        type="receipt",
        event=EVENTS[kind],
        channel=CHANNEL,
        offline=True,
        occurred_at=sold_at,
        original_timestamp=sold_at,
        received_at=arrival.received_at,
        contacts=found.contacts or (() if found.user_id else (key,)),
        properties=kept,
        value=total,
        currency=money,
        content_hash=blake2b(kept, digest_size=16).digest(),
    )
    return replace(
        touchpoint,
        user_id=found.user_id,
        transaction=kind,
        refers_to=_refers_to(rules, receipt, kind, parts),
    )


def _read(item: bytes, depth_max: int) -> Receipt:
    if depth_exceeds(item, depth_max):
        raise ItemRefusedError(Code.TOO_DEEP, f"more than {depth_max} levels")
    try:
        return _decode(item)
    except msgspec.ValidationError as error:
        if item.lstrip()[:1] != b"{":
            raise ItemRefusedError(Code.NOT_AN_OBJECT) from None
        raise ItemRefusedError(Code.INVALID_RECEIPT, str(error)[:200]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(error) from None


def _check_lines(receipt: Receipt, lines_max: int) -> None:
    if len(receipt.lines) > lines_max or len(receipt.payments or ()) > lines_max:
        raise ItemRefusedError(Code.INVALID_RECEIPT, f"it has more than {lines_max} lines or payments")
    raws: list[Raw | bytes] = []
    for line in receipt.lines:
        raws += (line.quantity, line.unit_price, line.discount)
    if _PLAIN_AMOUNTS.fullmatch(b",".join(raws)):
        return  # nearly all receipts: in a fifth of the time that a look at each amount takes
    for number, line in enumerate(receipt.lines):
        if any(amount(bytes(raw)) is None for raw in (line.quantity, line.unit_price)) or _is_odd(line.discount):
            raise ItemRefusedError(
                Code.INVALID_RECEIPT, f"lines[{number}]: quantity, unit_price and discount must be numbers"
            )


def _check_amounts(receipt: Receipt) -> None:
    for name, raw in (("discount", receipt.discount), ("tax", receipt.tax)):
        if _is_odd(raw):
            raise ItemRefusedError(Code.INVALID_RECEIPT, f"{name} must be a number")


def _is_odd(raw: Raw) -> bool:
    """Whether something is said where an amount should be, and is none."""
    return raw is not ABSENT and bytes(raw) != b"null" and amount(bytes(raw)) is None


def _sold_at(receipt: Receipt) -> int:
    try:
        return parse_time_with_offset(receipt.sold_at)
    except (ValueError, OverflowError) as error:
        raise ItemRefusedError(Code.INVALID_TIMESTAMP, f"sold_at: {str(error)[:100]}") from None


def _parts(rules: Rules, receipt: Receipt) -> tuple[str, str, str, str]:
    store_id, receipt_id = text_of(receipt.store_id), text_of(receipt.receipt_id)
    if not store_id or not receipt_id:
        raise ItemRefusedError(Code.INVALID_RECEIPT, "store_id and receipt_id must not be empty")
    said = text_of(receipt.business_date)
    return store_id, text_of(receipt.till_id), day_of(said) if said else _local_day(receipt.sold_at), receipt_id


def _local_day(sold_at: str) -> str:
    """The calendar day of the place where it was sold: the one that ``sold_at`` itself says."""
    return day_of(sold_at[:10] if sold_at[4] == "-" else sold_at[:8])


def _refers_to(rules: Rules, receipt: Receipt, kind: str, own: tuple[str, str, str, str]) -> str:
    said = receipt.refers_to
    if said is None or said == "":
        if kind == "void":
            raise ItemRefusedError(Code.INVALID_RECEIPT, "a void needs refers_to, the receipt that it voids")
        return ""
    referred = said if isinstance(said, Referred) else Referred(receipt_id=said)
    store_id, till_id, day, _ = own
    key = receipt_key(
        text_of(referred.store_id) or store_id,
        text_of(referred.till_id) if referred.till_id is not None else till_id,
        day_of(text_of(referred.business_date)) if referred.business_date else day,
        text_of(referred.receipt_id),
    )
    rules.reader.check("refers_to", key)
    return key


def _identifiers(rules: Rules, arrival: Arrival, receipt: Receipt) -> Identifiers:
    customer = receipt.customer
    if not customer:
        return _NOBODY
    user = decoded(customer.get("user_id", customer.get("userId", ABSENT)))
    if user is not None and (isinstance(user, bool) or not isinstance(user, NAMES)):
        raise ItemRefusedError(Code.INVALID_IDENTIFIER, "customer.user_id")
    contacts = tuple(sorted(set(rules.reader.named(customer, arrival.source.phone_country))))
    return allowed(
        Identifiers(rules.reader.identifier("customer.user_id", user), "", "", contacts), arrival.source.joins
    )
