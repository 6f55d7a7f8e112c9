"""What becomes of a line or row of a file before it is sent."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final, Protocol

import msgspec


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
    """The line."""


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A row that the mapping leaves out."""

    line: int


NO_TIME: Final = "The line has no timestamp: sent again, it would be another touchpoint."

Outcome = Item | Problem | Skipped


class Upload(Protocol):
    """What all items of a file have in common."""

    @property
    def source(self) -> str:
        """Of all its touchpoints."""

    @property
    def started_at(self) -> str:
        """ISO time of touchpoints that have none; empty where these are refused."""

    def saw(self, line: bytes) -> None:
        """Told of each line as it is read, before anything else is asked about it."""

    def message_id(self, line: int) -> str:
        """Of the line that was read last, when it has none: the same whenever the file is sent."""

    def origin(self, line: int) -> dict[str, Any]:
        """Goes into a message's ``context.import`` and a receipt's ``import``, so that a touchpoint, and a dead
        letter, can be found in the file."""


class HashedUpload(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose content is known before it is sent."""

    upload_id: str
    """16 hex digits: of the file's content."""
    file: str
    """The file's name, without folders."""
    source: str
    started_at: str
    """ISO time at which it was first imported: the time of touchpoints that have none, the same whenever it is
    resumed."""

    def saw(self, line: bytes) -> None:
        """The content's hash is there already."""

    def message_id(self, line: int) -> str:
        """The file's content and the line's place."""
        return f"{self.upload_id}:{line}"

    def origin(self, line: int) -> dict[str, Any]:
        """Content, name and line."""
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


class StreamedUpload:
    """A file whose content is only known as it comes. The id of a line that has none is a hash of all that was read up
    to the end of it: the same when the file is sent again, whatever follows it now, and another one in any file that
    begins otherwise."""

    started_at = ""

    def __init__(self, source: str, file: str) -> None:
        self.source = source
        self._file = file
        self._read = blake2b(digest_size=16)

    def saw(self, line: bytes) -> None:
        """One more line."""
        self._read.update(line.rstrip(b"\r\n") + b"\n")  # the last line may have no end yet

    def message_id(self, line: int) -> str:
        """Made of the file up to here."""
        return f"{self._read.hexdigest()}:{line}"

    def origin(self, line: int) -> dict[str, Any]:
        """Name, if it has one, and line: the same whenever it is sent."""
        return {"file": self._file, "line": line} if self._file else {"line": line}
