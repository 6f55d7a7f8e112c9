"""What the store tells Prometheus."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()

QUERIES = Counter(
    "tappa_store_queries_total",
    "Statements by kind, role of the user and outcome.",
    ("kind", "user", "outcome"),
    registry=REGISTRY,
)
QUERY_SECONDS = Histogram(
    "tappa_store_query_seconds",
    "Time from a statement's place to its last byte.",
    ("kind",),
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
    registry=REGISTRY,
)
RUNNING = Gauge("tappa_store_queries_running", "Statements that run or wait for a place.", registry=REGISTRY)
WRITTEN_ROWS = Counter("tappa_store_written_rows_total", "Rows that inserts wrote.", registry=REGISTRY)


@dataclass(slots=True)
class Observed:
    """What is known of a statement; its kind once it is read."""

    kind: str = "other"


@contextlib.contextmanager
def observed(user: str) -> Generator[Observed, None, None]:
    """Count a statement and its time."""
    statement = Observed()
    began = time.perf_counter()
    outcome = "failed"
    try:
        yield statement
        outcome = "done"
    finally:
        QUERIES.labels(statement.kind, user, outcome).inc()
        QUERY_SECONDS.labels(statement.kind).observe(time.perf_counter() - began)


def exposition() -> bytes:
    """In Prometheus' text format."""
    return generate_latest(REGISTRY)
