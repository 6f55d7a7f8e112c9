"""Having requests sent by the generator, and watching meanwhile for what becomes visible."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, TypeVar

from benches.generator import Order, Outcome
from benches.installation import Installation
from benches.machine import ROOT
from benches.requests import Requests

Seen = TypeVar("Seen")

POLL_S: Final = 0.05
"""From the end of one question whether something is visible to the next: what a time to visible may be too long by."""
VISIBLE_S_MAX: Final = 180.0
"""Longest wait for everything that was accepted to be visible."""


class PhaseError(Exception):
    """Something was refused, lost or too slow: there are no figures."""


def send(
    installation: Installation,
    requests: Requests,
    times: Path,
    meanwhile: Callable[[int], Seen],
    *,
    rate_per_s: float = 0.0,
    limit_s: float = 60.0,
) -> tuple[Outcome, Seen]:
    """Send all; ``times`` is left with the moments of each request. ``meanwhile`` is called with the moment of the
    first one. Raises ``PhaseError`` unless everything was answered with 200."""
    order = Order(
        host=installation.ingest.host,
        port=installation.ingest.port,
        bodies=str(requests.path),
        table=str(requests.table),
        authorization=installation.authorization,
        times=str(times),
        rate_per_s=rate_per_s,
        limit_s=limit_s,
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
            seen = meanwhile(int(process.stdout.readline()))
            outcome = Outcome(**json.loads(process.stdout.readline()))
        finally:
            process.kill()
    if not outcome.clean:
        said = f"{outcome.statuses}, {outcome.unanswered} unanswered: {outcome.refusals}"
        raise PhaseError(f"{requests.path.name}: {said}")
    return outcome, seen


def nothing(_began_ns: int) -> None:
    """What is done meanwhile when nothing is."""


def when_seen(due_ns: Sequence[int], visible: Callable[[list[int]], Collection[int]]) -> list[int]:
    """When each of several things was seen that are due at given moments. ``visible`` says which of some are; only
    those that are due are asked for, all at once. Raises ``PhaseError`` when one never comes."""
    seen = [0] * len(due_ns)
    give_up_ns = max(due_ns) + int(VISIBLE_S_MAX * 1e9)
    waiting = set(range(len(due_ns)))
    while waiting and (now_ns := time.monotonic_ns()) < give_up_ns:
        due = [number for number in sorted(waiting) if due_ns[number] <= now_ns]
        found = visible(due) if due else ()
        now_ns = time.monotonic_ns()
        for number in found:
            seen[number] = now_ns
        waiting.difference_update(found)
        time.sleep(POLL_S if waiting else 0)
    if waiting:
        raise PhaseError(f"{len(waiting)} of {len(due_ns)} touchpoints were never visible")
    return seen
