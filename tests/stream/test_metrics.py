"""What the worker counts is documented."""

from __future__ import annotations

from pathlib import Path

from stream.metrics import WorkerMetrics

PAGE = Path("docs/architecture.md").read_text()


def test_every_metric_of_the_worker_is_on_the_page() -> None:
    names = [family.name.removeprefix("tappa_worker_") for family in WorkerMetrics().registry.collect()]
    assert names
    assert [name for name in names if f"`{name}" not in PAGE] == []
