"""From the body of a webhook to the items that are judged, as if they had come to their own endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ingest.envelope import read_batch, read_receipts
from ingest.files.values import RowError
from ingest.hooks import shopify, square
from ingest.hooks.mapping import Mapped, mapped
from ingest.hooks.payload import Sent, read_json, read_object
from ingest.hooks.settings import Hook
from ingest.splitter import StructureError, members

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class HookItem(msgspec.Struct, frozen=True, kw_only=True):
    """One item."""

    body: bytes
    is_receipt: bool = False
    order: str = ""
    """See ``Sent.order``."""
    unmapped: str = ""
    """Why the mapping makes no message of it."""


def items_of(hook: Hook, headers: Mapping[str, str], body: bytes, *, document_bytes_max: int) -> list[HookItem]:
    """What a body that was signed holds; nothing for what the platform tells about other things than customers. Raises
    ``RequestRefusedError`` for a body that cannot be read."""
    if hook.kind == "signed":
        return _own(body, document_bytes_max)
    if hook.kind == "mapped":
        return _mapped(mapped(hook.mapping), body)
    payload = read_object(body)
    found = square.messages(payload) if hook.kind == "square" else shopify.messages(hook, headers, payload)
    return [_item(one) for one in found]


def _item(sent: Sent) -> HookItem:
    return HookItem(body=_encode(sent.message), order=sent.order)


def _mapped(mapping: Mapped, body: bytes) -> list[HookItem]:
    """A message for each element, or the element with the reason why it makes none."""
    payload = read_json(body)
    try:
        elements = mapping.elements(payload)
    except RowError as error:
        return [HookItem(body=body, unmapped=str(error))]
    items = []
    for nested in elements:
        try:
            items.append(HookItem(body=mapping.message(nested)))
        except RowError as error:
            items.append(HookItem(body=_encode(nested.element), unmapped=str(error)))
    return items


def _own(body: bytes, document_bytes_max: int) -> list[HookItem]:
    """A batch of messages, or receipts: one, a list, or lines."""
    if _is_batch(body):
        return [HookItem(body=one) for one in read_batch(body).items]
    receipts = read_receipts(body, document_bytes_max=document_bytes_max)
    return [HookItem(body=one, is_receipt=True) for one in receipts.items]


def _is_batch(body: bytes) -> bool:
    try:
        return b"batch" in members(body)
    except StructureError:
        return False
