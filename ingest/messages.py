"""Messages of Segment's spec as they arrive: one JSON object each, decoded in one pass, the payload kept as the
sender wrote it."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import Raw

from ingest.refusals import Code, ItemRefusedError
from ingest.splitter import depth_exceeds
from ingest.text import Scalar

TYPES: Final = ("track", "identify", "page", "screen", "group", "alias")
ABSENT: Final = Raw(b"")

IDENTIFIER_FIELDS: Final = frozenset({"userId", "anonymousId", "previousId", "groupId", "messageId"})


class Message(msgspec.Struct, rename="camel", gc=False, forbid_unknown_fields=True):
    """The fields that ingest reads, and the others that clients usually send; a field it does not know takes a slower
    way."""

    type: str | None = None
    message_id: Scalar = None
    user_id: Scalar = None
    anonymous_id: Scalar = None
    previous_id: Scalar = None
    group_id: Scalar = None
    event: str | None = None
    name: str | None = None
    channel: str | None = None
    timestamp: Scalar = None
    properties: Raw = ABSENT
    traits: Raw = ABSENT
    context: Raw = ABSENT
    write_key: Raw = ABSENT
    sent_at: Raw = ABSENT
    integrations: Raw = ABSENT
    metadata: Raw = msgspec.field(default=ABSENT, name="_metadata")
    original_timestamp: Raw = ABSENT
    received_at: Raw = ABSENT
    category: Raw = ABSENT
    version: Raw = ABSENT


OTHER_FIELDS: Final = (
    ("sentAt", "sent_at"),
    ("_metadata", "metadata"),
    ("originalTimestamp", "original_timestamp"),
    ("receivedAt", "received_at"),
    ("category", "category"),
    ("version", "version"),
)
"""Fields that ingest only passes on, as ``extra``, like ``integrations``."""

_KNOWN: Final = frozenset(
    msgspec.structs.fields(Message)[i].encode_name for i in range(len(msgspec.structs.fields(Message)))
)
_OTHER_NAMES: Final = ("integrations", *(name for name, _ in OTHER_FIELDS))
_others: Final = attrgetter("integrations", *(attribute for _, attribute in OTHER_FIELDS))
_decode: Final = msgspec.json.Decoder(Message).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_encode: Final = msgspec.json.Encoder().encode
_EMPTY: Final = frozenset({b"", b"null", b"{}"})
_FIELD: Final = re.compile(r"\$\.([A-Za-z_]+)")


def decode_message(item: bytes, depth_max: int) -> tuple[Message, bytes]:
    """The message, and its other top-level fields as a JSON object (``b""`` when there are none; write keys are never
    among them). Raises ``ItemRefusedError``."""
    if depth_exceeds(item, depth_max):
        raise ItemRefusedError(Code.TOO_DEEP, f"more than {depth_max} levels")
    try:
        message = _decode(item)
    except msgspec.ValidationError as error:
        if "unknown field" not in str(error):
            raise wrong_type(item, error) from None
        return _with_unknown_fields(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(error) from None
    return message, _extra(message) if _has_others(message) else b""


def wrong_type(item: bytes, error: msgspec.ValidationError) -> ItemRefusedError:
    """The refusal of an item that is JSON but not of the right types."""
    if item.lstrip()[:1] != b"{":
        return ItemRefusedError(Code.NOT_AN_OBJECT)
    found = _FIELD.search(str(error))
    field = found[1] if found else ""
    detail = f"{field}: {str(error).partition(' - at ')[0]}"
    if field in IDENTIFIER_FIELDS:
        return ItemRefusedError(Code.INVALID_IDENTIFIER, detail)
    return ItemRefusedError(Code.INVALID_TIMESTAMP if field == "timestamp" else Code.INVALID_FIELD, detail)


def not_json(error: Exception) -> ItemRefusedError:
    """The refusal of an item that is no JSON, or no UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        return ItemRefusedError(Code.INVALID_ENCODING)
    return ItemRefusedError(Code.INVALID_JSON, str(error)[:200])


def json_object(raw: Raw, field: str) -> bytes:
    """The bytes of a field that is a JSON object; ``b""`` for null and for one that is missing. Raises
    ``ItemRefusedError``."""
    if raw is ABSENT:
        return b""
    found = bytes(raw)
    if found[:1] == b"{":
        return found
    if found == b"null":
        return b""
    raise ItemRefusedError(Code.INVALID_FIELD, f"{field}: it must be an object")


def merged(envelope: bytes, own: bytes) -> bytes:
    """The envelope's context and a message's own as one JSON object; where both have a member the message's counts,
    as a whole."""
    if not envelope or envelope in _EMPTY:
        return own
    if not own or own in _EMPTY:
        return envelope
    return _encode({**_decode_members(envelope), **_decode_members(own)})


def _has_others(message: Message) -> bool:
    """Whether the message has any of the fields that are only passed on. One by one, which takes half the time of
    fetching them all."""
    return not (
        (message.integrations is ABSENT or bytes(message.integrations) in _EMPTY)
        and message.sent_at is ABSENT
        and message.metadata is ABSENT
        and message.original_timestamp is ABSENT
        and message.received_at is ABSENT
        and message.category is ABSENT
        and message.version is ABSENT
    )


def _extra(message: Message) -> bytes:
    found = {name: raw for name, raw in zip(_OTHER_NAMES, _others(message), strict=True) if bytes(raw) not in _EMPTY}
    return _encode(found) if found else b""


def _with_unknown_fields(item: bytes) -> tuple[Message, bytes]:
    try:
        everything: dict[str, Raw] = _decode_members(item)
        known: dict[str, Any] = {name: raw for name, raw in everything.items() if name in _KNOWN}
        unknown = {name: raw for name, raw in everything.items() if name not in _KNOWN}
        message = _decode(_encode(known))
        extra = _extra(message)
        return message, _encode({**_decode_members(extra or b"{}"), **unknown})
    except msgspec.ValidationError as error:
        raise wrong_type(item, error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(error) from None
