"""What to do after an answer, or after none: Segment's table, and how long to wait. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

FIRST_S = 0.5
WAIT_S_MAX = 60.0
RETRY_AFTER_S_MAX = 300
"""A longer one is a mistake, or somebody else's answer."""


class Answer(NamedTuple):
    """What the server said."""

    status: int
    retry_after: str
    body: bytes


class Next(Enum):
    """What to do with a batch."""

    SETTLED = "settled"
    """It was taken, and each item has its verdict."""
    AGAIN = "again"
    HALVE = "halve"
    """Send its halves; one item alone is refused."""
    REFUSED = "refused"


def judged(answer: Answer, *, keep: bool) -> Next:
    """Segment's table: again after 408, 410, 429 and 5xx except 501 and 505. An answer that cannot be Tappa's (a 200
    without a verdict, as of a network that wants a login; a redirect) is none: again, too. With ``keep`` nothing is
    given up because of a wrong key or address: again, after other 4xx, 501 and 505, until somebody has mended it."""
    status = answer.status
    if status == 200:
        return Next.SETTLED if verdict(answer) is not None else Next.AGAIN
    if status in (400, 413):
        return Next.HALVE
    if status in (408, 410, 429) or (status >= 500 and status not in (501, 505)) or status < 400:
        return Next.AGAIN
    return Next.AGAIN if keep else Next.REFUSED


def verdict(answer: Answer) -> Sequence[dict[str, Any]] | None:
    """The rejected items that an answer names; None when it is no verdict."""
    said = _object(answer.body)
    if said.get("success") is not True:
        return None
    rejected = said.get("rejected", ())
    return [row for row in rejected if isinstance(row, dict)] if isinstance(rejected, list) else ()


def reason(answer: Answer) -> tuple[str, str]:
    """Code and sentence of a refusal of the whole request."""
    said = _object(answer.body)
    return str(said.get("code") or f"http_{answer.status}"), str(said.get("message") or "refused as a whole")


def wait_s(attempt: int, retry_after: str, chance: float) -> float:
    """How long to wait after the attempt that failed, the first being 0: anything up to twice as long each time, by
    ``chance`` (0 to 1, "full jitter", so that many clients do not come back at once), and never less than the server
    asked for."""
    backoff = chance * min(WAIT_S_MAX, FIRST_S * float(2 ** min(attempt, 20)))
    asked = min(int(retry_after), RETRY_AFTER_S_MAX) if retry_after.isascii() and retry_after.isdigit() else 0
    return max(backoff, asked)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
