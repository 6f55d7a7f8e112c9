"""What it costs to import a file: a year of three stores, a row a line of a receipt, by `tappa import` with a mapping
that groups rows into receipts; then the same file by ``POST /v1/files``. The totals that the store then has must be
those that the generator counted.

Run ``python -m benches.importing``; nothing is kept.
"""

from __future__ import annotations

import argparse
import http.client
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from benches.costs import costs
from benches.figures import Figures, together
from benches.importing_report import importing_report
from benches.installation import TAPPA, Analyst, Installation
from benches.machine import ROOT
from benches.processes import MemoryWatch, ProcessEndedError, cpu_s
from benches.sending import PhaseError
from benches.year import MAPPING, SEED, Totals, Year
from ingest.sources import Source
from tappa.imports.target import write_key

LINES: Final = 1_000_000
PATIENCE_S: Final = 900.0
LOOK_S: Final = 0.05
CHUNK_BYTES: Final = 1 << 20


def by_command(installation: Installation, file: Path, mapping: Path) -> Figures:
    """``tappa import`` as a user types it. Raises ``PhaseError`` when it is not done."""
    words = ["import", str(file), "--mapping", str(mapping), "--source", "year"]
    began = time.monotonic()
    process = subprocess.Popen(
        [*TAPPA, *words, "--data", str(installation.data)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak, spent = 0.0, 0.0
    while process.poll() is None:
        peak, spent = max(peak, _peak_mb(process.pid)), max(spent, _spent_s(process.pid))
        time.sleep(LOOK_S)
    if process.returncode:
        raise PhaseError(f"tappa import ended with {process.returncode}")
    return {
        "sent_s": time.monotonic() - began,
        "import_peak_mb": peak,
        "import_above_idle_mb": peak - _idle_mb(),
        "cpu_s.import": spent,
    }


def by_http(installation: Installation, file: Path, mapping: Path, source: str = "") -> Figures:
    """The same file to ``/v1/files``, with its mapping, as this source or the first."""
    key = write_key(installation.data, Source(name=source)) if source else installation.write_key
    authorization = "Basic " + b64encode(f"{key}:".encode()).decode()
    boundary, began = "of-the-bench", time.monotonic()
    parts = f'--{boundary}\r\nContent-Disposition: form-data; name="mapping"\r\n\r\n{mapping.read_text()}\r\n' + (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="year.csv"\r\n\r\n'
    )

    def body() -> Iterator[bytes]:
        yield parts.encode()
        with file.open("rb") as content:
            while chunk := content.read(CHUNK_BYTES):
                yield chunk
        yield f"\r\n--{boundary}--\r\n".encode()

    headers = {"Authorization": authorization, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    with closing(http.client.HTTPConnection(installation.ingest.host, installation.ingest.port)) as connection:
        connection.request("POST", "/v1/files?format=csv", body(), headers)
        answer = connection.getresponse()
        said = answer.read()
    if answer.status != 200:
        raise PhaseError(f"/v1/files said {answer.status}: {said[:300]!r}")
    return {"sent_s": time.monotonic() - began}


WAYS: Final = {"command": by_command, "http": by_http}


def measured(directory: Path, way: str, lines: int, workers: int | None) -> Figures:
    """A new installation that takes the year in one way. Raises ``PhaseError`` when its totals are not the year's."""
    year, file, mapping = Year(lines), directory / "year.csv", directory / "year.yaml"
    with file.open("wb") as written:
        written.writelines(year.chunks())
    mapping.write_text(MAPPING)
    data = directory / way
    with (
        Installation(data, directory / "tappa.log", workers) as installation,
        MemoryWatch(installation.pids) as watch,
        closing(Analyst(installation.connection)) as analyst,
    ):
        before = watch.now["ingest"]
        with costs(installation) as figures:
            began = time.monotonic_ns()
            figures |= WAYS[way](installation, file, mapping)
            visible_s = (installation.wait_until_quiet(PATIENCE_S) - began) / 1e9
        watch.look()
        figures["ingest_grown_mb"] = (watch.peaks["ingest"] - before) / 1e6
        check(analyst, year.totals)
    of, totals = figures, year.totals
    for process in ("import", "ingest", "worker", "store"):
        of[f"cpu_us.{process}"] = of.get(f"cpu_s.{process}", 0.0) / totals.lines * 1e6
    of |= {"lines": totals.lines, "receipts": totals.receipts, "lines_per_s": totals.lines / of["sent_s"]}
    return of | {"visible_lines_per_s": totals.lines / visible_s}


def of_all_ways(directory: Path, lines: int, workers: int | None, ways: Iterable[str] = WAYS) -> Figures:
    """The figures of all ways, one after the other."""
    found: Figures = {}
    for way in ways:
        found |= {f"importing.{way}.{name}": value for name, value in measured(directory, way, lines, workers).items()}
        shutil.rmtree(directory / way)
    return found


def described() -> dict[str, int]:
    """What is imported at scale 1: only results of which this is the same are compared."""
    return {"seed": SEED, "lines": LINES}


def check(analyst: Analyst, totals: Totals) -> None:
    """The store's totals by store, day and card are the year's. Raises ``PhaseError``."""
    signed = "toInt64(round(sum(if(kind = 'return', -total, total)) * 100))"
    for what, wanted in (
        ("store_id", totals.by_store),
        ("toString(business_date)", totals.by_day),
        ("substring(contacts[1], 14)", totals.by_card),
    ):
        named = "WHERE startsWith(contacts[1], 'loyalty_card:')" if wanted is totals.by_card else ""
        rows = analyst.ask(f"SELECT {what} AS name, {signed} FROM v_receipts {named} GROUP BY name")
        found = {name: int(cents) for name, cents in (row.split("\t") for row in rows)}
        if found != dict(wanted):
            raise PhaseError(f"the totals by {what} are not those of the file")


def _peak_mb(process: int) -> float:
    return _status(process, "VmHWM:") / 1_000


def _status(process: int, key: str) -> int:
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(key)), 0)


def _spent_s(process: int) -> float:
    try:
        return cpu_s(process)
    except ProcessEndedError:
        return 0.0


def _idle_mb() -> float:
    """Of a command line that waits: what every ``tappa`` command has in memory before it does anything."""
    code = "import sys, tappa.cli; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as idle:
        time.sleep(2)
        found = _peak_mb(idle.pid)
        assert idle.stdin is not None
        idle.stdin.close()
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benches.importing", description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES, help=f"default {LINES:,}")
    parser.add_argument("--workers", type=int, help="for `tappa up --workers`; without it as many as it runs by itself")
    parser.add_argument("--way", choices=tuple(WAYS), action="append", help="only this one")
    options = parser.parse_args()
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as name:
        figures = of_all_ways(Path(name), options.lines, options.workers, options.way or WAYS)
    print(f"{options.lines:,} lines, seed {SEED}\n" + importing_report(together([figures]), {}))


if __name__ == "__main__":
    main()
