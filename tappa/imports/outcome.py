"""What becomes of a line or row of a file before it is sent."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec

TEXT_KEPT: Final = 500
"""Characters of a bad line that are shown with its reason."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A message or receipt, ready to be sent."""

    line: int
    """Of its first row in the file, from 1."""
    receipt: bool
    body: bytes
    """JSON object."""
    identity: bytes
    """Which touchpoint it is, 16 bytes: two items of one source with the same identity are copies."""
    content: bytes
    """Eight bytes over all that the file says of it: copies that differ can be told from copies that do not."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A line that cannot even be made into an item."""

    line: int
    code: str
    reason: str
    text: str
    """The line's beginning."""


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A row that the mapping leaves out."""

    line: int


Outcome = Item | Problem | Skipped


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What all items of one import have in common."""

    upload_id: str
    """16 hex digits: of the file's content."""
    file: str
    """The file's name, without folders."""
    source: str
    started_at: str
    """ISO time at which it was first imported: the time of touchpoints that have none, the same whenever it is
    resumed."""

    def message_id(self, line: int) -> str:
        """Of a line that has none: the same whenever the file is sent."""
        return f"{self.upload_id}:{line}"

    def origin(self, line: int) -> dict[str, Any]:
        """Goes into a message's ``context.import`` and a receipt's ``import``, so that a touchpoint, and a dead
        letter, can be found in the file."""
        return {"id": self.upload_id, "file": self.file, "line": line}


def digest(*parts: object, size: int = 16) -> bytes:
    """A hash over parts; None differs from an empty text."""
    return blake2b(msgspec.msgpack.encode(parts), digest_size=size).digest()


def message_identity(upload: Upload, body: dict[str, Any]) -> bytes:
    """From a message's fields as the file writes them: source, ``messageId``, ``timestamp`` and all that may name
    somebody."""
    context = body.get("context")
    named = (context.get("traits"), context.get("externalIds")) if isinstance(context, dict) else ()
    names = (body.get("userId"), body.get("anonymousId"), body.get("previousId"), body.get("traits"), *named)
    return digest(upload.source, body.get("messageId"), body.get("timestamp"), names)


def receipt_identity(upload: Upload, body: dict[str, Any]) -> bytes:
    """From a receipt's key, time and customer as the file writes them."""
    key = [str(body.get(part, "")) for part in ("store_id", "till_id", "business_date", "receipt_id")]
    return digest(upload.source, key, body.get("sold_at"), body.get("customer"))
