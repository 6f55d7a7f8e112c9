"""What is done to an installation, and what is read off it."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benches.costs import costs, percentiles
from benches.figures import Figures
from benches.generator import read_times
from benches.installation import Analyst, Installation
from benches.requests import Requests, encoded
from benches.sending import VISIBLE_S_MAX, PhaseError, send, when_seen
from benches.workload import markers
from tappa.workers import part_kind

LAST_POLL_S: Final = 0.2
"""From the end of one question to the next while a phase's last touchpoints are waited for: each costs the store some
15 ms of CPU, and an end to end rate is at most so much too low."""
MARKERS: Final = 200
"""Customers whose touchpoints follow a phase's last: each of 8 partitions has one, but for once in 10^10."""


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
        with costs(self._installation) as figures:
            outcome, seen_ns = send(
                self._installation,
                phase.requests,
                self._times,
                lambda began_ns: self._probe(phase, began_ns),
                rate_per_s=phase.rate_per_s,
                limit_s=phase.limit_s,
            )
            self.touchpoints += outcome.fresh
            markers_ns = self._when_visible(phase)
            visible_ns = self._installation.wait_until_quiet()  # what was passed on to another owner may come later
            figures["cpu_s.generator"] = outcome.cpu_s
        sent_s, visible_s = outcome.wall_s, (visible_ns - outcome.began_ns) / 1e9
        figures["touchpoints"] = outcome.accepted
        figures["requests_per_s"] = outcome.sent / sent_s
        figures["acknowledged_per_s"] = outcome.accepted / sent_s
        figures["end_to_end_per_s"] = outcome.accepted / visible_s
        figures["rest_after_markers_s"] = (visible_ns - markers_ns) / 1e9
        figures["sent_mb_per_s"] = outcome.bytes / 1e6 / sent_s
        figures["generator_share_of_core"] = outcome.cpu_s / sent_s
        figures["generator_memory_mb"] = outcome.memory_peak_bytes / 1e6
        figures["questions"] = self._analyst.questions - questions
        began, ended = read_times(self._times)
        latencies = [(end - begin) / 1e6 for begin, end in zip(began, ended, strict=True) if end > 0]
        figures |= percentiles("acknowledged", latencies)
        if seen_ns:
            waits = [(seen - began[number * phase.probe_every]) / 1e6 for number, seen in enumerate(seen_ns)]
            figures |= percentiles("visible", waits)
            figures["probes"] = len(waits)
        for process in {*map(part_kind, self._installation.pids), "generator"}:
            figures[f"cpu_us.{process}"] = figures[f"cpu_s.{process}"] / outcome.accepted * 1e6
        self.figures |= {f"{phase.name}.{name}": value for name, value in figures.items()}

    def check(self) -> None:
        """What the analyst counts must be what was acknowledged. Raises ``PhaseError``."""
        counted = int(self._analyst.ask("SELECT count() FROM v_touchpoints")[0])
        if counted != self.touchpoints:
            raise PhaseError(f"{self.touchpoints} touchpoints were acknowledged, v_touchpoints has {counted}")

    def _probe(self, phase: Phase, began_ns: int) -> list[int]:
        """When each probe was seen."""
        if not phase.probe_every:
            return []
        interval_ns = phase.probe_every / phase.rate_per_s * 1e9
        probes = -(-phase.requests.count // phase.probe_every)
        due_ns = [began_ns + int(number * interval_ns) for number in range(probes)]
        return when_seen(due_ns, lambda due: self._visible(phase.probe_prefix, due))

    def _when_visible(self, phase: Phase) -> int:
        """Append markers behind everything, wait until all are visible: then everything before them is, too, but for
        what workers have passed on to each other."""
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
