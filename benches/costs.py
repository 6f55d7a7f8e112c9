"""What it costs to have something done: CPU of all processes, and what the workers count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benches.figures import Figures, percentile
from benches.installation import Installation
from benches.processes import cpu_s_by_kind, machine_cpu_s

COUNTED: Final = ("batches", "steps", "refolds", "refolds_put_off", "refolded_touchpoints", "duplicates", "late")
WORDS: Final = ("changed", "met", "refold", "assigned")
"""What workers say to each other, by kind."""


@contextmanager
def costs(installation: Installation) -> Iterator[Figures]:
    """CPU of all processes and counters of the workers, from begin to end, are in the figures when it is left. Whoever
    has the generator's CPU puts it there as ``cpu_s.generator``."""
    figures: Figures = {}
    pids = installation.pids
    before = cpu_s_by_kind(pids)
    worker_before = installation.worker_metrics()
    observer, (machine, steal), wall = time.process_time(), machine_cpu_s(), time.monotonic()
    yield figures
    wall = time.monotonic() - wall
    figures["cpu_s.observer"] = time.process_time() - observer
    for kind, seconds in cpu_s_by_kind(pids).items():
        figures[f"cpu_s.{kind}"] = seconds - before[kind]
    machine_now, steal_now = machine_cpu_s()
    ours = sum(value for name, value in figures.items() if name.startswith("cpu_s."))
    figures["others_cores"] = max(machine_now - machine - ours, 0) / wall
    figures["steal_cores"] = (steal_now - steal) / wall
    worker = installation.worker_metrics()
    for name in COUNTED:
        key = f"tappa_worker_{name}_total"
        figures[f"worker_{name}"] = worker[key] - worker_before[key]
    for kind in WORDS:
        key = f'tappa_worker_messages_total{{kind="{kind}"}}'
        figures[f"worker_messages.{kind}"] = worker[key] - worker_before[key]


def percentiles(name: str, values_ms: list[float]) -> Figures:
    """How long it took mostly, nearly always, and at worst."""
    return {
        f"{name}_p50_ms": percentile(values_ms, 0.50),
        f"{name}_p99_ms": percentile(values_ms, 0.99),
        f"{name}_max_ms": max(values_ms),
    }
