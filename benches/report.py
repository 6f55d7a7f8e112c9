"""What a person reads: tables of figures, marks, and the comparison with the last time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benches.figures import MARKS, Spread
from benches.fold_report import fold_report
from benches.identity_report import identity_report
from benches.importing_report import importing_report
from benches.rebuild_report import rebuild_report
from benches.results import Result
from benches.sdk_report import sdk_report
from benches.tables import number, table

PROCESSES: Final = ("supervisor", "store", "ingest", "worker", "generator")
HEADLINES: Final = (
    ("first_sight.end_to_end_per_s", "HTTP to ClickHouse, everybody for the first time /s"),
    ("single.acknowledged_per_s", "HTTP, one a request, acknowledged /s"),
    ("in_order.acknowledged_per_s", "HTTP, 100 a request, acknowledged /s"),
    ("no_links.end_to_end_per_s", "HTTP to ClickHouse, 100 a request, no new links /s"),
    ("in_order.end_to_end_per_s", "the same, 2 % new links /s"),
    ("no_links_after.end_to_end_per_s", "no new links once more, after these /s"),
    ("in_order.of_no_links", "2 % new links, of the rate without"),
    ("in_order.of_no_links_by_cpu", "the same by the CPU that is spent"),
    ("full_mix.end_to_end_per_s", "the same, full mix (and duplicates, late, conflicts) /s"),
    ("latency.acknowledged_p50_ms", "acknowledged, at 1,000/s, p50 ms"),
    ("latency.acknowledged_p99_ms", "acknowledged, at 1,000/s, p99 ms"),
    ("latency.visible_p50_ms", "visible, at 1,000/s, p50 ms"),
    ("latency.visible_p99_ms", "visible, at 1,000/s, p99 ms"),
    ("memory_peak_mb", "memory of all processes, peak MB"),
    ("memory_end_mb", "memory of all processes, at the end MB"),
    ("ready_s", "from `tappa up` to ready, empty s"),
)
OTHERS_CORES_MAX: Final = 0.3
"""The kernel's own threads take about a tenth of a core on our behalf; more is somebody else's."""
COSTS: Final = ("first_sight", "single", "no_links", "in_order", "no_links_after", "full_mix", "latency")


def report(result: Result, earlier: Result | None) -> str:
    """The whole report."""
    figures = result.figures
    machine = ", ".join(f"{name} {value}" for name, value in result.machine.items() if name != "type")
    parts = [f"Tappa {result.commit}, {result.at[:16]}Z\n{result.machine['type']}\n{machine}"]
    if earlier:
        last = f"{earlier.commit}, {earlier.at[:16]}Z, with {workers(earlier.figures)}"
        parts.append(f"Compared with {last}, the last on this type of machine; `ratio` is new/old")
    else:
        parts.append("Compared with nothing: no result is kept of this type of machine and workload")
    if result.runs:
        parts += [
            f"Medians of {len(result.runs)} runs with {workers(figures)}\n" + headlines(figures, earlier),
            "CPU-µs a touchpoint, by process\n" + costs(figures),
            "Memory, MB (" + str(result.machine.get("memory", "")) + ")\n" + memory(figures),
        ]
    if any(name.startswith("identity.") for name in figures):
        parts.append(identity_report(figures, earlier.figures if earlier else {}))
    if any(name.startswith("fold.") for name in figures):
        parts.append(fold_report(figures, earlier.figures if earlier else {}))
    if any(name.startswith("importing.") for name in figures):
        parts.append(importing_report(figures, earlier.figures if earlier else {}))
    if any(name.startswith("rebuild.") for name in figures):
        parts.append(rebuild_report(figures, earlier.figures if earlier else {}))
    if any(name.startswith("sdk.") for name in figures):
        parts.append(sdk_report(figures, earlier.figures if earlier else {}))
    parts.append("Marks, two cores\n" + marks(figures))
    if (cores := others_cores(figures)) > OTHERS_CORES_MAX:
        parts.append(
            f"Other programs took up to {cores:.2f} cores meanwhile: these figures are too low, and no result to keep."
        )
    return "\n\n".join(parts)


def workers(figures: Mapping[str, Spread]) -> str:
    """How many ran. The first results do not say: it was one."""
    count = int(figures["workers"].median) if "workers" in figures else 1
    return "1 worker" if count == 1 else f"{count} workers"


def headlines(figures: Mapping[str, Spread], earlier: Result | None) -> str:
    """The figures that the report is about, each with its spread."""
    rows = []
    for name, title in HEADLINES:
        if name not in figures:
            continue
        new = figures[name]
        row = [title, number(new.median), f"{number(new.low)} to {number(new.high)}"]
        if earlier:
            old = earlier.figures.get(name)
            row += [number(old.median), f"{new.median / old.median:.2f}"] if old and old.median else ["", ""]
        rows.append(row)
    return table(["", "median", "spread", *(["last time", "ratio"] if earlier else [])], rows)


def costs(figures: Mapping[str, Spread]) -> str:
    """CPU of each process in each phase."""
    rows = []
    for phase in COSTS:
        if f"{phase}.cpu_us.store" not in figures:
            continue
        of = {process: figures[f"{phase}.cpu_us.{process}"].median for process in PROCESSES}
        share = figures[f"{phase}.generator_share_of_core"].median
        rows.append([
            phase, *(f"{of[process]:.1f}" for process in PROCESSES),
            f"{sum(cost for process, cost in of.items() if process != 'generator'):.1f}", f"{share:.0%}",
        ])  # fmt: skip
    seconds = [
        [f"{phase}, CPU-s", *(f"{figures[f'{phase}.cpu_s.{process}'].median:.2f}" for process in PROCESSES), "", ""]
        for phase in COSTS
        if f"{phase}.cpu_us.store" in figures
    ]
    return table(["phase", *PROCESSES, "Tappa", "generator, of a core"], rows + seconds)


def memory(figures: Mapping[str, Spread]) -> str:
    """Of each process, and of all."""
    if "memory_peak_mb" not in figures:
        return ""
    names = [process for process in PROCESSES if f"memory_peak_mb.{process}" in figures]
    rows = [
        [title, *(number(figures[f"memory_{key}_mb{of}"].median) for of in [*(f".{name}" for name in names), ""])]
        for key, title in (("peak", "peak"), ("end", "at the end"))
    ]
    return table(["", *names, "together"], rows)


def marks(figures: Mapping[str, Spread]) -> str:
    """Each mark with what was measured."""
    rows = []
    for mark in MARKS:
        if mark.figure not in figures:
            continue
        value = figures[mark.figure].median
        goal = f"{'at least' if mark.more_is_better else 'at most'} {number(mark.goal)}"
        rows.append([mark.says, goal, number(value), "reached" if mark.reached(value) else "NOT reached"])
    return table(["", "mark", "measured", ""], rows)


def others_cores(figures: Mapping[str, Spread]) -> float:
    """How many cores other programs, or the hypervisor, took away in the phase where they took most; the median of the
    runs, as with all figures."""
    phases = [name.removesuffix(".others_cores") for name in figures if name.endswith(".others_cores")]
    return max(
        (figures[f"{phase}.others_cores"].median + figures[f"{phase}.steal_cores"].median for phase in phases),
        default=0.0,
    )
