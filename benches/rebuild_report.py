"""What a person reads of a rebuild."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benches.figures import Spread
from benches.tables import compared

ROWS: Final = (
    ("touchpoints", "touchpoints"),
    ("customers", "customers"),
    ("rebuilt_s", "from the command until the views show the new version, s"),
    ("touchpoints_per_s", "touchpoints/s"),
    ("cpu_us.worker", "CPU-µs of the workers a touchpoint"),
    ("cpu_us.store", "CPU-µs of the store a touchpoint"),
)


def rebuild_report(figures: Mapping[str, Spread], before: Mapping[str, Spread]) -> str:
    """The table; ``before`` are the figures of the last time."""
    rows = [(f"rebuild.{name}", title) for name, title in ROWS]
    return "A model is rebuilt, two workers, nothing else arrives\n" + compared(rows, figures, before)
