"""The journal of imports: how far each file is sent, and what has been sent. A SQLite file in the data directory.

What a parcel did to the counts, to the set of what was sent and to the position is one transaction, made after ingest's
200. So a kill loses nothing but the answer: the parcel is sent again, ingest takes it as copies, and it is counted
once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final, Self

import msgspec

from ingest.files.outcome import Item, Problem

FILE = "imports.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS imports (
    import_id TEXT PRIMARY KEY, file TEXT, source TEXT, started_at TEXT, finished_at TEXT, position INTEGER,
    accepted INTEGER, duplicate INTEGER, rejected INTEGER, skipped INTEGER, differing INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (identity BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS problems (
    import_id TEXT, line INTEGER, code TEXT, reason TEXT, text TEXT, PRIMARY KEY (import_id, line, code)
) WITHOUT ROWID;
"""


class ImportRunningError(RuntimeError):
    """Another process imports into this data directory."""


class Progress(msgspec.Struct, kw_only=True):
    """How far an import is."""

    import_id: str
    file: str
    source: str
    started_at: str
    finished_at: str = ""
    position: int = 0
    """Outcomes of the file that are done with."""
    accepted: int = 0
    """Touchpoints that ingest took and no import had sent before."""
    duplicate: int = 0
    """Taken, too, but copies of what this file, or one imported before, had already brought."""
    rejected: int = 0
    """Refused by ingest, or so broken that nothing could be sent."""
    skipped: int = 0
    """Rows that the mapping leaves out."""
    differing: int = 0
    """Of the duplicates: copies that say something else than the first."""


_NAMES: Final = ", ".join(Progress.__struct_fields__)


class Kept:
    """What the journal of a data directory says, to be read while an import runs as well as after it."""

    def __init__(self, folder: Path) -> None:
        file = folder / "imports.sqlite"
        self._db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True) if file.exists() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._db is not None:
            self._db.close()

    def imports(self, begins: str = "") -> list[Progress]:
        """Those whose id begins so, the newest first."""
        if self._db is None:
            return []
        rows = self._db.execute(
            f"SELECT {_NAMES} FROM imports WHERE substr(import_id, 1, ?) = ? ORDER BY started_at DESC, import_id",  # noqa: S608
            (len(begins), begins),
        )
        return [_progress(row) for row in rows]

    def problems(self, import_id: str, limit: int) -> Sequence[Problem]:
        """The first of an import's bad lines."""
        return _problems(self._db, import_id, limit) if self._db is not None else []


class Journal:
    """Open for one import at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            flock(self._lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ImportRunningError(f"another `tappa import` runs on {folder.parent}: wait until it ends") from None
        self._db = sqlite3.connect(folder / FILE, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._lock.close()

    def begin(self, fresh: Progress, *, again: bool) -> Progress:
        """The import of this id as it was left, or ``fresh``. With ``again`` it starts at the beginning; its
        ``started_at`` stays."""
        row = self._db.execute(f"SELECT {_NAMES} FROM imports WHERE import_id = ?", (fresh.import_id,)).fetchone()  # noqa: S608
        progress = _progress(row) if row else fresh
        if again:
            progress = msgspec.structs.replace(fresh, started_at=progress.started_at)
            self._db.execute("DELETE FROM problems WHERE import_id = ?", (fresh.import_id,))
        self.keep(progress)
        return progress

    @contextmanager
    def step(self, progress: Progress) -> Iterator[None]:
        """All that is written inside, and ``progress``, at once."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.keep(progress)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def keep(self, progress: Progress) -> None:
        """Replace what is known of an import."""
        values = msgspec.structs.astuple(progress)
        marks = ", ".join("?" * len(values))
        self._db.execute(f"INSERT OR REPLACE INTO imports ({_NAMES}) VALUES ({marks})", values)  # noqa: S608

    def first_time(self, item: Item) -> bool | None:
        """Notes that an item was sent. True when nothing of its identity had been; None when what had been says
        something else."""
        new = self._db.execute("INSERT OR IGNORE INTO sent VALUES (?, ?)", (item.identity, item.content)).rowcount == 1
        if new:
            return True
        (content,) = self._db.execute("SELECT content FROM sent WHERE identity = ?", (item.identity,)).fetchone()
        return False if content == item.content else None

    def note(self, import_id: str, problems: Iterable[Problem]) -> None:
        """Remember lines that could not be taken."""
        rows = [(import_id, problem.line, problem.code, problem.reason, problem.text) for problem in problems]
        self._db.executemany("INSERT OR REPLACE INTO problems VALUES (?, ?, ?, ?, ?)", rows)

    def problems(self, import_id: str, limit: int) -> Sequence[Problem]:
        """The first of an import's bad lines."""
        return _problems(self._db, import_id, limit)


def _progress(row: Sequence[object]) -> Progress:
    return msgspec.convert(dict(zip(Progress.__struct_fields__, row, strict=True)), Progress)


def _problems(db: sqlite3.Connection, import_id: str, limit: int) -> Sequence[Problem]:
    rows = db.execute(
        "SELECT line, code, reason, text FROM problems WHERE import_id = ? ORDER BY line LIMIT ?", (import_id, limit)
    )
    return [Problem(line=line, code=code, reason=reason, text=text) for line, code, reason, text in rows]
