"""What the sample shop sends: one message or receipt with the moment at which it reaches ingest."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final, NamedTuple

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

Body = dict[str, Any]


class Touch(NamedTuple):
    """One sending. Sorted by arrival; ``number`` tells those of one millisecond apart."""

    arrives: int
    """Milliseconds since the shop's first midnight, like all times here."""
    number: int
    receipt: bool
    """A receipt of the tills; else a message in Segment's form."""
    copied_after: int
    """Of a copy: how long after the original it arrives; the original's number is one less. Otherwise 0."""
    body: Body


class Calendar:
    """Turns the shop's own time into dates. The only place that knows them, so that dates change nothing else."""

    def __init__(self, first_day: date) -> None:
        self._first_day = first_day
        self._days: dict[int, str] = {}

    def timestamp(self, at: int) -> str:
        """``2026-11-21T10:15:00.123Z``"""
        seconds, ms = divmod(at % DAY, SECOND)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        return f"{self.day(at)}T{hour:02d}:{minute:02d}:{second:02d}.{ms:03d}Z"

    def day(self, at: int) -> str:
        """``2026-11-21``"""
        day = at // DAY
        if day not in self._days:
            self._days[day] = (self._first_day + timedelta(days=day)).isoformat()
        return self._days[day]
