"""What a worker counts. ``docs/architecture.md`` lists the names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class WorkerMetrics:
    """The worker's metrics, on a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()

        def counter(name: str, meaning: str) -> Counter:
            return Counter(f"tappa_worker_{name}", meaning, registry=registry)

        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(f"tappa_worker_{name}", meaning, registry=registry)

        self.touchpoints = counter("touchpoints_total", "Touchpoints read from the log, copies included.")
        self.duplicates = counter("duplicates_total", "Touchpoints that were there already and changed nothing.")
        self.late = counter(
            "late_total", "Touchpoints that only the whole history could place: late, or a changed copy, or a void."
        )
        self.steps = counter("steps_total", "Touchpoints applied to a customer's journey as it stood.")
        self.refolds = counter("refolds_total", "Customers whose whole history was folded again.")
        self.refolds_put_off = counter(
            "refolds_put_off_total",
            "Refolds of customers with many touchpoints, put off to a later batch.",
        )
        self.too_large = counter(
            "too_large_total", "Identifiers found to stand alone because their group is past its bound."
        )
        self.refolded_touchpoints = counter("refolded_touchpoints_total", "Touchpoints read back for refolds.")
        self.rebuilt = counter("rebuilt_total", "Customers folded under a model that is being rebuilt.")
        self.stage_changes = counter("stage_changes_total", "Stage changes and corrections said.")
        self.links = counter("links_total", "Touchpoints that carry several identifiers.")
        self.messages = Counter(
            "tappa_worker_messages_total", "Messages to other owners, by kind.", ["kind"], registry=registry
        )
        self.poison = counter("poison_total", "Messages that could not be decoded; they are in the dead letters.")
        self.rejected = counter("rejected_total", "Dead letters written.")
        self.fold_errors = counter(
            "fold_errors_total", "Customers whose fold failed; their last rows stay, a dead letter says why."
        )
        self.store_waits = counter("store_waits_total", "Times the store had to be asked again.")
        self.batches = counter("batches_total", "Batches written and committed.")
        self.batch_seconds = Histogram(
            "tappa_worker_batch_seconds",
            "Time from the read of a batch to its commit.",
            registry=registry,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        self.visible_seconds = Histogram(
            "tappa_worker_visible_seconds",
            "Time from the append of a batch's oldest record until its rows were written: of all others it is shorter.",
            registry=registry,
            buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
        )
        self.state_misses = counter("state_misses_total", "Customers whose journeys had to be read from the store.")
        self.cached_customers = gauge("cached_customers", "Customers in the cache of journeys.")
        self.lag = gauge("lag_touchpoints", "Messages accepted and not yet visible.")
        self.waiting_for_store = gauge("waiting_for_store", "1 while the store cannot be reached.")
        self.condition_errors = Counter(
            "tappa_worker_condition_errors_total",
            "Conditions of a model that failed, which means no.",
            ["model", "place"],
            registry=registry,
        )
