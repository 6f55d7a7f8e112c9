"""Single values out of JSON: clients write an id as a string or as a number, and anything else where neither is
expected."""

from __future__ import annotations

from typing import Any, Final
from unicodedata import normalize

import msgspec
from msgspec import Raw

Scalar = str | int | float | None

_decode: Final = msgspec.json.Decoder().decode


def text_of(value: Scalar) -> str:
    """The value as trimmed text in Unicode NFC; a number in its decimal form; ``""`` for null."""
    if isinstance(value, str):
        trimmed = value.strip()
        return trimmed if trimmed.isascii() else normalize("NFC", trimmed)
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def decoded(raw: Raw) -> Any:
    """The value of a piece of JSON; None for an empty piece and for numbers that no float can hold."""
    if not raw:
        return None
    try:
        return _decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
