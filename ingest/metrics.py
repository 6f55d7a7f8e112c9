"""What ingest counts, for Prometheus. ``docs/http.md`` explains each; a test holds them to it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """The metrics of one ingest process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.accepted = Counter(
            "tappa_ingest_accepted", "Touchpoints accepted and durable.", ("source", "type"), registry=self.registry
        )
        self.rejected = Counter(
            "tappa_ingest_rejected",
            "Items and whole requests refused, by the code of the refusal.",
            ("code",),
            registry=self.registry,
        )
        self.requests = Counter(
            "tappa_ingest_requests", "Requests answered.", ("endpoint", "status"), registry=self.registry
        )
        self.append_seconds = Histogram(
            "tappa_ingest_append_seconds",
            "Time that the log took to make a request's touchpoints durable.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.in_flight_bytes = Gauge(
            "tappa_ingest_in_flight_bytes", "Bytes of bodies being received or worked on.", registry=self.registry
        )
        self.disconnected = Counter(
            "tappa_ingest_disconnected", "Senders that went away before their body had arrived.", registry=self.registry
        )

    def described(self) -> list[tuple[Metric, str]]:
        """Every metric with the names of its labels."""
        own = [vars(self)[name] for name in vars(self) if name != "registry"]
        return [(metric.describe()[0], ", ".join(f"`{label}`" for label in metric._labelnames)) for metric in own]

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
