"""From a body to its items: the batch envelope, the single message, receipts as one, a list or lines.

A body that is sound is decoded in one pass. When the decoder refuses it, its items are cut apart by brackets alone
and each is judged by itself; only a body in which no items can be found is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw

from ingest import splitter
from ingest.messages import ABSENT
from ingest.refusals import Code, RequestRefusedError

_BOM: Final = b"\xef\xbb\xbf"

FIRST_ITEM_BYTES_MAX: Final = 500_000
"""A larger first item is not searched for a write key."""


class _Batch(msgspec.Struct, rename="camel", gc=False):
    batch: list[Raw]
    context: Raw = ABSENT
    sent_at: Raw = ABSENT
    write_key: Raw = ABSENT


class _Single(msgspec.Struct, rename="camel", gc=False):
    sent_at: Raw = ABSENT
    write_key: Raw = ABSENT


class Body(msgspec.Struct, frozen=True, gc=False):
    """What a body holds."""

    items: Sequence[bytes]
    context: bytes = b""
    """The envelope's, which counts for each item."""
    sent_at: bytes = b""
    write_key: str = ""


_decode_batch: Final = msgspec.json.Decoder(_Batch).decode
_decode_single: Final = msgspec.json.Decoder(_Single).decode
_decode_list: Final = msgspec.json.Decoder(list[Raw]).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_text: Final = msgspec.json.Decoder(str).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_batch(body: bytes) -> Body:
    """The items of ``{"batch": […]}``. Raises ``RequestRefusedError`` for a body that has none."""
    body = body.removeprefix(_BOM)
    if is_utf8(body):
        try:
            found = _decode_batch(body)
        except _UNREADABLE:
            pass
        else:
            items = [bytes(item) for item in found.batch]
            return Body(items, _object(bytes(found.context)), bytes(found.sent_at), text_in(bytes(found.write_key)))
    try:
        envelope = splitter.members(body)
        items = splitter.elements(envelope[b"batch"])
    except KeyError:
        raise RequestRefusedError(Code.INVALID_BODY, "it has no list called batch") from None
    except splitter.StructureError as error:
        raise RequestRefusedError(Code.INVALID_BODY, str(error)) from None
    return Body(
        items,
        _object(envelope.get(b"context", b"")),
        envelope.get(b"sentAt", b""),
        text_in(envelope.get(b"writeKey", b"")),
    )


def read_single(body: bytes) -> Body:
    """The one message that a body is. Raises ``RequestRefusedError`` for what is no object."""
    body = body.removeprefix(_BOM).strip()
    if body[:1] == b"{" and is_utf8(body):
        try:
            found = _decode_single(body)
        except _UNREADABLE:
            pass
        else:
            return Body([body], b"", bytes(found.sent_at), text_in(bytes(found.write_key)))
    try:
        members = splitter.members(body)
    except splitter.StructureError as error:
        raise RequestRefusedError(Code.INVALID_BODY, str(error)) from None
    return Body([body], b"", members.get(b"sentAt", b""), text_in(members.get(b"writeKey", b"")))


def read_receipts(body: bytes, *, document_bytes_max: int) -> Body:
    """The receipts of a body: one object, a list, or lines of objects (NDJSON). Raises ``RequestRefusedError`` for
    anything else, and for one JSON document of more than ``document_bytes_max``."""
    body = body.removeprefix(_BOM).strip()
    if body[:1] == b"[":
        _check_size(body, document_bytes_max)
        items = _list(body)
        return Body(items, write_key=_first_write_key(items))
    if body[:1] != b"{":
        raise RequestRefusedError(Code.INVALID_BODY, "it is no object, no list and no lines of objects")
    if _is_one_object(body, document_bytes_max):
        _check_size(body, document_bytes_max)
        return read_single(body)
    lines = [line for line in (line.strip() for line in body.split(b"\n")) if line]
    if len(lines) < 2 and not splitter.is_object(body):
        raise RequestRefusedError(Code.INVALID_BODY, "a bracket or a text does not end")
    return Body(lines, write_key=_first_write_key(lines))


def is_utf8(text: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def text_in(raw: bytes) -> str:
    """The text of a JSON string; ``""`` for any other JSON, and for none."""
    try:
        return _decode_text(raw) if raw[:1] == b'"' else ""
    except _UNREADABLE:
        return ""


def _list(body: bytes) -> list[bytes]:
    if is_utf8(body):
        try:
            return [bytes(item) for item in _decode_list(body)]
        except _UNREADABLE:
            pass
    try:
        return splitter.elements(body)
    except splitter.StructureError as error:
        raise RequestRefusedError(Code.INVALID_BODY, str(error)) from None


def _is_one_object(body: bytes, document_bytes_max: int) -> bool:
    """Whether it is one object, on however many lines, and not an object on each line."""
    if b"\n" not in body:
        return True
    try:
        _decode_single(body)
    except _UNREADABLE:
        first = body[: body.index(b"\n")].strip()
        return len(body) <= document_bytes_max and not splitter.is_object(first) and splitter.is_object(body)
    return True


def _first_write_key(lines: Sequence[bytes]) -> str:
    for line in lines[:1]:
        if len(line) > FIRST_ITEM_BYTES_MAX:
            return ""
        try:
            return text_in(splitter.members(line).get(b"writeKey", b""))
        except splitter.StructureError:
            return ""
    return ""


def _object(raw: bytes) -> bytes:
    """The envelope's context; one that is no readable object says nothing, and costs no item anything."""
    try:
        return raw if raw[:1] == b"{" and is_utf8(raw) and _decode_members(raw) else b""
    except _UNREADABLE:
        return b""


def _check_size(body: bytes, bytes_max: int) -> None:
    if len(body) > bytes_max:
        raise RequestRefusedError(
            Code.BODY_TOO_LARGE, f"one JSON document may have {bytes_max} bytes; send lines of receipts (NDJSON)"
        )
