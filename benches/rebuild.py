"""What it costs to rebuild a changed model: from the command until every view shows the new version, nothing else
going on, with two workers. ``python -m benches.rebuild --scale 20`` has 20 million touchpoints, of 2 million
customers."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from benches.costs import costs
from benches.figures import Figures, together
from benches.installation import TAPPA, Analyst, Installation
from benches.machine import ROOT
from benches.rebuild_report import rebuild_report
from benches.requests import write
from benches.sending import PhaseError, nothing, send
from benches.workload import DAY_MS, NO_LINKS, Workload, first_sights, items, sights
from stage_engine.model import SHIPPED

TOUCHPOINTS: Final = 1_000_000
CUSTOMERS: Final = 100_000
WORKERS: Final = 2
SEED: Final = 11
BATCH: Final = 100
CUSTOMERS_MIN: Final = 5_000
SECONDS_MAX: Final = 500.0
"""For a million touchpoints: to load them, and to rebuild."""


class RebuildMeasurement:
    """One new installation. Raises ``PhaseError`` when something was refused or lost."""

    def __init__(self, installation: Installation, directory: Path, now_ms: int, scale: float) -> None:
        self._installation = installation
        self._directory = directory
        self._now_ms = now_ms
        self._customers = max(int(CUSTOMERS * scale), CUSTOMERS_MIN)
        self._touchpoints = int(TOUCHPOINTS * scale)
        self._patience_s = SECONDS_MAX * max(scale, 1.0)

    def run(self) -> Figures:
        """Load the shop's history, then change the model."""
        began = time.monotonic()
        self._load()
        loaded_s = time.monotonic() - began
        model = self._directory / "changed.yaml"
        text = (SHIPPED / "seven_stage.yaml").read_text(encoding="utf-8")
        model.write_text(text.replace("P90D", "P77D"), encoding="utf-8")
        with costs(self._installation) as figures:
            seconds = self._rebuilt(model)
        with closing(Analyst(self._installation.connection)) as analyst:
            [counted] = analyst.ask("SELECT sum(touchpoints) FROM v_customers")
            [customers] = analyst.ask("SELECT count() FROM v_customers")
        figures |= {
            "touchpoints": float(counted),
            "customers": float(customers),
            "loaded_s": loaded_s,
            "rebuilt_s": seconds,
            "touchpoints_per_s": float(counted) / seconds,
        }
        for process in ("worker", "store"):
            figures[f"cpu_us.{process}"] = figures[f"cpu_s.{process}"] / float(counted) * 1e6
        return {f"rebuild.{name}": value for name, value in figures.items()}

    def _load(self) -> None:
        start_ms = self._now_ms - 20 * DAY_MS
        shop = {"customers": self._customers, "mix": NO_LINKS, "seed": SEED}
        first = Workload(
            items=sights(self._customers),
            start_ms=start_ms,
            end_ms=start_ms + DAY_MS,
            **shop,  # type: ignore[arg-type]
        )
        later = Workload(
            items=max(self._touchpoints - first.items, BATCH), start_ms=first.end_ms,
            end_ms=start_ms + 15 * DAY_MS, **shop,  # type: ignore[arg-type]
        )  # fmt: skip
        for stream in (first_sights(first), items(later)):
            requests = write(self._directory / "rebuild", stream, batch=BATCH)
            send(self._installation, requests, self._directory / "times", nothing, limit_s=self._patience_s)
            self._installation.wait_until_quiet(self._patience_s)

    def _rebuilt(self, model: Path) -> float:
        """Seconds from the command until the switch, as the command says."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TAPPA_")}
        environment |= {"TAPPA_MODELS__ACTIVE": json.dumps([str(model)]), "TAPPA_MODELS__DEFAULT": str(model)}
        answer = subprocess.run(
            [*TAPPA, "model", "rebuild", "--json", "--data", str(self._installation.data)],
            capture_output=True, text=True, timeout=self._patience_s, check=False, env=environment,
        )  # fmt: skip
        if answer.returncode:
            raise PhaseError(f"tappa model rebuild: {answer.stderr.strip()}")
        end: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
        return float(end["seconds"])


def described() -> dict[str, Any]:
    """What is rebuilt at scale 1: only results of which this is the same are compared."""
    return {"seed": SEED, "touchpoints": TOUCHPOINTS, "customers": CUSTOMERS, "workers": WORKERS}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benches.rebuild", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of touchpoints (default 1)")
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"for `tappa up --workers` (default {WORKERS})")
    options = parser.parse_args()
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as name:
        directory = Path(name)
        with Installation(directory / "data", directory / "tappa.log", options.workers) as installation:
            now_ms = time.time_ns() // 1_000_000
            figures = RebuildMeasurement(installation, directory, now_ms, options.scale).run()
    print(rebuild_report(together([figures]), {}))


if __name__ == "__main__":
    main()
