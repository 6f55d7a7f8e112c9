"""What a person reads of the Python SDK's calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benches.figures import Spread
from benches.tables import compared

ROWS: Final = (
    ("one_thread.call_us", "track, one thread, µs"),
    ("one_thread.thread_us", "of its CPU, µs"),
    ("one_thread.process_us", "CPU of the process, sending included, µs"),
    ("tasks.call_us", "await track, µs"),
    ("threads.per_s", "16 threads, calls/s"),
    ("spool.one_thread.call_us", "track with a spool, one thread, µs"),
    ("spool.threads.per_s", "16 threads with a spool, calls/s"),
)


def sdk_report(figures: Mapping[str, Spread], before: Mapping[str, Spread]) -> str:
    """The table; ``before`` are the figures of the last time."""
    rows = [(f"sdk.{name}", title) for name, title in ROWS]
    return "A call of the Python SDK, everything delivered to an ingest beside it\n" + compared(rows, figures, before)
