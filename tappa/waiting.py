"""Waiting until what is in the log can be queried."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stream.log.interface import LogStatus
from stream.log.opening import log_status
from stream.settings import LogSettings

LOOK_INTERVAL_S: Final = 0.1
"""Between two looks at the log."""
REPORT_INTERVAL_S: Final = 2.0
"""Between two words on how far it is."""
ROUNDS: Final = 4
"""A touchpoint is followed by ``met`` at most, that by ``changed``, that by ``refold``; each is in the log before what
it follows from is committed."""


def worked_off(
    directory: Path, settings: LogSettings, wait_s: float, report: Callable[[int], None] | None = None
) -> bool:
    """Whether everything that is in the log now was worked off within ``wait_s``. ``report`` is told now and then how
    many messages are left. Raises ``LogError``."""
    began = reported = time.monotonic()
    first = log = log_status(directory, settings)
    while first and log and (log.earlier or _is_behind(log, first)):
        now = time.monotonic()
        if now - began >= wait_s:
            return False
        if report and now - reported >= REPORT_INTERVAL_S:
            reported = now
            report(log.lag.messages + log.earlier)
        time.sleep(LOOK_INTERVAL_S)
        log = log_status(directory, settings)
    return True


def _is_behind(log: LogStatus, goal: LogStatus) -> bool:
    """Where the log has gone on to another topic meanwhile, what counts lies in those before."""
    return log.topic_id == goal.topic_id and any(log.positions[at] < end for at, end in goal.ends.items())


def followed_up(
    directory: Path, settings: LogSettings, wait_s: float, report: Callable[[int], None] | None = None
) -> bool:
    """Whether everything that is in the log now, and all that workers told each other because of it, was worked off
    within ``wait_s``. Raises ``LogError``."""
    deadline = time.monotonic() + wait_s
    return all(worked_off(directory, settings, max(0.0, deadline - time.monotonic()), report) for _ in range(ROUNDS))
