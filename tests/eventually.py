"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

WAIT_S: Final = 60.0


def eventually(holds: Callable[[], bool]) -> None:
    """Return once it holds; fail when it does not within ``WAIT_S``."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
