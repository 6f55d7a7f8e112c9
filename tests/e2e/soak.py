"""The long form of the kill tests: ``python -m tests.e2e.soak [KILLS] [SEED]``; 20 of each process, then all together.

Prints the seed, so that a failure can be repeated, and leaves the data directory of a failure where it says.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.e2e.chaos import EVERYTHING, TARGETS, torture


def main(kills: int, seed: int) -> None:
    directory = Path(tempfile.mkdtemp(prefix="tappa-soak-"))
    order = [*TARGETS] * kills
    Random(seed).shuffle(order)
    order += [EVERYTHING] * max(1, kills // 4)
    print(f"seed {seed}, {len(order)} kills, data in {directory}")
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)

    killed = asyncio.run(torture(directory, seed=seed, kills=order, touchpoints=10_000, pause_s=(0.2, 4.0), say=say))
    print(f"every view equals the reference after {dict(killed)}")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 20,
        int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time()),
    )
