"""Scalars of JSON as the text they mean: clients write an id as a string or as a number."""

from __future__ import annotations

from unicodedata import normalize

Scalar = str | int | float | None


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
