"""``tappa import`` of one file, in a process of its own: what kills that leaves the watcher alive."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Event
from typing import Final

import msgspec

from tappa.imports.formats import TABLES, format_of
from tappa.watching.report import Imported, judged

LOOK_EVERY_S: Final = 0.2
STOP_WITHIN_S: Final = 15.0
"""A parcel that ingest is slow to take is waited for. One that is not answered then is sent again by the next one."""
REASON_CHARS_MAX: Final = 2_000
AGAIN: Final = frozenset({"undelivered", "busy"})
"""Errors that are not the file's."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Which files a mapping is for."""

    pattern: str
    """Of file names; empty for all whose format the mapping is about."""
    mapping: Path
    poslog: bool
    """Whether it is for POSLog; else for tables."""

    def fits(self, name: str) -> bool:
        """Whether it is for a file of this name."""
        if self.pattern:
            return fnmatchcase(name, self.pattern)
        form = format_of(Path(name))
        return form == "poslog" if self.poslog else form is None or form in TABLES


class Importer:
    """Imports files one after the other, into the installation of a data directory."""

    def __init__(self, *, data: Path, source: str, rules: Sequence[Rule], form: str | None, stop: Event) -> None:
        self.source = source
        self._data = data
        self._rules = rules
        self._form = form
        self._stop = stop

    def mapping_for(self, name: str) -> Path | None:
        """The first that fits."""
        return next((rule.mapping for rule in self._rules if rule.fits(name)), None)

    def run(self, file: Path) -> Imported:
        """Import it, from where an earlier try came to. When told to stop it finishes what is on its way."""
        command = [sys.executable, "-m", "tappa", "import", str(file), "--source", self.source, "--json"]
        command += ["--data", str(self._data)]
        mapping = self.mapping_for(file.name)
        if mapping is not None:
            command += ["--mapping", str(mapping)]
        elif self._form is not None:
            command += ["--format", self._form]
        began_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
            # In a session of its own: Ctrl-C is for the watcher, who tells it.
            process = subprocess.Popen(  # noqa: S603 - ourselves
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=complained, start_new_session=True
            )
            try:
                self._wait(process)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            said.seek(0)
            complained.seek(0)
            return self._heard(process.returncode, said.read(), complained.read(), began_at)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if self._stop.wait(LOOK_EVERY_S):
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_WITHIN_S)
                return

    def _heard(self, code: int, said: bytes, complained: bytes, began_at: str) -> Imported:
        try:
            told = msgspec.json.decode(said) if said else {}
        except msgspec.DecodeError:
            told = {}
        if code == 0 and "accepted" in told:
            return judged(told, began_at)
        reason = complained.decode("utf-8", "replace").rpartition("Error: ")[2].strip()[-REASON_CHARS_MAX:]
        if told.get("error") in AGAIN:
            return Imported(outcome="again", reason=reason)
        if self._stop.is_set() or told.get("error") == "stopped":
            return Imported(outcome="stopped", reason=reason)
        if code < 0 or code > 2:
            return Imported(outcome="crashed", reason=f"the import ended with {code}: {reason}")
        return Imported(outcome="failed", reason=reason)
