"""A store process for tests: the real one, spawned, on a free port, with a directory of its own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from store.settings import EmbeddedStoreSettings, StoreSettings

START_S_MAX = 60.0
STOP_S_MAX = 10.0

_PROGRAM = """
import json, os, sys
from pathlib import Path
from store.embedded.server import run
from store.settings import StoreSettings
given = json.loads(sys.stdin.readline())
settings = StoreSettings.model_validate(given["settings"])
run(settings, Path(given["data"]), lambda port: os.write(1, b"%d\\n" % port))
"""


class RunningStore:
    """A store process over ``data``. Starts when entered, stops with SIGTERM when left."""

    def __init__(
        self,
        data: Path,
        embedded: EmbeddedStoreSettings | None = None,
        *,
        port: int = 0,
        analyst_password: str = "analyst-secret",
    ) -> None:
        self.data = data
        self._asked = StoreSettings(
            port=port,
            password=SecretStr("writer-secret"),
            analyst_password=SecretStr(analyst_password),
            embedded=embedded or EmbeddedStoreSettings(memory_bytes_max=1_000_000_000, fsync=False),
        )
        self.settings = self._asked
        """With the port that it listens on."""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers statements. Raises ``RuntimeError`` with what it wrote when it does not start."""
        secrets = {
            "password": self._asked.password.get_secret_value(),
            "analyst_password": self._asked.analyst_password.get_secret_value(),
        }
        given = {"settings": self._asked.model_dump(mode="json") | secrets, "data": str(self.data)}
        self.data.mkdir(parents=True, exist_ok=True)
        root = Path(__file__).resolve().parent.parent
        with (self.data / "store.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(root)},
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(given).encode() + b"\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], START_S_MAX)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.kill()
            raise RuntimeError(f"the store did not start:\n{self.log()[-3000:]}")
        self.settings = self._asked.model_copy(update={"port": int(line)})

    def stop(self) -> int:
        """Ask it to stop, and wait; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_S_MAX)
        self._forget()
        return code

    def kill(self) -> None:
        """Kill it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._forget()

    def log(self) -> str:
        """What it wrote to its log so far."""
        return (self.data / "store.log").read_text(errors="replace")

    def _forget(self) -> None:
        assert self.process is not None
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process is not None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def running_store(embedded: EmbeddedStoreSettings | None = None) -> Iterator[StoreSettings]:
    """Settings of a store process that lives as long as this context, in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="tappa-store-") as data, RunningStore(Path(data), embedded) as store:
        yield store.settings
