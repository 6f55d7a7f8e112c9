"""Reading a platform's JSON: what is not there, or not as expected, says nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from ingest.receipt_key import receipt_key
from ingest.refusals import Code, RequestRefusedError

Object = dict[str, Any]

_decode: Final = msgspec.json.Decoder(Object).decode
_decode_exactly: Final = msgspec.json.Decoder(float_hook=Decimal).decode


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A message of Segment's spec that a webhook is."""

    message: Object
    order: str = ""
    """The order or payment that it is about, as a receipt's key: who named themselves with one touchpoint of it is
    whose all of them are. A refund names nobody."""


def order_key(platform: str, kind: str, number: Any) -> str:
    """The key of an order or payment of a platform; ``""`` for one without a number, which is about no order: it must
    not join those who sent others like it."""
    if isinstance(number, bool) or not isinstance(number, int | str) or not str(number).strip():
        return ""
    return receipt_key(platform, kind, "", str(number))


def read_object(body: bytes) -> Object:
    """The body's JSON object. Raises ``RequestRefusedError`` when it is none."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefusedError(Code.INVALID_BODY, str(error)[:100]) from None


def read_json(body: bytes) -> Any:
    """Any JSON, with all digits of its numbers. Raises ``RequestRefusedError`` when it is none."""
    try:
        return _decode_exactly(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise RequestRefusedError(Code.INVALID_BODY, str(error)[:100]) from None


def inner(of: Object, *path: str) -> Object:
    """The object at the end of a path of members; empty when there is none."""
    found: Any = of
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def objects(of: Object, name: str) -> list[Object]:
    """The objects of a list."""
    found = of.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def said(**members: Any) -> Object:
    """Those that are not None, empty texts or empty objects."""
    return {name: value for name, value in members.items() if value not in (None, "", {}, [])}


def total(amounts: Iterable[Any]) -> str | None:
    """The sum of amounts, as a text; None when there is none."""
    numbers = []
    for one in amounts:
        try:
            numbers.append(Decimal(str(one)))
        except InvalidOperation:
            continue
    return str(sum(numbers)) if numbers else None
