"""`make bench`: measure the fold by itself; start an installation, load it, measure it, three times; once more for
identity, for an import, and for a rebuild; print and keep the medians."""

from __future__ import annotations

import argparse
import fcntl
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, harmonic_mean
from typing import Any, Final

from benches import fold, importing, python_sdk, rebuild
from benches.figures import Figures, together
from benches.identity import PARTS, IdentityMeasurement, described
from benches.installation import Analyst, Installation, InstallationError
from benches.machine import ROOT, commit, machine
from benches.phases import Measurement, Phase
from benches.plan import SEED, prepare, sent
from benches.processes import MemoryWatch, ProcessEndedError
from benches.report import OTHERS_CORES_MAX, others_cores, report
from benches.results import Result, last_like, save
from benches.sending import PhaseError
from tests.kafka.running_broker import JAVA_FOR_SPEED, RunningBroker

BUILD: Final = ROOT / "build"
PARTS_OF_ALL: Final = ("fold", "sdk", "rates", "identity", "importing", "rebuild")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Of the installations that are measured."""

    workers: int | None
    """None: as many as it runs by itself."""
    kafka: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benches.run", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs, of which the medians are taken (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of touchpoints (default 1)")
    parser.add_argument("--mix", choices=("in_order", "full", "both"), default="both", help="measured end to end")
    parser.add_argument("--only", choices=PARTS_OF_ALL, help="one of the parts; without it all")
    parser.add_argument("--workers", type=int, help="for `tappa up --workers`; without it as many as it runs by itself")
    parser.add_argument("--kafka", action="store_true", help="with the log on Kafka: one broker, on the same cores")
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
    place = machine(directory)
    now_ms = int(now.timestamp() * 1000)
    runs: list[Figures] = []
    once: Figures = {}
    workload: dict[str, Any] = {"seed": SEED, "scale": options.scale, **({"log": "kafka"} if options.kafka else {})}
    kind = Kind(workers=options.workers, kafka=options.kafka)
    if options.only in (None, "fold"):
        with said("the fold"):
            once |= fold.measured(now_ms, options.scale)
        workload["fold"] = fold.described()
    if options.only in (None, "sdk"):
        with said("the Python SDK"):
            once |= python_sdk.of_all_ways(options.scale)
        workload["sdk"] = python_sdk.described()
    if options.only in (None, "rates"):
        say(f"making the touchpoints (seed {SEED})")
        phases = prepare(directory, now_ms, options.scale, options.mix)
        workload |= sent(phases, options.scale)
        for number in range(options.runs):
            say(f"run {number + 1} of {options.runs}")
            run, place["memory"] = one_run(phases, directory, kind)
            runs.append(run)
    if options.only in (None, "identity"):
        say("identity")
        identity, place["memory"] = identity_run(directory, now_ms, options.scale, kind)
        once |= identity
        workload["identity"] = described()
    if options.only in (None, "importing") and not options.kafka:
        with said("a year of three stores"):
            once |= importing.of_all_ways(directory, int(importing.LINES * options.scale), options.workers)
        workload["importing"] = importing.described()
    if options.only in (None, "rebuild"):
        two = replace(kind, workers=rebuild.WORKERS)
        with said("a rebuild"), installed(directory, two) as (installation, _):
            once |= rebuild.RebuildMeasurement(installation, directory, now_ms, options.scale).run()
        workload["rebuild"] = rebuild.described()
    result = Result(
        at=now.isoformat(timespec="seconds")[:19],
        commit=commit(),
        machine=place,
        workload=workload,
        figures=together([*runs]) | together([once]),
        runs=runs,
    )
    print(report(result, last_like(result)))
    if not options.dry and (options.anyway or others_cores(result.figures) <= OTHERS_CORES_MAX):
        print(f"\nkept as {save(result).relative_to(ROOT)}")
    return 0


def one_run(phases: Sequence[Phase], directory: Path, kind: Kind) -> tuple[Figures, str]:
    """A new installation through all phases, and what memory was measured as."""
    with installed(directory, kind) as (installation, watch), closing(Analyst(installation.connection)) as analyst:
        measurement = Measurement(installation, analyst, directory)
        for phase in phases:
            with said(f"{phase.name}: {phase.requests.items:,} touchpoints"):
                measurement.run(phase)
        measurement.check()
        figures = measurement.figures | compared(measurement.figures)
        return figures | ended(installation, watch), watch.measure


def compared(figures: Figures) -> Figures:
    """What new links leave of the rate without any, just before and just after: as measured, and by the CPU that is
    spent. The time ends with what workers still tell each other because of the last links, which takes as long however
    much is sent."""
    if "no_links_after.end_to_end_per_s" not in figures:
        return {}
    without = ("no_links", "no_links_after")
    spent = {
        phase: sum(figures[f"{phase}.cpu_us.{process}"] for process in ("ingest", "worker", "store"))
        for phase in ("in_order", *without)
    }
    rate = harmonic_mean([figures[f"{phase}.end_to_end_per_s"] for phase in without])
    return {
        "in_order.of_no_links": figures["in_order.end_to_end_per_s"] / rate,
        "in_order.of_no_links_by_cpu": fmean(spent[phase] for phase in without) / spent["in_order"],
    }


def identity_run(directory: Path, now_ms: int, scale: float, kind: Kind) -> tuple[Figures, str]:
    """The same for everything about identity, once: it costs two minutes. After what an installation does not master
    comes a new one."""
    figures: Figures = {}
    waiting = list(PARTS)
    while waiting:
        with (
            installed(directory, kind) as (installation, watch),
            closing(IdentityMeasurement(installation, directory, now_ms, scale)) as measurement,
        ):
            masters = True
            while waiting and masters:
                part = waiting.pop(0)
                with said(part.name):
                    masters = measurement.run(part)
            if masters:
                measurement.check()
                end = ended(installation, watch)
                figures |= {f"identity.{name}": value for name, value in end.items()}
            figures |= measurement.figures
    return figures, watch.measure


@contextmanager
def installed(directory: Path, kind: Kind) -> Iterator[tuple[Installation, MemoryWatch]]:
    """A new installation and what watches its memory; that of a broker is its own."""
    data, broker = directory / "data", directory / "broker"
    for old in (data, broker):
        shutil.rmtree(old, ignore_errors=True)
    with ExitStack() as stack:
        servers = stack.enter_context(RunningBroker(broker, java=JAVA_FOR_SPEED)).address if kind.kafka else ""
        installation = Installation(data, directory / "tappa.log", kind.workers, servers)
        with installation, MemoryWatch(installation.pids) as watch:
            yield installation, watch


def ended(installation: Installation, watch: MemoryWatch) -> Figures:
    """What is read off an installation in the end. Raises ``PhaseError`` when a process died meanwhile."""
    watch.look()
    if installation.restarts:
        raise PhaseError(f"a process was restarted meanwhile: see {installation.data / 'logs'} (--keep)")
    figures: Figures = {"workers": installation.workers, "ready_s": installation.ready_s}
    figures["memory_peak_mb"] = watch.total_peak / 1e6
    figures["memory_end_mb"] = sum(watch.now.values()) / 1e6
    for kind, peak in watch.peaks.items():
        figures[f"memory_peak_mb.{kind}"] = peak / 1e6
        figures[f"memory_end_mb.{kind}"] = watch.now[kind] / 1e6
    return figures


@contextmanager
def said(what: str) -> Iterator[None]:
    """Say what was done, and how long it took."""
    began = time.monotonic()
    yield
    say(f"  {what}, {time.monotonic() - began:.1f} s")


def say(line: str) -> None:
    """Progress, apart from the report."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
