"""What tests need of npm and Maven, and running what they bring."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

INSTALL_S_MAX: Final = 300.0


def install(command: Sequence[str], folder: Path, wanted: str, installed: str) -> None:
    """What the file ``wanted`` names, unless ``installed`` says that it is there. Tests run in several processes:
    whoever comes second waits."""
    there = folder / installed
    with (folder / wanted).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not there.exists() or there.stat().st_mtime < (folder / wanted).stat().st_mtime:
            run(command, folder, INSTALL_S_MAX)
            there.touch()


def run(command: Sequence[str], folder: Path, seconds_max: float) -> str:
    """What the command wrote; it has to succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds_max)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
    return done.stdout
