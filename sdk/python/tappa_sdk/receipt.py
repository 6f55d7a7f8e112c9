"""Receipts: their shape, judged as Tappa will judge it, while whoever made them is still there to mend them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict, Union
from unicodedata import normalize

from tappa_sdk.errors import InvalidReceiptError

Amount = Union[int, float, str, Decimal]
Part = Union[str, int]
"""Of a receipt's key: tills number with and without quotes."""


class LineNeeds(TypedDict):
    """What a line must have."""

    sku: Part
    quantity: Amount
    unit_price: Amount


class Line(LineNeeds, total=False):
    """A line of a receipt."""

    name: str
    discount: Amount
    category: str


class Customer(TypedDict, total=False):
    """Who bought, as far as the till knows."""

    loyalty_card: Part
    email: str
    phone: str
    user_id: Part


class ReferredNeeds(TypedDict):
    """What a reference must have."""

    receipt_id: Part


class Referred(ReferredNeeds, total=False):
    """The receipt that a return, exchange or void refers to, with the parts of its key that differ."""

    store_id: Part
    till_id: Part
    business_date: str


KINDS = ("sale", "return", "exchange", "void")
LINES_MAX = 2000
BYTES_MAX = 256_000
AMOUNT_MAX = 10**12
KEY_BYTES_MAX = 256
"""Of an identifier, and of a receipt's whole key."""

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\s*", re.ASCII)
_NUMBER_CHARACTERS_MAX = 64
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)
_SOLD_AT = re.compile(
    r"(\d{4}-?\d{2}-?\d{2})[Tt ]\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?)?(?:[Zz]|[+-]\d{2}(?::?\d{2})?)", re.ASCII
)
_CURRENCY = re.compile("[A-Za-z]{3}")
_REFERRED = ("receipt_id", "store_id", "till_id", "business_date")


