"""What is done to an installation, and what is read off it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benches.figures import Figures, percentile
from benches.generator import Order, Outcome, read_times
from benches.installation import Analyst, Installation
from benches.machine import ROOT
from benches.processes import cpu_s_by_kind, machine_cpu_s
from benches.requests import Requests, encoded
from benches.workload import markers
from tappa.workers import part_kind

POLL_S: Final = 0.05
"""From the end of one question whether something is visible to the next: what a time to visible may be too long by."""
LAST_POLL_S: Final = 0.2
"""The same while a phase's last touchpoints are waited for: each question costs the store some 15 ms of CPU, and an end
to end rate is at most so much too low."""
VISIBLE_S_MAX: Final = 180.0
"""Longest wait for everything that was accepted to be visible."""
MARKERS: Final = 200
"""Customers whose touchpoints follow a phase's last: each of 8 partitions has one, but for once in 10^10."""


class PhaseError(Exception):
    """Something was refused, lost or too slow: there are no figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Requests, and how they are sent."""

    name: str
    requests: Requests
    rate_per_s: float = 0.0
    """0: as fast as they are acknowledged."""
    limit_s: float = 60.0
    at_ms: int
    """Time of the markers: after all touchpoints of the phase."""
    probe_prefix: str = ""
    """Customers ``user:PREFIX0`` and so on, with one touchpoint each, are looked for while the phase runs."""
    probe_every: int = 0
    """Request ``n * probe_every`` is probe ``n``."""


