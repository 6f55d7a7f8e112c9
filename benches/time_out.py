"""How near to a shop's gap the time-out comes that ``tappa model suggest`` would propose, by quantile.

Run ``python -m benches.time_out``. Shops are generated: customers begin at any time, buy again after a gap (steady, at
random, skewed), and after each purchase some stay away for good. Each cell is the median of the shops' time-outs, as
part of the gap, and how many in a hundred are within 20 % of it. ``docs/decisions/model-suggest.md`` draws on it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from statistics import median
from typing import Final

from benches.tables import table
from stage_engine.repurchase import Spans, curve_of, reached

SHOPS: Final = 20
CUSTOMERS: Final = 400
QUANTILES: Final = (0.5, 0.6, 0.63, 0.75, 0.9)
RHYTHMS: Final = ("steady", "at random", "skewed")
WITHIN: Final = 0.2


def main() -> None:
    """Print the table."""
    rows: list[list[str]] = []
    for gap, days, leave in product((20, 200), (365, 730), (0.0, 0.3)):
        for rhythm in RHYTHMS:
            shops = [list(spans(rhythm, gap, days, leave, seed)) for seed in range(SHOPS)]
            cells = [cell(gap, [by_curve(shop, quantile) for shop in shops]) for quantile in QUANTILES]
            cells += [cell(gap, [of_gaps_alone(shop, quantile) for shop in shops]) for quantile in (0.6, 0.9)]
            rows.append([f"{rhythm}, gap {gap}, {days} days, {leave:.0%} leave", *cells])
    titles = [*(f"p{quantile * 100:.0f}" for quantile in QUANTILES), "p60 of gaps alone", "p90 of gaps alone"]
    print(table(["shop", *titles], rows))


def spans(rhythm: str, gap: int, days: int, leave: float, seed: int) -> Iterator[Spans]:
    """What ``explore.repurchase`` would read of a shop with a history of so many days."""
    dice = random.Random(seed)
    draw: Callable[[], float] = {
        "steady": lambda: max(1.0, dice.gauss(gap, 0.15 * gap)),
        "at random": lambda: dice.expovariate(1 / gap),
        "skewed": lambda: gap * dice.lognormvariate(-0.125, 0.5),
    }[rhythm]
    came_back: Counter[int] = Counter()
    waiting: Counter[int] = Counter()
    for _ in range(CUSTOMERS):
        at = dice.uniform(0, days)
        while dice.random() >= leave and (again := draw()) < days - at:
            came_back[round(again)] += 1
            at += again
        waiting[round(days - at)] += 1
    return (Spans(days=n, came_back=came_back[n], waiting=waiting[n]) for n in came_back | waiting)


def by_curve(shop: list[Spans], quantile: float) -> int:
    """Of those who come back, the others counted as still away."""
    curve = curve_of(shop)
    return reached(curve, quantile * curve[-1][1]) or 0


def of_gaps_alone(shop: list[Spans], quantile: float) -> int:
    """As if nobody were still away."""
    gaps = sorted(span.days for span in shop for _ in range(span.came_back))
    return gaps[int(quantile * len(gaps))]


def cell(gap: int, proposed: list[int]) -> str:
    near = sum(abs(days - gap) <= WITHIN * gap for days in proposed)
    return f"{median(proposed) / gap:.2f} ({near * 100 // len(proposed)})"


if __name__ == "__main__":
    main()
