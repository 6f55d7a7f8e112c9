"""The last touchpoints of a journey, as bytes."""

from __future__ import annotations

import pytest

from stage_engine.tail import TAIL_MAX, remembered, with_applied
from stage_engine.touchpoint import Touchpoint, place


def touchpoint(message_id: str, at: int = 5, content: bytes = b"c" * 16) -> Touchpoint:
    return Touchpoint(
        source="web", message_id=message_id, type="track", event="Product Viewed", channel="web", occurred_at=at,
        original_timestamp=at - 1, received_at=at, user_id="ada", content_hash=content,
    )  # fmt: skip


def tail_of(*touchpoints: Touchpoint) -> bytes:
    return with_applied(b"", [place(one) for one in touchpoints])[0]


def test_what_was_applied_is_remembered_with_its_precedence() -> None:
    first, second = touchpoint("1"), touchpoint("2", at=7, content=b"d" * 16)
    tail = tail_of(first, second)
    assert remembered(tail, first.identity) == first.precedence
    assert remembered(tail, second.identity) == second.precedence


def test_what_was_not_applied_is_not() -> None:
    assert remembered(tail_of(touchpoint("1")), touchpoint("2").identity) is None
    assert remembered(b"", touchpoint("1").identity) is None


def test_an_identity_that_stands_in_the_tail_by_chance_is_told_from_an_entry() -> None:
    wanted = touchpoint("wanted")
    lookalike = touchpoint("1", content=wanted.identity)
    assert remembered(tail_of(lookalike), wanted.identity) is None
    assert remembered(tail_of(lookalike, wanted), wanted.identity) == wanted.precedence


@pytest.mark.parametrize("cut", range(2 * TAIL_MAX + 1))
def test_a_tail_has_the_last_and_says_what_it_lost_however_they_come(cut: int) -> None:
    placed = [place(touchpoint(str(number), at=number)) for number in range(2 * TAIL_MAX)]
    first, lost = with_applied(b"", placed[:cut])
    tail, lost_then = with_applied(first, placed[cut:])
    assert tail == tail_of(*(one[2] for one in placed[-TAIL_MAX:]))
    assert [*lost, *lost_then] == [(at, at - 1) for at in range(TAIL_MAX)]
