"""The reference reads what clients send as ingest does, though it knows nothing of ingest: the whole sample shop."""

from __future__ import annotations

import json
from datetime import date

import pytest

from ingest.arrival import Arrival, Rules
from ingest.normalise import touchpoint_of as ingested
from ingest.receipts import receipt_touchpoint
from ingest.settings import IdentitySettings, IngestSettings
from ingest.sources import Source
from tappa.demo.shop import shop
from tappa.demo.touch import Touch
from tests.reference.sent import touchpoint_of

NAMES = (
    *("source", "message_id", "type", "event", "channel", "occurred_at", "original_timestamp"),
    *("value", "currency", "transaction", "refers_to", "score_kind", "score"),
)
RECEIVED_AT = 1_767_225_600_000  # 2026-01-01
RULES = Rules.of(IngestSettings(), IdentitySettings(), "EUR", lambda: "generated")
SHOP = list(shop(seed=7, customers=80, days=120, end=date(2025, 12, 30)))


def both(touch: Touch, skew: int) -> tuple[dict[str, object], dict[str, object]]:
    """As ingest has it, and as the reference has it."""
    raw = json.dumps(touch.body).encode()
    form = "receipt" if touch.receipt else "message"
    source = Source(name="stores" if touch.receipt else "web", channel="store" if touch.receipt else "web")
    correction = RULES.clock.correction(RECEIVED_AT, RECEIVED_AT - skew)
    arrival = Arrival(source=source, endpoint="/", received_at=RECEIVED_AT, correction=correction)
    ours = (receipt_touchpoint if touch.receipt else ingested)(RULES, arrival, raw)
    sending = {
        "source": source.name,
        "received_at": RECEIVED_AT,
        "sent_at": RECEIVED_AT - skew,
        form: touch.body,
        "raw": raw,
    }
    theirs = touchpoint_of(sending)
    found = {name: getattr(ours, name) for name in NAMES}
    return (
        {**found, "identifiers": list(ours.identifiers), "content": ours.content_hash},
        {name: theirs[name] for name in (*NAMES, "identifiers", "content")},
    )


@pytest.mark.parametrize("skew", [0, 299_000, 3_700_000, -90_000_000])
def test_the_reference_reads_the_sample_shop_as_ingest_does(skew: int) -> None:
    pairs = [both(touch, skew) for touch in SHOP]
    assert len(pairs) > 500
    assert [ours for ours, _ in pairs] == [theirs for _, theirs in pairs]
