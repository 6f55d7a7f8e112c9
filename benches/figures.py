"""Figures: computing them from one run, and putting several runs together."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

Figures = dict[str, float]
"""By name; the name ends in the unit, and ``phase.process`` says whose."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure of several runs."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A goal for a figure."""

    figure: str
    says: str
    goal: float
    more_is_better: bool

    def reached(self, value: float) -> bool:
        """Whether the figure is as good as the goal."""
        return value >= self.goal if self.more_is_better else value <= self.goal


MARKS: Final = (
    Mark("in_order.end_to_end_per_s", "touchpoints/s end to end, batches of 100", 25_000, more_is_better=True),
    Mark("in_order.of_no_links", "of the rate without new links, with 2 % of them", 0.85, more_is_better=True),
    Mark("latency.acknowledged_p99_ms", "ms until acknowledged, p99 at 1,000/s", 25, more_is_better=False),
    Mark("latency.visible_p99_ms", "ms until visible, p99 at 1,000/s", 2_000, more_is_better=False),
    Mark("identity.join.visible_p99_ms", "ms until an identify has joined 30, p99, idle", 2_000, more_is_better=False),
    Mark("fold.seven_stage.histories_per_s", "touchpoints/s folded, seven_stage, a core", 500_000, more_is_better=True),
    Mark("fold.wide.histories_of_seven_stage", "of that, 40 moves and two conditions", 0.75, more_is_better=True),
    Mark("fold.five_e.step_of_many_visits", "a step after 5,000 visits, of one after 5", 1.25, more_is_better=False),
    Mark("rebuild.touchpoints_per_s", "touchpoints/s rebuilt under a changed model", 300_000, more_is_better=True),
    Mark("importing.command.lines_per_s", "lines/s of a year's file, tappa import", 50_000, more_is_better=True),
    Mark("importing.command.import_above_idle_mb", "MB that it takes above idle", 300, more_is_better=False),
    Mark("sdk.one_thread.call_us", "µs for a call of track of the Python SDK", 20, more_is_better=False),
    Mark("memory_peak_mb", "MB of memory, all processes", 1_500, more_is_better=False),
)
"""For two cores."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)), 1) - 1]


def together(runs: Sequence[Figures]) -> dict[str, Spread]:
    """Median, smallest and largest of each figure that all runs have."""
    names = [name for name in (runs[0] if runs else ()) if all(name in run for run in runs)]
    return {name: spread([run[name] for run in runs]) for name in names}


def spread(values: Sequence[float]) -> Spread:
    """Of several runs' values for one figure."""
    return Spread(statistics.median(values), min(values), max(values))
