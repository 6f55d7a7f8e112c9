"""The SDK, built from its sources."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.installing import install, run

SDK: Final = Path(__file__).resolve().parents[3] / "sdk" / "js"
BUILD_S_MAX: Final = 120.0


def installed(folder: Path) -> Path:
    """What the lock file of ``folder`` names is in its ``node_modules``."""
    install(("npm", "ci", "--no-audit", "--no-fund"), folder, "package-lock.json", "node_modules/.package-lock.json")
    return folder


def build(into: Path) -> None:
    """``index.js`` and ``tappa.js`` into a folder of the caller's own: two who build at once do not meet."""
    run(("node", "build.mjs", "--out", str(into)), installed(SDK), BUILD_S_MAX)
