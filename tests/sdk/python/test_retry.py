from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tappa_sdk.retry import FIRST_S, RETRY_AFTER_S_MAX, WAIT_S_MAX, Answer, Next, judged, reason, verdict, wait_s

CHANCES = st.floats(0, 1)
ATTEMPTS = st.integers(0, 10_000)


def test_the_wait_grows_to_its_bound() -> None:
    assert [wait_s(attempt, "", 1.0) for attempt in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert wait_s(7, "", 0.0) == 0.0
    assert wait_s(2, "", 0.25) == FIRST_S


@given(ATTEMPTS, CHANCES, st.integers(0, 10**6))
def test_the_wait_is_never_shorter_than_asked_for_up_to_its_bound(attempt: int, chance: float, asked: int) -> None:
    found = wait_s(attempt, str(asked), chance)
    assert min(asked, RETRY_AFTER_S_MAX) <= found <= max(WAIT_S_MAX, min(asked, RETRY_AFTER_S_MAX))


@given(st.text(), ATTEMPTS, CHANCES)
def test_a_retry_after_that_is_no_number_of_seconds_says_nothing(text: str, attempt: int, chance: float) -> None:
    assert wait_s(attempt, f"x{text}", chance) == wait_s(attempt, "", chance)


@given(st.integers(100, 599), st.binary(), st.booleans())
def test_every_answer_has_one_consequence(status: int, body: bytes, keep: bool) -> None:
    answer = Answer(status, "", body)
    found = judged(answer, keep=keep)
    reason(answer)
    assert (found is Next.SETTLED) == (status == 200 and verdict(answer) is not None)
    assert (found is Next.HALVE) == (status in (400, 413))
    assert found is not Next.REFUSED or not keep


def test_a_verdict_is_read_whatever_else_the_answer_says() -> None:
    assert verdict(Answer(200, "", b'{"success": true}')) == ()
    assert verdict(Answer(200, "", b'{"success": true, "rejected": 7}')) == ()
    assert verdict(Answer(200, "", b'{"success": true, "rejected": [1, {"index": 0}]}')) == [{"index": 0}]
    assert verdict(Answer(200, "", b'{"success": "true"}')) is None
    assert verdict(Answer(200, "", b"[]")) is None
