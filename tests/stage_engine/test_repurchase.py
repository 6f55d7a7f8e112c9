from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_engine.repurchase import GAPS_MIN, Gaps, Spans, gaps_of

SPANS = st.builds(Spans, days=st.integers(0, 50), came_back=st.integers(0, 3), waiting=st.integers(0, 3))


def shop(rhythm: str, gap: int, *, days: int, customers: int, leave: float, seed: int) -> Gaps:
    """Customers who begin at any time, and after each purchase stay away for good with a chance of ``leave``."""
    dice = random.Random(seed)
    draw = {
        "steady": lambda: max(1.0, dice.gauss(gap, 0.15 * gap)),
        "at random": lambda: dice.expovariate(1 / gap),
        "skewed": lambda: gap * dice.lognormvariate(0, 0.5),
    }[rhythm]
    came_back: Counter[int] = Counter()
    waiting: Counter[int] = Counter()
    for _ in range(customers):
        at = dice.uniform(0, days)
        while dice.random() >= leave and (again := draw()) < days - at:
            came_back[round(again)] += 1
            at += again
        waiting[round(days - at)] += 1
    return gaps_of(Spans(days=n, came_back=came_back[n], waiting=waiting[n]) for n in came_back | waiting)


@pytest.mark.parametrize("rhythm", ["steady", "at random", "skewed"])
@pytest.mark.parametrize("leave", [0.0, 0.3])
@pytest.mark.parametrize("gap", [20, 200])
def test_the_usual_gap_is_near_that_of_the_shop_whoever_has_not_come_back_yet(
    gap: int, leave: float, rhythm: str
) -> None:
    found = shop(rhythm, gap, days=730, customers=2_000, leave=leave, seed=gap)
    assert found.usual == pytest.approx(gap, rel=0.2)
    assert found.coming_back == pytest.approx(1 - leave, abs=0.1)


def test_a_young_shop_does_not_look_faster_than_it_is() -> None:
    found = shop("steady", 200, days=365, customers=2_000, leave=0.0, seed=1)
    assert found.usual == pytest.approx(200, rel=0.1)


@pytest.mark.parametrize(("days", "young"), [(90, True), (1_000, False)])
def test_a_history_that_is_too_short_for_the_gaps_is_known(days: int, young: bool) -> None:
    found = shop("at random", 200, days=days, customers=2_000, leave=0.3, seed=1)
    assert found.young is young


def test_without_anybody_waiting_the_quantiles_are_those_of_the_gaps() -> None:
    found = gaps_of(Spans(days=n, came_back=1, waiting=0) for n in range(1, 101))
    assert (found.p50, found.usual, found.p90, found.came_back) == (50, 63, 90, 100)


def test_few_gaps_are_not_enough_and_none_have_no_quantiles() -> None:
    assert gaps_of([]) == Gaps(came_back=0, waiting=0, coming_back=0.0, p50=None, usual=None, p90=None, followed=0)
    assert not gaps_of([Spans(days=5, came_back=GAPS_MIN - 1, waiting=4)]).enough
    assert gaps_of([Spans(days=5, came_back=GAPS_MIN, waiting=4)]).enough


def test_where_hardly_anybody_is_left_a_late_return_says_nothing() -> None:
    some = [Spans(days=10, came_back=80, waiting=0), Spans(days=50, came_back=0, waiting=19)]
    found = gaps_of([*some, Spans(days=900, came_back=1, waiting=0)])
    assert (found.coming_back, found.p90) == (pytest.approx(0.8), 10)


@given(spans=st.lists(SPANS))
def test_quantiles_are_in_order_and_spans_may_come_in_any(spans: list[Spans]) -> None:
    found = gaps_of(spans)
    assert found == gaps_of(reversed(spans))
    assert 0 <= found.coming_back <= 1
    quantiles = [found.p50, found.usual, found.p90]
    known = [one for one in quantiles if one is not None]
    assert known == sorted(known)
    assert len(known) in (0, 3)
