"""A real ingest process on a data directory of its own, for tests that send to it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import Result

from tests.typed import typed

WITHIN_S = 60.0


class Installation:
    """Where ``tappa`` commands find the running ingest."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.environment = {**os.environ, "TAPPA_DATA": str(data), "TAPPA_INGEST__PORT": str(self.port)}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "tappa", *words]

    def tappa(self, *words: str) -> Result:
        """What comes of a command."""
        return typed(*words, **self.environment)

    def imported(self, file: Path, *words: str) -> dict[str, Any]:
        """What ``tappa import --json`` says."""
        done = self.tappa("import", str(file), "--json", *words)
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def accepted(self, source: str) -> int:
        """How many items of a source ingest has taken, copies included."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        wanted = f'tappa_ingest_accepted_total{{source="{source}"'
        return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(wanted))

    @contextmanager
    def ingest(self) -> Iterator[subprocess.Popen[bytes]]:
        """Runs until the end of the block."""
        process = subprocess.Popen(self.command("ingest"), env=self.environment, stderr=subprocess.DEVNULL)
        try:
            self._wait(process)
            yield process
        finally:
            process.terminate()
            process.wait(20)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while process.poll() is None and time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz").close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"ingest does not start: {process.poll()}")


def installed(data: Path) -> Installation:
    """A data directory as ``tappa up`` leaves it, as far as sending needs it."""
    data.mkdir(parents=True, exist_ok=True)
    (data / "tappa.toml").write_text('[[sources]]\nname = "default"\nwrite_keys = ["first-write-key"]\n')
    return Installation(data)
