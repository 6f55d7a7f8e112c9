"""`make bench`: start an installation, load it, measure it, three times; print and keep the medians."""

from __future__ import annotations

import argparse
import fcntl
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final

from benches.figures import Figures, together
from benches.installation import Analyst, Installation, InstallationError
from benches.machine import ROOT, commit, machine
from benches.phases import Measurement, Phase, PhaseError
from benches.processes import MemoryWatch, ProcessEndedError
from benches.report import OTHERS_CORES_MAX, others_cores, report
from benches.requests import write
from benches.results import Result, last_like, save
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

BUILD: Final = ROOT / "build"
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
HISTORY_DAYS: Final = 24
"""The phases' touchpoints lie one after the other in these last days: none is too old for a browser to send."""
SINGLES_S_MAX: Final = 6.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benches.run", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs, of which the medians are taken (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of touchpoints (default 1)")
    parser.add_argument("--mix", choices=("in_order", "full", "both"), default="both", help="measured end to end")
    parser.add_argument("--workers", type=int, help="for `tappa up --workers`; without it as many as it runs by itself")
    parser.add_argument("--dry", action="store_true", help="keep no result")
    parser.add_argument("--anyway", action="store_true", help="keep it even if other programs took much of the machine")
    parser.add_argument("--keep", action="store_true", help="leave the data and logs of the last run in build/")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing is left running
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "bench.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another bench runs here: each would measure the other; try again when it is done", file=sys.stderr)
            return 1
        return measured(options)


def measured(options: argparse.Namespace) -> int:
    """Measure in a directory of this run's own, which goes afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    try:
        return bench(options, directory)
    except (InstallationError, PhaseError, ProcessEndedError) as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 1
    finally:
        if options.keep:
            say(f"left in {directory.relative_to(ROOT)}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def bench(options: argparse.Namespace, directory: Path) -> int:
    """Measure and report; 0 unless something failed (a mark that is missed is no failure)."""
    now = datetime.now(UTC)
    say(f"making the touchpoints (seed {SEED})")
    phases = prepare(directory, int(now.timestamp() * 1000), options.scale, options.mix)
    place = machine(directory)
    runs = []
    for number in range(options.runs):
        say(f"run {number + 1} of {options.runs}")
        run, measure = one_run(phases, directory, options.workers)
        runs.append(run)
        place["memory"] = measure
    result = Result(
        at=now.isoformat(timespec="seconds")[:19],
        commit=commit(),
        machine=place,
        workload={
            "seed": SEED,
            "scale": options.scale,
            "batch": BATCH,
            "customers": customers(options.scale),
            "in_order": asdict(IN_ORDER),
            "full_mix": asdict(FULL),
            "phases": {phase.name: phase.requests.items for phase in phases},
            "bytes_per_touchpoint": round(
                sum(phase.requests.bytes for phase in phases) / sum(phase.requests.items for phase in phases)
            ),
        },
        figures=together(runs),
        runs=runs,
    )
    print(report(result, last_like(result)))
    if not options.dry and (options.anyway or others_cores(result.figures) <= OTHERS_CORES_MAX):
        print(f"\nkept as {save(result).relative_to(ROOT)}")
    return 0


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
        for name, of in (("no_links", NO_LINKS), ("in_order", IN_ORDER)):
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


def with_probes(workload: Workload) -> chain[Item]:
    """The workload's items, every ``PROBE_EVERY``-th replaced by a probe at the same sender."""
    probes = iter(markers("probe-", -(-workload.items // PROBE_EVERY), workload.end_ms))
    stream = iter(items(workload))
    groups = iter(lambda: list(islice(stream, PROBE_EVERY)), [])
    return chain.from_iterable([next(probes)._replace(sender=group[0].sender), *group[1:]] for group in groups)


def one_run(phases: Sequence[Phase], directory: Path, workers: int | None) -> tuple[Figures, str]:
    """A new installation through all phases, and what memory was measured as."""
    data = directory / "data"
    shutil.rmtree(data, ignore_errors=True)
    with (
        Installation(data, directory / "tappa.log", workers) as installation,
        MemoryWatch(installation.pids) as watch,
        closing(Analyst(installation.connection)) as analyst,
    ):
        measurement = Measurement(installation, analyst, directory)
        for phase in phases:
            began = time.monotonic()
            measurement.run(phase)
            say(f"  {phase.name}: {phase.requests.items:,} touchpoints, {time.monotonic() - began:.1f} s")
        measurement.check()
        watch.look()
        if installation.restarts:
            raise PhaseError(f"a process was restarted meanwhile: see {installation.data / 'logs'} (--keep)")
        figures = measurement.figures
        if "no_links.end_to_end_per_s" in figures:
            figures["in_order.of_no_links"] = (
                figures["in_order.end_to_end_per_s"] / figures["no_links.end_to_end_per_s"]
            )
        figures["workers"] = installation.workers
        figures["ready_s"] = installation.ready_s
        figures["memory_peak_mb"] = watch.total_peak / 1e6
        figures["memory_end_mb"] = sum(watch.now.values()) / 1e6
        for kind, peak in watch.peaks.items():
            figures[f"memory_peak_mb.{kind}"] = peak / 1e6
            figures[f"memory_end_mb.{kind}"] = watch.now[kind] / 1e6
        return figures, watch.measure


def say(line: str) -> None:
    """Progress, apart from the report."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
