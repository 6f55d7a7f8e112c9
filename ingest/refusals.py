"""The table of refusals: all that ingest says no to, what the sender is told, and whether sending again may help.

Segment's clients send again on 408, 410, 429 and 5xx except 501 and 505, and throw away on any other 4xx. So a 4xx
that is not among these is said only where throwing away is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec


class Code(StrEnum):
    """What an answer, a metric and a dead letter name a refusal by."""

    INVALID_BODY = "invalid_body"
    INVALID_COMPRESSION = "invalid_compression"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    INVALID_FILE = "invalid_file"
    MISSING_WRITE_KEY = "missing_write_key"
    UNKNOWN_WRITE_KEY = "unknown_write_key"
    UNKNOWN_HOOK = "unknown_hook"
    INVALID_SIGNATURE = "invalid_signature"
    STALE_SIGNATURE = "stale_signature"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BODY_TIMEOUT = "body_timeout"
    BODY_TOO_LARGE = "body_too_large"
    TOO_MANY_ITEMS = "too_many_items"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    LOG_FULL = "log_full"
    LOG_UNAVAILABLE = "log_unavailable"

    INVALID_JSON = "invalid_json"
    INVALID_ENCODING = "invalid_encoding"
    NOT_AN_OBJECT = "not_an_object"
    TOO_DEEP = "too_deep"
    EVENT_TOO_LARGE = "event_too_large"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    MISSING_IDENTIFIER = "missing_identifier"
    INVALID_IDENTIFIER = "invalid_identifier"
    INVALID_TIMESTAMP = "invalid_timestamp"
    IMPLAUSIBLE_TIME = "implausible_time"
    TIME_TOO_OLD = "time_too_old"
    INVALID_RECEIPT = "invalid_receipt"
    UNMAPPED = "unmapped"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table."""

    status: int | None
    """HTTP status of the whole answer; None: one item is refused, the others are not touched."""
    retryable: bool
    """Whether the same bytes may be accepted later."""
    sentence: str
    """For a person: what is wrong and what to do."""


def _request(status: int, sentence: str) -> Refusal:
    return Refusal(status=status, retryable=status in {408, 429, 503}, sentence=sentence)


def _item(sentence: str) -> Refusal:
    return Refusal(status=None, retryable=False, sentence=sentence)


TABLE: Final[Mapping[Code, Refusal]] = MappingProxyType(
    {
        Code.INVALID_BODY: _request(
            400, "The body is not the JSON that this endpoint takes: compare it with the example in /docs."
        ),
        Code.INVALID_COMPRESSION: _request(
            400,
            "The compressed body is damaged or ends early: compress it again, or send it as it is, without "
            "Content-Encoding.",
        ),
        Code.UNSUPPORTED_ENCODING: _request(
            415,
            "Only the Content-Encodings gzip and deflate, for files gzip and zstd, are understood: use one of them, or "
            "none.",
        ),
        Code.INVALID_FILE: _request(
            400, "The file cannot be read like this: compare its format and its mapping with docs/import.md."
        ),
        Code.MISSING_WRITE_KEY: _request(
            401, "There is no write key: give it as the Basic user name, or as writeKey in the body or the query."
        ),
        Code.UNKNOWN_WRITE_KEY: _request(401, "Nobody has this write key: `tappa sources` lists those that work."),
        Code.UNKNOWN_HOOK: _request(
            404, "No source of this name has a webhook of this kind: `tappa sources hook` gives it one."
        ),
        Code.INVALID_SIGNATURE: _request(
            401, "The signature is missing or not that of this body: compare the secret, and sign the raw bytes."
        ),
        Code.STALE_SIGNATURE: _request(
            401,
            "The signature is older than this source may send, or from the future: sign again, and check the clock.",
        ),
        Code.NOT_FOUND: _request(404, "There is nothing at this address: /docs lists all endpoints."),
        Code.METHOD_NOT_ALLOWED: _request(405, "This endpoint does not take this method: /docs says which it takes."),
        Code.BODY_TIMEOUT: _request(
            408, "The body took too long to arrive: send it again, in smaller parts if the line is slow."
        ),
        Code.BODY_TOO_LARGE: _request(413, "The body is too large: send it in smaller parts."),
        Code.TOO_MANY_ITEMS: _request(413, "The body has too many items: send it in smaller parts."),
        Code.RATE_LIMITED: _request(
            429, "This write key sends more than it may: wait as long as Retry-After says, then send again."
        ),
        Code.OVERLOADED: _request(
            503, "Too much is being received at once: wait as long as Retry-After says, then send again."
        ),
        Code.LOG_FULL: _request(
            503, "The log cannot take more just now: wait as long as Retry-After says, then send again."
        ),
        Code.LOG_UNAVAILABLE: _request(
            503, "The log cannot be written just now: wait as long as Retry-After says, then send again."
        ),
        Code.INVALID_JSON: _item("This item is not valid JSON."),
        Code.INVALID_ENCODING: _item("This item is not UTF-8: send text as UTF-8."),
        Code.NOT_AN_OBJECT: _item("This item is not a JSON object."),
        Code.TOO_DEEP: _item("This item is nested too deeply: flatten it."),
        Code.EVENT_TOO_LARGE: _item("This item is too large: leave out what nobody will ask for."),
        Code.UNKNOWN_TYPE: _item(
            "The type must be one of track, identify, page, screen, group and alias; receipts go to /v1/receipts."
        ),
        Code.MISSING_FIELD: _item("A field that this type needs is missing."),
        Code.INVALID_FIELD: _item("A field has the wrong type."),
        Code.MISSING_IDENTIFIER: _item(
            "Nothing says whose touchpoint it is: send userId, anonymousId, or a contact such as an e-mail address, "
            "with a value that is not on the block list."
        ),
        Code.INVALID_IDENTIFIER: _item(
            "An identifier is not a text or number, is too long, or contains a NUL character."
        ),
        Code.INVALID_TIMESTAMP: _item(
            "The time cannot be understood: send ISO 8601, such as 2026-03-01T09:30:00.000Z."
        ),
        Code.IMPLAUSIBLE_TIME: _item("The time lies in the future or too far in the past: check the sender's clock."),
        Code.TIME_TOO_OLD: _item(
            "The time is older than a browser source may send: send old touchpoints by a source that is not a "
            "browser's."
        ),
        Code.INVALID_RECEIPT: _item("The receipt does not have the form that /docs describes."),
        Code.UNMAPPED: _item("The mapping makes nothing of this item: correct the mapping, or the item."),
    }
)


class RequestRefusedError(Exception):
    """The whole request is refused; ``detail`` adds to the table's sentence."""

    def __init__(self, code: Code, detail: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(sentence(code, detail))
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s


class ItemRefusedError(Exception):
    """One item is refused; ``detail`` adds to the table's sentence."""

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(sentence(code, detail))
        self.code = code


def sentence(code: Code, detail: str = "") -> str:
    """The table's sentence, and what is special about this case."""
    return f"{TABLE[code].sentence} ({detail})" if detail else TABLE[code].sentence
