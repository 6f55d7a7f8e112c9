"""The phases of `make bench`: how much is sent in each, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from benches.phases import Phase
from benches.requests import write
from benches.workload import (
    DAY_MS,
    FULL,
    IN_ORDER,
    NO_LINKS,
    Item,
    Mix,
    Workload,
    first_sights,
    items,
    markers,
    sights,
)

SEED: Final = 3
CUSTOMERS: Final = 100_000
CUSTOMERS_MIN: Final = 5_000
"""However small the scale: of fewer, each would have more new identifiers than anybody has."""
BATCH: Final = 100
LATENCY_RATE_PER_S: Final = 1_000
LATENCY_S: Final = 12
LATENCY_SENDERS: Final = 64
SINGLE_SENDERS: Final = 64
BATCH_SENDERS: Final = 16
PROBE_EVERY: Final = 20
"""One request in twenty is looked for: 50 a second."""
HISTORY_DAYS: Final = 28
"""The phases' touchpoints lie one after the other in these last days: none is too old for a browser to send."""
SINGLES_S_MAX: Final = 6.0


def customers(scale: float) -> int:
    """How many the shop has."""
    return max(int(CUSTOMERS * scale), CUSTOMERS_MIN)


def prepare(directory: Path, now_ms: int, scale: float, mix: str) -> list[Phase]:
    """The requests of all phases, in files; each phase later than the one before."""
    days = iter(range(-HISTORY_DAYS, 0, 4))

    def workload(count: float, senders: int, block: int, mix: Mix = IN_ORDER) -> Workload:
        start_ms = now_ms + next(days) * DAY_MS
        seed = SEED * 100 + (start_ms - now_ms) // DAY_MS
        return Workload(
            seed=seed, items=int(count * scale), start_ms=start_ms, end_ms=start_ms + 4 * DAY_MS - 60_000,
            customers=customers(scale), senders=senders, block=block, mix=mix,
        )  # fmt: skip

    def phase(name: str, workload: Workload, stream: Iterator[Item], batch: int, **more: float | str) -> Phase:
        requests = write(directory / name, stream, batch=batch)
        return Phase(name=name, requests=requests, at_ms=workload.end_ms, **more)  # type: ignore[arg-type]

    everybody = workload(sights(CUSTOMERS), BATCH_SENDERS, BATCH)
    phases = [phase("first_sight", everybody, first_sights(everybody), BATCH)]
    singles = workload(60_000, SINGLE_SENDERS, 1)
    phases.append(phase("single", singles, items(singles), 1, limit_s=SINGLES_S_MAX))
    if mix != "full":
        for name, of in (("no_links", NO_LINKS), ("in_order", IN_ORDER), ("no_links_after", NO_LINKS)):
            ordered = workload(200_000, BATCH_SENDERS, BATCH, of)
            phases.append(phase(name, ordered, items(ordered), BATCH))
    probed = workload(LATENCY_RATE_PER_S * LATENCY_S / scale, LATENCY_SENDERS, 1)
    phases.append(
        phase(
            "latency", probed, with_probes(probed), 1, rate_per_s=LATENCY_RATE_PER_S, limit_s=LATENCY_S,
            probe_prefix="probe-", probe_every=PROBE_EVERY,
        )
    )  # fmt: skip
    if mix != "in_order":
        mixed = workload(100_000, BATCH_SENDERS, BATCH, FULL)
        phases.append(phase("full_mix", mixed, items(mixed), BATCH))
    return phases


def sent(phases: Sequence[Phase], scale: float) -> dict[str, Any]:
    """What is sent: only results of which this is the same are compared."""
    return {
        "batch": BATCH,
        "customers": customers(scale),
        "in_order": asdict(IN_ORDER),
        "full_mix": asdict(FULL),
        "phases": {phase.name: phase.requests.items for phase in phases},
        "bytes_per_touchpoint": round(
            sum(phase.requests.bytes for phase in phases) / sum(phase.requests.items for phase in phases)
        ),
    }


def with_probes(workload: Workload) -> chain[Item]:
    """The workload's items, every ``PROBE_EVERY``-th replaced by a probe at the same sender."""
    probes = iter(markers("probe-", -(-workload.items // PROBE_EVERY), workload.end_ms))
    stream = iter(items(workload))
    groups = iter(lambda: list(islice(stream, PROBE_EVERY)), [])
    return chain.from_iterable([next(probes)._replace(sender=group[0].sender), *group[1:]] for group in groups)
