"""Values as JSON: what ``json`` can say, and dates, times, amounts and ids besides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from tappa_sdk.errors import InvalidMessageError


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond. A time without an offset is this machine's local time, as Python has it."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


def now_iso() -> str:
    """The time by this machine's clock."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


def encoded(value: Mapping[str, Any]) -> bytes:
    """The value as JSON in UTF-8; a half of a surrogate pair, which UTF-8 has no form for, becomes ``?``. Raises
    ``InvalidMessageError`` for what JSON cannot say: NaN, infinity, keys that are no texts, objects of other classes,
    something that contains itself."""
    try:
        return _encode(value).encode("utf-8", "replace")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidMessageError(f"JSON cannot say this: {error}") from None


def _other(value: object) -> object:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no value of JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_other).encode
