"""A supervisor over test parts, as a process of its own: ``python -m tests.tappa.supervising DATA STOP_WITHIN_S
WORKERS``. Its times allow for a machine that is busy with other things."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from tappa.child import PartRefusedError, Plan
from tappa.ports import open_port
from tappa.settings import SupervisorSettings
from tappa.supervisor import Supervisor, end_leftovers
from tappa.workers import worker_name


def say(line: str) -> None:
    print(line, flush=True)


async def ready() -> None:
    say("all ready")


def plan(name: str, data: Path) -> Plan:
    port = open_port("127.0.0.1", 0, exact=True, option="")
    command = [sys.executable, "-m", "tests.tappa.part", name, str(data)]
    return Plan(name=name, command=command, environment=os.environ, port=port, ready="/", health="/")


def main() -> None:
    data = Path(sys.argv[1])
    end_leftovers(data, say)
    workers = [plan(worker_name(number), data) for number in range(1, int(sys.argv[3]) + 1)]
    plans = {"store": [plan("store", data)], "ingest": [plan("ingest", data)], "worker": workers}
    settings = SupervisorSettings(
        health_interval_s=0.1,
        health_timeout_s=2.0,
        health_failures_max=3,
        backoff_s=0.05,
        stop_within_s=float(sys.argv[2]),
    )
    supervisor = Supervisor(
        data, plans, ("ingest", "worker", "store"), settings, say, lambda: time.time_ns() // 1_000_000
    )
    try:
        asyncio.run(supervisor.run(ready))
    except PartRefusedError as error:
        say(str(error))
        sys.exit(1)


main()
