"""Random histories: ties in a millisecond, silences, corrected clocks, copies that differ, returns and voids.

A touchpoint is drawn as three small numbers (gap, event, and a number whose digits choose all else): quick to draw, and
readable when shrunk.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any, TypeVar

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
    ("receipt", "Receipt Exchanged", "exchange"),
    ("receipt", "Receipt Voided", "void"),
)
GAPS = (0, 1, 5 * MINUTE, 40 * MINUTE, DAY, 14 * DAY, 30 * DAY, 90 * DAY, 91 * DAY, 366 * DAY)
SKEWS = (0, 0, 0, 0, 1, 40 * MINUTE, -40 * MINUTE, DAY, -DAY, 400 * DAY)
CORRECTIONS = (0, 1, -1, DAY, -DAY, 500 * DAY)
PROPERTIES = ({}, {"rating": 5}, {"rating": 2}, {"rating": "many"}, {"product_id": "sku-1", "quantity": 2})
VALUES = (None, None, 0, 999_900, 2_500_000, -120_000)
IDS = "abcdefghijklmnop"

Choice = TypeVar("Choice")


class Digits:
    """Chooses by the digits of a number."""

    def __init__(self, number: int) -> None:
        self._number = number

    def choose(self, *choices: Choice) -> Choice:
        self._number, digit = divmod(self._number, len(choices))
        return choices[digit]


NUMBERS = st.integers(0, 16 * 10 * 5 * 6 * 2 * 16 * 3 * 3 * 2 * 2 - 1)


def touchpoint_of(at: int, kind: int, number: int) -> Touchpoint:
    """One at ``at``."""
    type_, event, transaction = EVENTS[kind]
    digits = Digits(number)
    said: dict[str, Any] = {
        "message_id": digits.choose(*IDS),
        "original_timestamp": at + digits.choose(*SKEWS),
        "properties": json.dumps(digits.choose(*PROPERTIES)).encode(),
        "value": digits.choose(*VALUES),
        "currency": digits.choose("EUR", "USD"),
        "refers_to": digits.choose(*IDS),
        "channel": digits.choose("web", "store", "email"),
        "score": digits.choose(3.0, 9.0, None),
        "source": digits.choose("web", "till"),
        "anonymous_id": digits.choose("", "d1"),
    }
    if transaction not in ("void", "return"):
        said["refers_to"] = ""
    if event != "Something Else":
        said["score"] = None
    said["score_kind"] = "" if said["score"] is None else "nps"
    said |= {"type": type_, "event": event, "transaction": transaction, "user_id": "u"}
    content = blake2b(repr(sorted(said.items())).encode(), digest_size=16).digest()
    return Touchpoint(occurred_at=at, received_at=at + 1, content_hash=content, **said)


def copy_of(original: Touchpoint, kind: int, number: int) -> Touchpoint:
    """The same touchpoint, sent again: its clock may have been corrected otherwise, its content may differ."""
    other = touchpoint_of(original.occurred_at + CORRECTIONS[number % len(CORRECTIONS)], kind, number)
    same = ("source", "message_id", "original_timestamp", "user_id", "anonymous_id", "contacts")
    return Touchpoint(**{name: getattr(original if name in same else other, name) for name in other.__struct_fields__})


def touchpoints(at: int) -> st.SearchStrategy[Touchpoint]:
    return st.builds(touchpoint_of, st.just(at), st.integers(0, len(EVENTS) - 1), NUMBERS)


@st.composite
def histories(draw: st.DrawFn, size_max: int = 24) -> list[Touchpoint]:
    """Touchpoints of one customer, with copies among them, as they arrive: mostly in order. A gap beyond the list of
    gaps makes a copy of an earlier one."""
    steps = st.tuples(st.integers(0, len(GAPS) + 1), st.integers(0, len(EVENTS) - 1), NUMBERS)
    now = START
    history: list[Touchpoint] = []
    for gap, kind, number in draw(st.lists(steps, min_size=1, max_size=size_max)):
        if gap >= len(GAPS) and history:
            history.append(copy_of(history[number % len(history)], kind, number))
        else:
            now += GAPS[gap % len(GAPS)]
            history.append(touchpoint_of(now, kind, number))
    swaps = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=4))
    for one, other in swaps:
        one, other = one % len(history), other % len(history)
        history[one], history[other] = history[other], history[one]
    return history
