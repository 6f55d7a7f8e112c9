"""An installation to measure: `tappa up` in a directory of its own, started, asked and stopped as a user would."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from base64 import b64encode
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

import tappa.runfile
from benches.requests import ROUTES
from stream.log.opening import log_status
from stream.settings import KafkaSettings, LogSettings
from tappa.workers import WORKER, part_kind

READY_S_MAX: Final = 120.0
STOP_S_MAX: Final = 20.0
COMMAND_S_MAX: Final = 60.0
QUIET_S_MAX: Final = 180.0
"""Longest wait until workers have nothing left to do."""
QUIET_LOOK_S: Final = 0.02
QUIET_LOOK_KAFKA_S: Final = 0.2
"""Each look is a connection of its own, and takes time of the same cores."""
IDLE_S_MAX: Final = 1.0
"""A connection that was idle longer may have been closed by the server."""
TAPPA: Final = (sys.executable, "-m", "tappa")


class InstallationError(Exception):
    """It did not start, answer or stop."""


class NotAtRestError(InstallationError):
    """The workers still have something to do."""


class Installation:
    """A running ``tappa up``. Leaving it stops it and leaves its data. ``workers`` is None for as many as it runs by
    itself; once it runs, it is their number. With ``servers`` its log is on Kafka."""

    def __init__(self, data: Path, output: Path, workers: int | None = None, servers: str = "") -> None:
        self.data = data
        self.workers = workers or 0
        self._output = output
        self._log = LogSettings(kafka=KafkaSettings(servers=servers))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        began = time.monotonic()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TAPPA_")}
        environment |= {"TAPPA_WORKER__PORT": "0", "TAPPA_LOG__KAFKA__SERVERS": self._log.kafka.servers}
        options = ["--workers", str(self.workers)] if self.workers else []
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*TAPPA, "up", "--data", str(self.data), "--port", "0", "--clickhouse-port", "0", *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() - began > READY_S_MAX:
                self._stop()
                raise InstallationError(f"tappa up did not become ready; it said:\n{self._output.read_text()[-4000:]}")
            time.sleep(0.05)
        self.ready_s = time.monotonic() - began
        run = self._run()
        self.ingest = run.parts["ingest"]
        self.pids = {"supervisor": run.pid} | {name: part.pid or 0 for name, part in run.parts.items()}
        self._workers = [part for name, part in run.parts.items() if part_kind(name) == WORKER]
        self.workers = len(self._workers)
        self.write_key: str = self._command("sources", "--json")[0]["write_keys"][0]
        self.connection: dict[str, Any] = self._command("connect", "--json")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def authorization(self) -> dict[str, str]:
        """The header for each route."""
        return dict.fromkeys(ROUTES, "Basic " + b64encode(f"{self.write_key}:".encode()).decode())

    @property
    def restarts(self) -> int:
        """How often a part died: any at all spoils the figures."""
        return sum(part.restarts for part in self._run().parts.values())

    def worker_metrics(self) -> Counter[str]:
        """The numbers of ``/metrics``, by name and labels as written there: sums over all workers."""
        together: Counter[str] = Counter()
        for part in self._workers:
            together.update(_metrics(tappa.runfile.reachable(part.host), part.port))
        return together

    def wait_until_quiet(self, limit_s: float = QUIET_S_MAX) -> int:
        """Return ``time.monotonic_ns()`` once everything is worked off: all that was acknowledged, and all that workers
        told each other because of it, which is in the log before what it follows from is committed. Looks into the log,
        so it costs the store nothing. Raises ``NotAtRestError``."""
        give_up = time.monotonic() + limit_s
        while time.monotonic() < give_up:
            log = log_status(self.data / "log", self._log)
            if log is not None and all(log.positions[partition] >= end for partition, end in log.ends.items()):
                return time.monotonic_ns()
            time.sleep(QUIET_LOOK_KAFKA_S if self._log.kafka.servers else QUIET_LOOK_S)
        raise NotAtRestError(f"the workers did not come to rest within {limit_s:.0f} s")

    @property
    def writer(self) -> dict[str, Any]:
        """How the workers connect to the store: they may see what it counts, analysts may not."""
        settings = tomllib.loads((self.data / "tappa.toml").read_text())
        return self.connection | {"user": "tappa", "password": settings["store"]["password"]}

    def _ready(self) -> bool:
        run = tappa.runfile.read(self.data / "run.json")
        return run is not None and run.ready

    def _run(self) -> tappa.runfile.Run:
        run = tappa.runfile.read(self.data / "run.json")
        if run is None:
            raise InstallationError(f"{self.data / 'run.json'} is gone")
        return run

    def _command(self, *arguments: str) -> Any:
        answer = subprocess.run(
            [*TAPPA, *arguments, "--data", str(self.data)],
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )
        if answer.returncode:
            raise InstallationError(f"tappa {' '.join(arguments)}: {answer.stderr.strip()}")
        return json.loads(answer.stdout)

    def _stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _metrics(host: str, port: int) -> dict[str, float]:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines if not name.endswith("_created")}


class Analyst:
    """Asks the store over one connection, as whom the connection says."""

    def __init__(self, connection: dict[str, Any]) -> None:
        self._http = http.client.HTTPConnection(connection["host"], connection["port"], timeout=60)
        self._headers = {"X-ClickHouse-User": connection["user"], "X-ClickHouse-Key": connection["password"]}
        self._path = "/?" + urlencode({"database": connection["database"]})
        self._asked_at = 0.0
        self.questions = 0

    def ask(self, sql: str) -> list[str]:
        """The lines of the answer, as tab-separated values."""
        if time.monotonic() - self._asked_at > IDLE_S_MAX:
            self._http.close()  # the next request opens it again
        try:
            self._http.request("POST", self._path, sql.encode(), self._headers)
            answer = self._http.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise InstallationError(f"the store did not answer {sql[:200]}: {error!r}") from error
        self._asked_at = time.monotonic()
        self.questions += 1
        if answer.status != 200:
            raise InstallationError(f"the store says {answer.status} to {sql[:200]}: {body[:500]}")
        return body.splitlines()

    def close(self) -> None:
        self._http.close()
