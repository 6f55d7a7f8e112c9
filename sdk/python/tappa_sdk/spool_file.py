"""One file of the spool: SQLite, written by one process."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from tappa_sdk.buffer import Batch, fitting
from tappa_sdk.errors import SpoolError
from tappa_sdk.item import Item

_SCHEMA = """CREATE TABLE IF NOT EXISTS items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, message_id TEXT NOT NULL, body BLOB NOT NULL)"""
_BUSY_S = 30.0
_FORGOTTEN: list[sqlite3.Connection] = []
"""Of the parent process. A child must neither use nor close them: SQLite's locks are a process's."""


class _Group:
    """Items of several threads that one of them commits together."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.done = False
        self.error: sqlite3.Error | None = None


class SpoolFile:
    """Whoever makes it must own the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._joining = Lock()
        self._writing = Lock()
        self._reading = Lock()
        self._group = _Group()
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # what is in it is nobody else's business
            self._writer = _connect(path, "FULL")
            self._writer.execute(_SCHEMA)
            self.last = int(self._writer.execute("SELECT coalesce(max(seq), 0) FROM items").fetchone()[0])
            """Number of the newest item that was ever in it."""
            self._reader = _connect(path, "NORMAL")  # a removal that a power cut undoes is sent again, and counts once
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(f"{path} cannot be opened: {error}") from error

    def append(self, items: Sequence[Item]) -> None:
        """Return once they are on disk (WAL, ``synchronous=FULL``). Threads that come together share one commit. Raises
        ``SpoolError``; then none of them is."""
        with self._joining:
            group = self._group
            group.items += items
        with self._writing:
            if not group.done:
                with self._joining:
                    self._group = _Group()
                self._commit(group)
        if group.error is not None:
            raise SpoolError(f"{self.path} cannot be written: {group.error}") from group.error

    def head(self, items_max: int, bytes_max: int) -> Batch | None:
        """The oldest items, all of one endpoint."""
        rows = self._read(
            "SELECT seq, endpoint, message_id, body FROM items WHERE endpoint = "
            "(SELECT endpoint FROM items ORDER BY seq LIMIT 1) ORDER BY seq LIMIT ?",
            items_max,
        )
        if not rows:
            return None
        items = [Item(endpoint, message_id, body) for _, endpoint, message_id, body in rows]
        count = fitting(items, bytes_max)
        return Batch(items[0].endpoint, items[:count], [row[0] for row in rows[:count]], str(self.path))

    def remove(self, keys: Sequence[int]) -> None:
        """They are done with."""
        with self._reading:
            self._reader.execute("BEGIN IMMEDIATE")
            self._reader.executemany("DELETE FROM items WHERE seq = ?", [(key,) for key in keys])
            self._reader.execute("COMMIT")

    def oldest(self) -> int:
        """Number of the oldest item; 0: there is none."""
        return int(self._read("SELECT coalesce(min(seq), 0) FROM items")[0][0])

    def size(self) -> int:
        """Bytes that its items take."""
        (pages,), (free,), (page_bytes,) = (
            self._read(f"PRAGMA {name}")[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * page_bytes)

    def close(self) -> bool:
        """Close; whether the file was empty, and is gone. Who appends from now on gets a ``SpoolError``."""
        self.hold()
        try:
            try:
                empty = not self._reader.execute("SELECT count(*) FROM (SELECT 1 FROM items LIMIT 1)").fetchone()[0]
            except sqlite3.Error:
                empty = False
            self._reader.close()
            self._writer.close()
            if empty:
                for end in ("", "-wal", "-shm"):
                    Path(f"{self.path}{end}").unlink(missing_ok=True)
        finally:
            self.let_go()
        return empty

    def hold(self) -> None:
        """No thread is in the middle of anything, until ``let_go``."""
        self._writing.acquire()
        self._joining.acquire()
        self._reading.acquire()

    def let_go(self) -> None:
        """Go on."""
        self._reading.release()
        self._joining.release()
        self._writing.release()

    def forget(self) -> None:
        """In a child process: it is the parent's."""
        _FORGOTTEN.extend((self._reader, self._writer))

    def _commit(self, group: _Group) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.executemany("INSERT INTO items (endpoint, message_id, body) VALUES (?, ?, ?)", group.items)
                last = self._writer.execute("SELECT last_insert_rowid()").fetchone()[0]
                self._writer.execute("COMMIT")
            except sqlite3.Error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            self.last = int(last)
        except sqlite3.Error as error:
            group.error = error
        group.done = True

    def _read(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._reader.execute(sql, parameters).fetchall()


def count(path: Path) -> tuple[int, int]:
    """Items in a file that somebody may be working with, and their bytes. Raises ``SpoolError``."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
        try:
            found = connection.execute("SELECT count(*), coalesce(sum(length(body)), 0) FROM items").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise SpoolError(f"{path} cannot be read: {error}") from error
    return int(found[0]), int(found[1])


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(str(path), timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection
