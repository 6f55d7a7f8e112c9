"""Touchpoints for tests of the stream: short to write, complete in every field."""

from __future__ import annotations

from hashlib import blake2b

from stage_engine.touchpoint import Touchpoint

DAY_MS = 86_400_000
START_MS = 1_750_000_000_000


def touchpoint(
    message_id: str,
    *,
    at: int = 0,
    original: int | None = None,
    user: str = "",
    device: str = "",
    event: str = "Product Viewed",
    transaction: str = "",
    refers_to: str = "",
    value: int | None = None,
    contacts: tuple[str, ...] = (),
    note: str = "",
) -> Touchpoint:
    """One at ``START_MS + at``; ``note`` makes a copy with other content."""
    return Touchpoint(
        source="web",
        message_id=message_id,
        type="track",
        event=event,
        channel="web",
        occurred_at=START_MS + at,
        original_timestamp=START_MS + (at if original is None else original),
        received_at=START_MS + at + 1,
        user_id=user,
        anonymous_id=device,
        contacts=contacts,
        properties=b"{}",
        context=b"{}",
        value=value,
        currency="EUR" if value is not None else "",
        transaction=transaction,
        refers_to=refers_to,
        content_hash=blake2b(f"{message_id}{at}{note}".encode(), digest_size=16).digest(),
    )
