"""What waits to be sent, and what became of what cannot be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

BATCH = "/v1/batch"
RECEIPTS = "/v1/receipts"


class Item(NamedTuple):
    """One message or receipt as it is sent: what was said at the call, whatever its caller changes later."""

    endpoint: str
    message_id: str
    body: bytes


@dataclass(frozen=True)
class Rejected:
    """One item that will not become a touchpoint, as told to ``on_error``."""

    code: str
    """Why: a code of Tappa's table of refusals, or one of ours: ``queue_full`` (dropped, as ``full="drop"`` says),
    ``not_sent`` (still waiting when the client was closed), ``http_404`` and its like (refused by something that is
    not Tappa)."""
    message: str
    """For a person."""
    message_id: str
    """The item's; for a receipt its key."""
    body: bytes
    """The item, whole, as JSON."""
    status: int
    """Of the answer, 0 without one. 200: this item alone was refused, and Tappa keeps it among its dead letters."""

    @property
    def item(self) -> dict[str, Any]:
        """The item, whole."""
        found: dict[str, Any] = json.loads(self.body)
        return found
