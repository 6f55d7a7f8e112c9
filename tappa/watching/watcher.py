"""The loop of ``tappa watch``."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Final

from tappa.watching.folder import Folder
from tappa.watching.importer import Importer
from tappa.watching.report import Imported, Outcome, Report
from tappa.watching.rest import Rest

TRIES_MAX: Final = 3
"""How often a file may kill its import before it has failed."""


class Watcher:
    """Takes one file at a time, until told to stop."""

    def __init__(
        self,
        folder: Folder,
        importer: Importer,
        *,
        settle_s: float,
        every_s: float,
        stop: Event,
        tell: Callable[[Report], None],
        warn: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._importer = importer
        self._settle_s = settle_s
        self._every_s = every_s
        self._stop = stop
        self._tell = tell
        self._say = warn
        self._warned = ""
        self._rest = Rest(settle_s)
        self._tries: dict[str, int] = {}
        self.failed = 0
        """Files."""

    def once(self) -> bool:
        """Take what is there and does not change while it is looked at, and return whether all of it is done."""
        self._folder.prepare()
        if not self._finish_taken():
            return False
        self._rest.rested(self._folder.stamps(), time.monotonic())
        self._stop.wait(self._settle_s)
        stamps = self._folder.stamps()
        rested = self._rest.rested(stamps, time.monotonic())
        for name in rested:
            if self._stop.is_set() or not self._take(name):
                return False
        for name in stamps.keys() - set(rested):
            self._warn(f"{name} is still being written: left for the next time")
        return not self.failed and len(rested) == len(stamps)

    def run(self) -> None:
        """Take files as they appear, until told to stop."""
        while not self._stop.is_set():
            try:
                self._look()
            except OSError as error:  # the folder is on another machine, or somebody has taken a right away
                self._warn(str(error))
            self._stop.wait(self._every_s)

    def _look(self) -> None:
        self._folder.prepare()
        rested = self._rest.rested(self._folder.stamps(), time.monotonic())
        if self._finish_taken():
            for name in rested:
                if self._stop.is_set() or not self._take(name):
                    return

    def _take(self, name: str) -> bool:
        """Whether the file has come to its end."""
        try:
            self._folder.take(name)
        except FileNotFoundError:
            return True  # its sender took it away
        return self._finish_taken()

    def _finish_taken(self) -> bool:
        """Whether nothing is taken any more."""
        taken = self._folder.taken()
        if taken is None:
            return True
        before = self._folder.stamp(taken)
        found = self._importer.run(taken)
        if found.outcome == "crashed":
            tries = self._tries[taken.name] = self._tries.get(taken.name, 0) + 1
            if tries < TRIES_MAX:
                self._warn(f"{taken.name}: {found.reason}; once more")
                return False
        if found.outcome in ("again", "stopped"):
            if found.outcome == "again":
                self._warn(f"{taken.name}: {found.reason}")
            return False
        if self._folder.stamp(taken) != before:
            self._warn(f"{taken.name} was written to while it was read: it is read again")
            return False
        self._tries.pop(taken.name, None)
        self._close(taken, found)
        return True

    def _close(self, taken: Path, found: Imported) -> None:
        outcome: Outcome = "done" if found.outcome == "done" else "failed"
        self.failed += outcome == "failed"
        mapping = self._importer.mapping_for(taken.name)
        listed = (found.summary or {}).get("rejected_list")
        place = self._folder.place_for(taken.name, outcome)
        report = Report(
            file=taken.name,
            outcome=outcome,
            reason=found.reason,
            source=self._importer.source,
            mapping=mapping.name if mapping else None,
            bytes=taken.stat().st_size,
            ended_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            moved_to=place,
            rejected_list=f"{Path(place).name}.rejected.ndjson" if listed else None,
            summary=found.summary,
        )
        self._folder.close(report, Path(listed) if listed else None)
        self._tell(report)
        self._warned = ""

    def _warn(self, line: str) -> None:
        """Once, however often it is tried again."""
        if line != self._warned:
            self._say(line)
        self._warned = line