class Measurement:
    """One installation under measurement. Figures of the phases come together in ``figures``."""

    def __init__(self, installation: Installation, analyst: Analyst, directory: Path) -> None:
        self._installation = installation
        self._analyst = analyst
        self._times = directory / "times"
        self.figures: Figures = {}
        self.touchpoints = 0
        """That must be visible, from all phases so far."""

    def run(self, phase: Phase) -> None:
        """Send, wait until all is visible, and note the figures. Raises ``PhaseError``."""
        questions = self._analyst.questions
        with self._costs(phase) as figures:
            outcome, seen_ns = self._send(phase)
            if not outcome.clean:
                what = f"{outcome.statuses}, {outcome.unanswered} unanswered: {outcome.refusals}"
                raise PhaseError(f"{phase.name}: {what}")
            self.touchpoints += outcome.fresh
            visible_ns = self._when_visible(phase)
            figures["cpu_s.generator"] = outcome.cpu_s
        sent_s, visible_s = outcome.wall_s, (visible_ns - outcome.began_ns) / 1e9
        figures["touchpoints"] = outcome.accepted
        figures["requests_per_s"] = outcome.sent / sent_s
        figures["acknowledged_per_s"] = outcome.accepted / sent_s
        figures["end_to_end_per_s"] = outcome.accepted / visible_s
        figures["sent_mb_per_s"] = outcome.bytes / 1e6 / sent_s
        figures["generator_share_of_core"] = outcome.cpu_s / sent_s
        figures["generator_memory_mb"] = outcome.memory_peak_bytes / 1e6
        figures["questions"] = self._analyst.questions - questions
        began, ended = read_times(self._times)
        latencies = [(end - begin) / 1e6 for begin, end in zip(began, ended, strict=True) if end > 0]
        figures |= _percentiles("acknowledged", latencies)
        if phase.probe_every:
            waits = [
                (seen - began[number * phase.probe_every]) / 1e6
                for number, seen in enumerate(seen_ns)
                if seen is not None
            ]
            figures |= _percentiles("visible", waits)
            figures["probes"] = len(waits)
        for process in {*map(part_kind, self._installation.pids), "generator"}:
            figures[f"cpu_us.{process}"] = figures[f"cpu_s.{process}"] / outcome.accepted * 1e6
        self.figures |= {f"{phase.name}.{name}": value for name, value in figures.items()}

    def check(self) -> None:
        """What the analyst counts must be what was acknowledged. Raises ``PhaseError``."""
        counted = int(self._analyst.ask("SELECT count() FROM v_touchpoints")[0])
        if counted != self.touchpoints:
            raise PhaseError(f"{self.touchpoints} touchpoints were acknowledged, v_touchpoints has {counted}")

    @contextmanager
    def _costs(self, phase: Phase) -> Iterator[Figures]:
        """CPU of all processes and counters of the workers, from begin to end."""
        figures: Figures = {}
        pids = self._installation.pids
        before = cpu_s_by_kind(pids)
        worker_before = self._installation.worker_metrics()
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
        worker = self._installation.worker_metrics()
        for name in ("batches", "steps", "refolds", "duplicates", "late"):
            key = f"tappa_worker_{name}_total"
            figures[f"worker_{name}"] = worker[key] - worker_before[key]

    def _send(self, phase: Phase) -> tuple[Outcome, list[int | None]]:
        """Have the generator send the phase; meanwhile look for its probes."""
        installation = self._installation
        order = Order(
            host=installation.ingest.host,
            port=installation.ingest.port,
            bodies=str(phase.requests.path),
            table=str(phase.requests.table),
            authorization=installation.authorization,
            times=str(self._times),
            rate_per_s=phase.rate_per_s,
            limit_s=phase.limit_s,
        )
        command = [sys.executable, "-m", "benches.generator"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdin
            assert process.stdout
            try:
                process.stdin.write(json.dumps(asdict(order)) + "\n")
                process.stdin.flush()
                process.stdout.readline()
                process.stdin.write("go\n")
                process.stdin.flush()
                began_ns = int(process.stdout.readline())
                seen_ns = self._probe(phase, began_ns)
                return Outcome(**json.loads(process.stdout.readline())), seen_ns
            finally:
                process.kill()

    def _probe(self, phase: Phase, began_ns: int) -> list[int | None]:
        """When each probe was seen. Only those that are due are asked for."""
        if not phase.probe_every:
            return []
        interval_ns = phase.probe_every / phase.rate_per_s * 1e9
        seen: list[int | None] = [None] * -(-phase.requests.count // phase.probe_every)
        give_up_ns = began_ns + int(len(seen) * interval_ns + VISIBLE_S_MAX * 1e9)
        open_probes = set(range(len(seen)))
        while open_probes and (now_ns := time.monotonic_ns()) < give_up_ns:
            due = [number for number in open_probes if began_ns + number * interval_ns <= now_ns]
            if due:
                visible = self._visible(phase.probe_prefix, due)
                now_ns = time.monotonic_ns()
                for number in visible:
                    seen[number] = now_ns
                open_probes -= visible
            time.sleep(POLL_S)
        if open_probes:
            raise PhaseError(f"{phase.name}: {len(open_probes)} touchpoints were never visible")
        return seen

    def _when_visible(self, phase: Phase) -> int:
        """Append markers behind everything, wait until all are visible: then everything before them is, too."""
        prefix = f"marker-{phase.name}-"
        body, route = encoded(markers(prefix, MARKERS, phase.at_ms), single=False)
        installation = self._installation
        connection = http.client.HTTPConnection(installation.ingest.host, installation.ingest.port, timeout=30)
        headers = {"Authorization": installation.authorization[route], "Content-Type": "application/json"}
        connection.request("POST", route, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status != 200 or json.loads(said)["accepted"] != MARKERS:
            raise PhaseError(f"{phase.name}: the markers were answered with {answer.status}: {said[:500]!r}")
        self.touchpoints += MARKERS
        give_up = time.monotonic() + VISIBLE_S_MAX
        missing = set(range(MARKERS))
        while missing:
            if time.monotonic() > give_up:
                raise PhaseError(f"{phase.name}: not everything was visible within {VISIBLE_S_MAX:.0f} s")
            if self._visible(prefix, [min(missing)]):  # one is cheap to ask for, and most come together
                missing -= self._visible(prefix, sorted(missing))
            else:
                time.sleep(LAST_POLL_S)
        return time.monotonic_ns()

    def _visible(self, prefix: str, numbers: list[int]) -> set[int]:
        """Those of ``user:PREFIX<number>`` whose touchpoint has led to a stage. (The facts are written before.)"""
        names = ",".join(f"'user:{prefix}{number}'" for number in numbers)
        skip = len(f"user:{prefix}")
        lines = self._analyst.ask(f"SELECT customer_id FROM v_customers WHERE customer_id IN ({names})")
        return {int(line[skip:]) for line in lines}


def _percentiles(name: str, values_ms: list[float]) -> Figures:
    return {
        f"{name}_p50_ms": percentile(values_ms, 0.50),
        f"{name}_p99_ms": percentile(values_ms, 0.99),
        f"{name}_max_ms": max(values_ms),
    }
