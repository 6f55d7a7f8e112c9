"""What a person reads of the fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benches.figures import Spread
from benches.tables import compared

ROWS: Final = (
    ("seven_stage.histories_per_s", "seven_stage, whole histories, touchpoints/s"),
    ("wide.histories_per_s", "12 stages, 40 moves, two conditions and more, the same"),
    ("wide.histories_of_seven_stage", "of the rate of seven_stage"),
    ("seven_stage.steps_per_s", "seven_stage, steps of known journeys, touchpoints/s"),
    ("wide.steps_per_s", "12 stages, 40 moves, the same"),
    ("wide.steps_of_seven_stage", "of the rate of seven_stage"),
    ("seven_stage.unplaced_per_s", "seven_stage, order and identity made, too, touchpoints/s"),
    *((f"five_e.step_us.{visits}", f"five_e, a step after {visits:,} visits, µs") for visits in (5, 500, 5_000)),
    ("five_e.step_of_many_visits", "after 5,000 visits, of after 5"),
    *(
        (f"five_e.cache_us.{visits}", f"the journey encoded and decoded, {visits:,} visits, µs")
        for visits in (5, 5_000)
    ),
    *((f"five_e.row_us.{visits}", f"the columns of its row, {visits:,} visits, µs") for visits in (5, 5_000)),
)


def fold_report(figures: Mapping[str, Spread], before: Mapping[str, Spread]) -> str:
    """The table; ``before`` are the figures of the last time."""
    rows = [(f"fold.{name}", title) for name, title in ROWS]
    return "The fold, one core, by CPU time\n" + compared(rows, figures, before)
