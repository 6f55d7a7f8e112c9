"""What is said when visits change."""

from __future__ import annotations

from msgspec.structs import replace

from stage_engine.journey import Visit
from stream.difference import sayings


def visit(stage: str, at: int, cause: str = "", from_stage: str = "") -> Visit:
    return Visit(stage=stage, entered_at=at, from_stage=from_stage, cause_message_id=cause)


A = visit("discovery", 10, "a")
C = visit("purchase", 30, "c", "discovery")


def test_what_comes_behind_is_entered() -> None:
    assert sayings([], [A, C]) == [("entered", A, None), ("entered", C, None)]
    assert sayings([A], [A, C]) == [("entered", C, None)]
    assert sayings([A, C], [A, C]) == []


def test_a_late_touchpoint_corrects_the_visit_behind_it_and_says_its_own_as_a_correction() -> None:
    late, moved = visit("interest", 20, "b", "discovery"), replace(C, from_stage="interest")
    assert sayings([A, C], [A, late, moved]) == [
        ("retracted", C, None),
        ("corrected", late, None),
        ("corrected", moved, C),
    ]


def test_another_cause_of_the_same_stage_corrects_it() -> None:
    earlier = visit("purchase", 20, "b", "discovery")
    assert sayings([A, C], [A, earlier]) == [("retracted", C, None), ("corrected", earlier, C)]


def test_news_are_news_even_beside_a_correction() -> None:
    earlier, news = visit("purchase", 20, "b", "discovery"), visit("loyalty", 40, "d", "purchase")
    assert sayings([A, C], [A, earlier, news])[-1] == ("entered", news, None)


def test_what_silence_brought_is_retracted_when_there_was_none() -> None:
    silence, move = visit("discovery", 100, "", "purchase"), visit("loyalty", 90, "d", "purchase")
    assert sayings([A, C, silence], [A, C, move]) == [("retracted", silence, None), ("corrected", move, None)]


def test_of_a_customer_who_is_gone_everything_is_retracted() -> None:
    assert sayings([A, C], []) == [("retracted", A, None), ("retracted", C, None)]
