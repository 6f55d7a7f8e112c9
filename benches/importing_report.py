"""What a person reads of an import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benches.figures import Spread
from benches.tables import compared

ROWS: Final = (
    ("sent_s", "until all is acknowledged, s"),
    ("lines_per_s", "lines acknowledged/s"),
    ("visible_lines_per_s", "lines until all can be queried/s"),
    ("cpu_us.import", "CPU-µs of the import a line"),
    ("cpu_us.ingest", "CPU-µs of ingest a line"),
    ("cpu_us.worker", "CPU-µs of the workers a line"),
    ("cpu_us.store", "CPU-µs of the store a line"),
    ("import_peak_mb", "memory of the import, peak MB"),
    ("import_above_idle_mb", "the same above a command that does nothing, MB"),
    ("ingest_grown_mb", "memory of ingest, above before, peak MB"),
    ("others_cores", "cores that other programs took meanwhile"),
)
WAYS: Final = {"command": "tappa import", "http": "POST /v1/files"}


def importing_report(figures: Mapping[str, Spread], before: Mapping[str, Spread]) -> str:
    """The table; ``before`` are the figures of the last time."""
    rows = [
        (f"importing.{way}.{name}", f"{title}: {what}")
        for way, title in WAYS.items()
        for name, what in ROWS
        if f"importing.{way}.{name}" in figures
    ]
    return "A year of three stores is imported, a row a line of a receipt\n" + compared(rows, figures, before)