def check_receipt(receipt: Mapping[str, Any]) -> None:
    """Return when the receipt has the shape that Tappa takes. Raises ``InvalidReceiptError``, which names the first
    field that is wrong. Whether the time is plausible and what the identifiers join is Tappa's to say."""
    for field in ("receipt_id", "store_id"):
        _check_part(field, receipt.get(field), needed=True)
    _check_part("till_id", receipt.get("till_id"))
    day = receipt.get("business_date")
    _check_day("business_date", day.strip() if isinstance(day, str) else day)
    sold_at = receipt.get("sold_at")
    if not isinstance(sold_at, str) or not (found := _SOLD_AT.fullmatch(sold_at)):
        raise InvalidReceiptError("sold_at", "must be ISO 8601 with its offset, such as 2026-03-01T10:15:00+01:00")
    _check_day("sold_at", found[1])
    _check_amount("total", receipt.get("total"))
    currency = receipt.get("currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise InvalidReceiptError("currency", "must be three letters, such as EUR")
    kind = receipt.get("kind")
    if kind is not None and kind not in KINDS:
        raise InvalidReceiptError("kind", "must be sale, return, exchange or void")
    _check_lines(receipt.get("lines", ()))
    for field in ("discount", "tax"):
        if receipt.get(field) is not None:
            _check_amount(field, receipt[field])
    payments = receipt.get("payments")
    if payments is not None and (not _is_list(payments) or len(payments) > LINES_MAX):
        raise InvalidReceiptError("payments", f"must be a list of at most {LINES_MAX}")
    _check_customer(receipt.get("customer"))
    _key("receipt_id", receipt["store_id"], receipt.get("till_id"), _day(receipt), receipt["receipt_id"])
    _check_refers_to(receipt, kind)


def receipt_key(receipt: Mapping[str, Any]) -> str:
    """The key of a receipt of the right shape: its ``message_id`` in Tappa. Sent again it is the same touchpoint."""
    return _key("receipt_id", receipt["store_id"], receipt.get("till_id"), _day(receipt), receipt["receipt_id"])


def wire_time(value: datetime | str) -> str:
    """``sold_at`` as text. A time of the clock keeps its offset, which says the local day."""
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise InvalidReceiptError("sold_at", "must have an offset: datetime.now().astimezone()")
    return value.isoformat()


def wire_day(value: date | str | None) -> str | None:
    """``business_date`` as text."""
    return value.isoformat() if isinstance(value, date) else value


def _check_lines(lines: Any) -> None:
    if not _is_list(lines) or len(lines) > LINES_MAX:
        raise InvalidReceiptError("lines", f"must be a list of at most {LINES_MAX}")
    for number, line in enumerate(lines):
        where = f"lines[{number}]"
        if not isinstance(line, Mapping):
            raise InvalidReceiptError(where, "must be an object")
        if not _is_part(line.get("sku")):
            raise InvalidReceiptError(f"{where}.sku", "must be a text or a whole number")
        _check_amount(f"{where}.quantity", line.get("quantity"))
        _check_amount(f"{where}.unit_price", line.get("unit_price"))
        if line.get("discount") is not None:
            _check_amount(f"{where}.discount", line["discount"])
        for field in ("name", "category"):
            if line.get(field) is not None and not isinstance(line[field], str):
                raise InvalidReceiptError(f"{where}.{field}", "must be a text")


def _check_customer(customer: Any) -> None:
    if customer is None:
        return
    if not isinstance(customer, Mapping):
        raise InvalidReceiptError("customer", "must be an object")
    user = customer.get("user_id")
    if user is not None and (isinstance(user, bool) or not isinstance(user, (str, int, float))):
        raise InvalidReceiptError("customer.user_id", "must be a text or a number")
    for name in ("user_id", "loyalty_card", "email", "phone"):
        value = customer.get(name)
        if isinstance(value, str) and ("\0" in value or len(value.strip().encode("utf-8", "replace")) > KEY_BYTES_MAX):
            raise InvalidReceiptError(f"customer.{name}", f"must have at most {KEY_BYTES_MAX} bytes and no NUL")


def _check_refers_to(receipt: Mapping[str, Any], kind: str | None) -> None:
    """Parts that it leaves out are those of the receipt itself."""
    said = receipt.get("refers_to")
    if said is None or said == "":
        if kind == "void":
            raise InvalidReceiptError("refers_to", "a void needs the receipt that it voids")
        return
    if _is_part(said):
        said = {"receipt_id": said}
    if not isinstance(said, Mapping):
        raise InvalidReceiptError("refers_to", "must be a number of a receipt, or an object with its key")
    if not _is_part(said.get("receipt_id")):
        raise InvalidReceiptError("refers_to.receipt_id", "must be a text or a whole number")
    for field in ("store_id", "till_id"):
        _check_part(f"refers_to.{field}", said.get(field))
    _check_part("refers_to.receipt_id", said["receipt_id"])
    _check_day("refers_to.business_date", said.get("business_date"))
    own_till = receipt.get("till_id")
    _key(
        "refers_to",
        str(said.get("store_id") if said.get("store_id") is not None else "").strip() or receipt["store_id"],
        said["till_id"] if said.get("till_id") is not None else own_till,
        _day({**receipt, "business_date": said.get("business_date") or receipt.get("business_date")}),
        said["receipt_id"],
    )


def _check_part(field: str, value: Any, *, needed: bool = False) -> None:
    if value is None and not needed:
        return
    if not _is_part(value):
        raise InvalidReceiptError(field, "must be a text or a whole number")
    text = str(value)
    if needed and not text.strip():
        raise InvalidReceiptError(field, "must not be blank")
    if "\0" in text:
        raise InvalidReceiptError(field, "must not contain NUL")


def _check_day(field: str, value: Any) -> None:
    if value is None or value == "":
        return
    found = _DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        if found is None:
            raise ValueError
        date(*map(int, found.groups()))
    except ValueError:
        raise InvalidReceiptError(field, "must be a day such as 2026-03-01") from None


def _check_amount(field: str, value: Any) -> None:
    """A number, or a text that is one; not NaN, and not beyond ``AMOUNT_MAX``."""
    if isinstance(value, str):
        value = value if len(value) <= _NUMBER_CHARACTERS_MAX and _NUMBER.fullmatch(value) else None
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise InvalidReceiptError(field, "must be a number")
    number = Decimal(value.strip()) if isinstance(value, str) else Decimal(value)
    if not number.is_finite() or abs(number) > AMOUNT_MAX:
        raise InvalidReceiptError(field, f"must be a number of at most {AMOUNT_MAX}")


def _is_part(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _day(receipt: Mapping[str, Any]) -> str:
    said = str(receipt.get("business_date") or "").strip() or _SOLD_AT.fullmatch(receipt["sold_at"])[1]  # type: ignore[index]
    return "-".join(_DAY.fullmatch(said).groups())  # type: ignore[union-attr]


def _key(field: str, store_id: Part, till_id: Part | None, day: str, receipt_id: Part) -> str:
    parts = (store_id, "" if till_id is None else till_id, day, receipt_id)
    texts = (normalize("NFC", str(part).strip()) for part in parts)
    key = "receipt:" + "/".join(text.replace("%", "%25").replace("/", "%2F") for text in texts)
    if len(key.encode("utf-8", "replace")) > KEY_BYTES_MAX:
        raise InvalidReceiptError(field, f"the key of the receipt has more than {KEY_BYTES_MAX} bytes")
    return key
