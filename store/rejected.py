"""The dead letter: an item that was read but not accepted, whole, with its reason."""

from __future__ import annotations

import msgspec


class Refused(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True, tag_field="_", tag="r"):
    """One row of the table ``rejected``, and a message of the log on its way there."""

    rejected_id: str
    """Hex of a hash over source, code and body: the same item refused again is the same row."""
    source: str
    received_at: int
    """Milliseconds since 1970 UTC."""
    code: str
    """A code of the table of refusals, e.g. ``missing_identifier``."""
    reason: str
    """A sentence for a person."""
    message_id: str = ""
    body: bytes
    """The item as it came (write keys blanked)."""
    endpoint: str = ""
