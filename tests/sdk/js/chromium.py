"""The browser of the tests: Debian's Chromium."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from tests.installing import INSTALL_S_MAX, run

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
LINE: Final = "apt-get install -y --no-install-recommends chromium"


def chromium() -> str:
    """Its path. It is installed where that is allowed; otherwise the failure names the line to type."""
    with (Path(tempfile.gettempdir()) / "tappa-tests-chromium.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if _found() is None and os.geteuid() == 0 and shutil.which("apt-get"):
            run(("apt-get", "update", "-qq"), Path.cwd(), INSTALL_S_MAX)
            run(tuple(LINE.split()), Path.cwd(), INSTALL_S_MAX)
    found = _found()
    assert found is not None, f"these tests need Chromium; install it with: sudo {LINE}"
    return found


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
