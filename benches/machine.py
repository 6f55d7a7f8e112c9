"""Where and of what a result is: machine and commit."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FSYNCS: Final = 50


def machine_type() -> str:
    """What must be alike for figures to be compared: processor, cores, memory."""
    return f"{_processor()}, {os.cpu_count()} cores, {_memory_gib()} GiB"


def machine(data: Path) -> dict[str, str | int | float]:
    """The machine, and how long its disk takes to say that something is safe."""
    return {
        "type": machine_type(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "chdb": metadata.version("chdb-core"),
        "fsync_ms": round(fsync_ms(data), 3),
    }


def commit() -> str:
    """The commit that is checked out, with ``+`` when files of the product differ from it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benches/results", ":!docs")
    return f"{head or 'unknown'}{'+' if changed else ''}"


def fsync_ms(directory: Path) -> float:
    """Median time to write 4 KiB and have them on disk: what an acknowledgement cannot go below."""
    path = directory / "fsync"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    path.unlink()
    return statistics.median(times) * 1000


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.split(":", 1)[1].split())
    return platform.machine()


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
