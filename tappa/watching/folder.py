"""The watched folder: what appears in it, the one file that is taken, and where it goes.

A file is moved to ``taken`` before it is read, so that its name is free for the next one. What becomes of it is written
down there first and done then: after a crash at any instruction the next watcher does the rest.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import msgspec

from tappa.watching.report import Report
from tappa.watching.rest import Stamp, is_ready_name

TAKEN: Final = "taken"
DONE: Final = "done"
FAILED: Final = "failed"
REPORT: Final = ".report.json"
"""Behind the name of a file; the whole name in ``taken``, where no file's own name begins with a dot."""
REJECTED: Final = ".rejected.ndjson"
"""The same."""
PACKED: Final = (".gz", ".zst")
"""Of a name whose end has two parts."""


class Folder:
    """For one watcher at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken = path / TAKEN

    def prepare(self) -> None:
        """The folders in it are there, and what a watcher before has written down is done."""
        for name in (TAKEN, DONE, FAILED):
            (self.path / name).mkdir(exist_ok=True)
        report = self._taken / REPORT
        if report.exists():
            self._move(msgspec.json.decode(report.read_bytes(), type=Report))
        for left in (self._taken / REJECTED, self._taken / f"{REPORT}.tmp"):
            left.unlink(missing_ok=True)

    def stamps(self) -> dict[str, Stamp]:
        """The files that are there and may be looked at. Links are left alone: they may lead anywhere."""
        found: dict[str, Stamp] = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                try:
                    if is_ready_name(entry.name) and entry.is_file(follow_symlinks=False):
                        found[entry.name] = _stamp(entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue  # its sender took it away
        return found

    def take(self, name: str) -> Path:
        """The file is the watcher's. Raises ``FileNotFoundError`` when it has gone."""
        return (self.path / name).rename(self._taken / name)

    def taken(self) -> Path | None:
        """The file that was taken and whose end is not known."""
        return next((one for one in sorted(self._taken.iterdir()) if not one.name.startswith(".")), None)

    def stamp(self, taken: Path) -> Stamp:
        """Of the file that was taken."""
        return _stamp(taken.stat())

    def place_for(self, name: str, outcome: str) -> str:
        """Where a file of this name may go, below the folder: nothing that is there is overwritten."""
        path = Path(name)
        suffix = "".join(path.suffixes[-2:] if path.suffix in PACKED else path.suffixes[-1:])
        number, place = 1, f"{outcome}/{name}"
        while any((self.path / f"{place}{end}").exists() for end in ("", REPORT, REJECTED)):
            number += 1
            place = f"{outcome}/{name.removesuffix(suffix)}-{number}{suffix}"
        return place

    def close(self, report: Report, rejected: Path | None) -> None:
        """The file goes where the report says, and the report and the list of what was rejected beside it."""
        if rejected is not None:
            shutil.copyfile(rejected, self._taken / REJECTED)
        unfinished = self._taken / f"{REPORT}.tmp"
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
        unfinished.rename(self._taken / REPORT)
        self._move(report)

    def _move(self, report: Report) -> None:
        place = self.path / report.moved_to
        for here, there in (
            (report.file, place),
            (REJECTED, place.with_name(place.name + REJECTED)),
            (REPORT, place.with_name(place.name + REPORT)),
        ):
            if (self._taken / here).exists():
                (self._taken / here).rename(there)


def _stamp(stat: os.stat_result) -> Stamp:
    return Stamp(stat.st_ino, stat.st_size, stat.st_mtime_ns)
