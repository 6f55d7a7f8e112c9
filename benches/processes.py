"""What processes cost, from /proc: CPU time and memory. Several of one kind (``worker``, ``worker-2``) count as one."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tappa.workers import part_kind

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
MEMORY_INTERVAL_S: Final = 0.5
"""How often memory is looked at. A shorter peak may be missed; each look costs a millisecond a process."""


class ProcessEndedError(Exception):
    """A process that is measured is gone: no figure would be true."""


def cpu_s(pid: int) -> float:
    """User and system time of all threads of a process so far; in steps of 10 ms."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def cpu_s_by_kind(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system time so far of the processes of each kind."""
    together = dict.fromkeys(map(part_kind, pids), 0.0)
    for name, pid in pids.items():
        together[part_kind(name)] += cpu_s(pid)
    return together


def memory_bytes(pid: int) -> tuple[int, str]:
    """What a process has in memory, and the name of the measure: PSS (pages shared by n processes count a nth each), or
    RSS where PSS may not be read."""
    try:
        return _kib(_read(pid, "smaps_rollup"), "Pss:"), "PSS"
    except PermissionError:
        return _kib(_read(pid, "status"), "VmRSS:"), "RSS"


def machine_cpu_s() -> tuple[float, float]:
    """CPU time that the whole machine spent working, and that it could have had but was given to others (steal)."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = (
        int(field) / TICKS_PER_S for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return user + nice + system + irq + softirq, steal


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessEndedError(f"process {pid} ended while it was measured") from None


def _kib(text: str, key: str) -> int:
    for line in text.splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise ProcessEndedError(f"a process ended while it was measured: its {key} is gone")


class MemoryWatch:
    """Looks at the memory of processes until it is left, from a thread of its own. ``now`` and ``peaks`` are by kind; a
    peak is the largest sum at one moment."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)
        self.measure = ""
        self.now: dict[str, int] = {}
        self.peaks: dict[str, int] = dict.fromkeys(map(part_kind, self._pids), 0)
        self.total_peak = 0
        """Of all together, which is less than the sum of the peaks."""

    def __enter__(self) -> MemoryWatch:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Measure once."""
        now: Counter[str] = Counter()
        for name, pid in self._pids.items():
            memory, self.measure = memory_bytes(pid)
            now[part_kind(name)] += memory
        self.now = dict(now)
        self.peaks = {kind: max(peak, self.now[kind]) for kind, peak in self.peaks.items()}
        self.total_peak = max(self.total_peak, sum(self.now.values()))

    def _watch(self) -> None:
        while not self._stop.wait(MEMORY_INTERVAL_S):
            try:
                self.look()
            except ProcessEndedError:
                return
