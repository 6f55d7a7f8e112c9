"""A whole installation for tests: ``tappa up`` as a subprocess, through the real command line, and how to hurt it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
from click.testing import Result

from store.clickhouse import connect
from store.settings import StoreSettings
from stream.log.interface import LogError
from stream.log.opening import log_status
from tappa import runfile
from tappa.running import store_settings
from tappa.settings import Settings, read
from tests.typed import typed

READY_S_MAX: Final = 120.0
STOP_S_MAX: Final = 20.0
TAPPA: Final = (sys.executable, "-m", "tappa")
SOURCES: Final = {
    "web": ("--browser", "--joins", "device"),
    "app": ("--channel", "app"),
    "till": ("--channel", "store"),
}
"""The sources that ``tests.e2e.traffic`` sends from, and the options of ``tappa sources add`` for each."""


class Installation:
    """``with Installation(directory) as tappa``: started, ready, with the traffic's sources; stopped at the end."""

    def __init__(self, directory: Path, *, workers: int = 1, **settings: str) -> None:
        self.workers = workers
        self.data = directory / "tappa-data"
        self._output = directory / "up.log"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TAPPA_")}
        self.environment |= {"PYTHONUNBUFFERED": "1", **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._joined: dict[str, subprocess.Popen[bytes]] = {}
        self._store: StoreSettings | None = None
        self.keys: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_until_ready()
            for name, options in SOURCES.items():
                self.keys[name] = json.loads(self.command("sources", "add", name, *options, "--json"))["write_key"]
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Run ``tappa up`` with ``workers`` and ports that are free."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *TAPPA, "up", "--data", str(self.data), "--port", "0", "--clickhouse-port", "0",
                    "--workers", str(self.workers),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self.environment,
                start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        """As an operator does, with SIGTERM; by force if that does not help."""
        for name in list(self._joined):
            self.leave(name)
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"tappa up did not stop within {STOP_S_MAX} s:\n{self.said()}") from None
        finally:
            self._process = None

    def restart(self, **settings: str) -> None:
        """Stop, and start with these settings besides; returns when it is ready."""
        self.stop()
        self.environment |= settings
        self._store = None
        self.start()
        self.wait_until_ready()

    def lose(self, *tables: str) -> None:
        """Empty these tables of the store, as no part of Tappa ever does."""

        async def empty() -> None:
            store = connect(store_settings(self.data, self._settings()))
            try:
                for table in tables:
                    await store.execute(f"TRUNCATE TABLE {table}")
            finally:
                await store.close()

        asyncio.run(empty())

    def wait_until_ready(self) -> None:
        """Return once this run of ``tappa up`` says that every part is ready."""
        deadline = time.monotonic() + READY_S_MAX
        while not self._is_ready():
            assert self._process is not None
            assert self._process.poll() is None, f"tappa up ended:\n{self.said()}"
            assert time.monotonic() < deadline, f"tappa up did not become ready:\n{self.said()}"
            time.sleep(0.05)

    def kill(self, part: str) -> None:
        """kill -9 of ``supervisor`` or of a part by its name, as soon as it runs. A supervisor is started
        again at once, as systemd would."""
        if part == "supervisor":
            assert self._process is not None
            self._process.kill()
            self._process.wait()
            self.start()
            return
        deadline = time.monotonic() + READY_S_MAX
        while not self._told(part, signal.SIGKILL):
            assert time.monotonic() < deadline, f"{part} does not come back:\n{self.said()}"
            time.sleep(0.02)

    def join(self, name: str) -> None:
        """One more ``tappa worker`` beside those of ``tappa up``, as another machine would run it."""
        store = runfile.read(self.data / "run.json").parts["store"]  # type: ignore[union-attr]
        address = {"TAPPA_STORE__PORT": str(store.port), "TAPPA_WORKER__PORT": "0"}
        with (self.data / "logs" / f"joined-{name}.log").open("ab") as output:
            self._joined[name] = subprocess.Popen(
                [*TAPPA, "worker", "--id", name, "--data", str(self.data)],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**self.environment, **address},
            )

    def leave(self, name: str) -> None:
        """That one stops, as an operator does it."""
        process = self._joined.pop(name)
        assert process.poll() is None, f"worker {name} ended by itself:\n{self.said()}"
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"worker {name} did not stop within {STOP_S_MAX} s:\n{self.said()}") from None

    def freeze(self, part: str, seconds: float) -> None:
        """SIGSTOP of a part as soon as it runs, and SIGCONT after a while: a process that does not know that it was
        away."""
        deadline = time.monotonic() + READY_S_MAX
        while not self._told(part, signal.SIGSTOP):
            assert time.monotonic() < deadline, f"{part} does not come back:\n{self.said()}"
            time.sleep(0.02)
        time.sleep(seconds)
        self._told(part, signal.SIGCONT)

    def kill_everything(self) -> None:
        """kill -9 of all processes at once, and a new start."""
        assert self._process is not None
        for pid in [self._process.pid, *self.pids().values()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()
        self.start()

    def pids(self) -> dict[str, int]:
        """Of the parts that run just now."""
        run = runfile.read(self.data / "run.json")
        return {name: part.pid for name, part in run.parts.items() if part.pid} if run else {}

    def restarts(self) -> int:
        """How often parts were started again in this run of ``tappa up``."""
        run = runfile.read(self.data / "run.json")
        return sum(part.restarts for part in run.parts.values()) if run else 0

    def url(self, part: str) -> str:
        """Where ``part`` listens; ``""`` while nobody knows."""
        run = runfile.read(self.data / "run.json")
        return run.parts[part].url if run and part in run.parts else ""

    def wait_until_visible(self, seconds: float) -> None:
        """Return once all that is accepted can be queried, and all that workers told each other because of it: they
        append what they have to say before they commit, so that a log without lag is quiet."""
        deadline = time.monotonic() + seconds
        while not self._is_at_rest():
            assert time.monotonic() < deadline, f"the workers do not come to rest:\n{self.said()}"
            time.sleep(0.05)

    def command(self, *arguments: str) -> str:
        """What a command of ``tappa`` prints; it must succeed."""
        answer = self.here(*arguments)
        assert answer.exit_code == 0, f"tappa {' '.join(arguments)}: {answer.output}\n{self.said()}"
        return answer.stdout

    def here(self, *arguments: str) -> Result:
        """A command of ``tappa``, run as ``typed`` does."""
        return typed(*arguments, "--data", str(self.data), **self.environment)

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of ``tappa`` in a process of its own, run to its end, whatever becomes of it."""
        return subprocess.run(
            [*TAPPA, *arguments, "--data", str(self.data)],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=300,
            check=False,
        )

    def query(self, sql: str, **parameters: str) -> bytes:
        """What ClickHouse answers to the analyst."""
        store = self._store = self._store or store_settings(self.data, self._settings())
        answer = httpx.post(
            self.url("store"),
            params={
                "database": store.database,
                "output_format_json_quote_64bit_integers": "0",
                **{f"param_{name}": parameter for name, parameter in parameters.items()},
            },
            content=sql.encode(),
            headers={
                "X-ClickHouse-User": store.analyst,
                "X-ClickHouse-Key": store.analyst_password.get_secret_value(),
            },
            timeout=120,
        )
        assert answer.status_code == 200, answer.text
        return answer.content

    def rows(self, sql: str, **parameters: str) -> list[dict[str, Any]]:
        """The rows of the answer, as ClickHouse writes them in JSON."""
        lines = self.query(f"{sql} FORMAT JSONEachRow", **parameters).splitlines()
        return [json.loads(line) for line in lines]

    def metrics(self, part: str) -> dict[str, float]:
        """The numbers of ``/metrics``, by name and labels as written there."""
        text = httpx.get(f"{self.url(part)}/metrics", timeout=30).text
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def said(self) -> str:
        """The last that it said, with its parts' own logs."""
        logs = [self._output, *sorted((self.data / "logs").glob("*.log"))]
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs if log.exists())

    def _is_at_rest(self) -> bool:
        try:
            status = log_status(self.data / "log", self._settings().log)
        except LogError:  # the brokers are away
            return False
        return status is None or not (status.lag.messages or status.earlier)

    def _settings(self) -> Settings:
        return read(self.data, self.environment)

    def _told(self, part: str, what: signal.Signals) -> bool:
        try:
            os.kill(self.pids()[part], what)
        except (KeyError, ProcessLookupError):
            return False
        return True

    def _is_ready(self) -> bool:
        run = runfile.read(self.data / "run.json")
        assert self._process is not None
        return run is not None and run.pid == self._process.pid and run.ready
