"""Random histories: ties in a millisecond, silences, corrected clocks, copies that differ, returns and voids."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from stage_engine.touchpoint import Touchpoint

MINUTE = 60_000
DAY = 86_400_000
START = 1_700_000_000_000

EVENTS = (
    ("page", "Page Viewed", ""),
    ("track", "Product Viewed", ""),
    ("track", "Product Added", ""),
    ("track", "Order Completed", "sale"),
    ("track", "Order Refunded", "return"),
    ("track", "Support Ticket Opened", ""),
    ("track", "Product Reviewed", ""),
    ("track", "Invite Sent", ""),
    ("track", "Something Else", ""),
    ("receipt", "Receipt Issued", "sale"),
    ("receipt", "Receipt Returned", "return"),
    ("receipt", "Receipt Voided", "void"),
)
GAPS = (0, 0, 0, 1, 5 * MINUTE, 40 * MINUTE, DAY, 14 * DAY, 30 * DAY, 90 * DAY, 91 * DAY, 366 * DAY)
SKEWS = (0, 0, 0, 0, 1, 40 * MINUTE, -40 * MINUTE, DAY, -DAY, 400 * DAY)
PROPERTIES = ({}, {"rating": 5}, {"rating": 2}, {"rating": "many"}, {"product_id": "sku-1", "quantity": 2})


@st.composite
def touchpoints(draw: st.DrawFn, at: int, user_id: str = "u") -> Touchpoint:
    """One at ``at``."""
    type_, event, transaction = draw(st.sampled_from(EVENTS))
    has_money = draw(st.booleans())
    return Touchpoint(
        source=draw(st.sampled_from(("web", "till"))),
        message_id=draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz")),
        type=type_,
        event=event,
        channel=draw(st.sampled_from(("web", "store", "email"))),
        occurred_at=at,
        original_timestamp=at + draw(st.sampled_from(SKEWS)),
        received_at=at + 1,
        user_id=user_id,
        anonymous_id=draw(st.sampled_from(("", "", "d1"))),
        properties=json.dumps(draw(st.sampled_from(PROPERTIES))).encode(),
        value=draw(st.integers(-10_000_000, 10_000_000)) if has_money else None,
        currency=draw(st.sampled_from(("EUR", "USD"))) if has_money else "",
        transaction=transaction,
        refers_to=draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz")) if transaction in ("void", "return") else "",
        score_kind="nps" if event == "Something Else" else "",
        score=draw(st.sampled_from((3.0, 9.0, None))) if event == "Something Else" else None,
        content_hash=draw(st.binary(min_size=1, max_size=1)),
    )


@st.composite
def copies(draw: st.DrawFn, original: Touchpoint) -> Touchpoint:
    """The same touchpoint, sent again: its clock may have been corrected otherwise, its content may differ."""
    other = draw(touchpoints(original.occurred_at + draw(st.sampled_from((0, 1, -1, DAY, -DAY, 500 * DAY)))))
    same: dict[str, Any] = {
        name: getattr(original, name)
        for name in ("source", "message_id", "original_timestamp", "user_id", "anonymous_id", "contacts")
    }
    differing = {name: getattr(other, name) for name in other.__struct_fields__}
    return Touchpoint(**{**differing, **same})


@st.composite
def histories(draw: st.DrawFn, size_max: int = 24) -> list[Touchpoint]:
    """Touchpoints of one customer, with copies among them, as they arrive: mostly in order."""
    now = START
    history: list[Touchpoint] = []
    for _ in range(draw(st.integers(1, size_max))):
        now += draw(st.sampled_from(GAPS))
        history.append(draw(touchpoints(now)))
        if draw(st.integers(0, 5)) == 0:
            history.append(draw(copies(draw(st.sampled_from(history)))))
    if draw(st.booleans()):
        return history
    return draw(st.permutations(history))
