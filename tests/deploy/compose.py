"""The compose file as processes of this machine: the same commands and the same variables, other addresses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

COMPOSE: Final = Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml"
STOP_S_MAX: Final = 20.0


def services() -> dict[str, dict[str, Any]]:
    """As compose reads them, with the defaults of the variables that nobody has set."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", COMPOSE.read_text())
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    return found


def here(environment: Mapping[str, str], addresses: Mapping[str, str]) -> dict[str, str]:
    """The variables of a service, with the addresses of this machine in place of the network's."""
    moved = dict(environment)
    for name, value in moved.items():
        for theirs, ours in addresses.items():
            if value == theirs:
                moved[name] = ours
    return moved


class Process:
    """``tappa`` with this command and these settings, and no others; its data in ``data``."""

    def __init__(self, command: list[str], settings: Mapping[str, str], data: Path) -> None:
        data.mkdir(parents=True)
        self._said = data / "said.log"
        others = {name: value for name, value in os.environ.items() if not name.startswith("TAPPA_")}
        with self._said.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tappa", *command],
                env={**others, "TAPPA_DATA": str(data), **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        """What it wrote so far."""
        return self._said.read_text(errors="replace")

    def stop(self) -> int:
        """Ask it to stop, and wait; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
