"""The embedded log's file, as one connection sees it: blocking, one thread at a time.

The file is a SQLite database in WAL mode with ``synchronous=FULL``: what is committed has been fsynced. Several
processes use it at once. Whoever writes holds an ``flock`` on a file beside it from the beginning of the transaction
until the checkpoint that may follow it, because SQLite before 3.51.3 can lose commits when one connection writes while
another checkpoints (https://sqlite.org/wal.html#the_wal_reset_bug).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import merge
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

from stream.log.grouping import NewRecord
from stream.log.interface import Lag, LogUnavailableError, Record
from stream.log.marks import APPLICATION_ID, Edge, Marks, Topic, lag, read_marks, read_topic
from stream.log.message import FORMAT_VERSION
from stream.log.sqlite_errors import explained
from stream.settings import LogSettings

FILE_NAME: Final = "log.sqlite"
LOCK_NAME: Final = "log.lock"
PAGE_BYTES: Final = 4096
"""Small appends write few bytes (docs/decisions/embedded-log.md)."""
LOCK_POLL_S: Final = 0.0005
TRIM_RECORDS: Final = 500
"""Records that are dropped in one transaction, so that appends wait little for it."""

SCHEMA: Final = """
CREATE TABLE topic (topic_id TEXT NOT NULL, epoch INTEGER NOT NULL, partitions INTEGER NOT NULL);
CREATE TABLE marks (heads TEXT NOT NULL, positions TEXT NOT NULL, ends TEXT NOT NULL);
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, appended_at INTEGER NOT NULL,
    count INTEGER NOT NULL, messages_before INTEGER NOT NULL, bytes_before INTEGER NOT NULL, frame BLOB NOT NULL
);
CREATE UNIQUE INDEX records_by_offset ON records (partition, "offset");
"""
"""Records lie in the order in which they came, whatever their partition: an append writes the end of one tree."""

NEW_COLUMNS: Final = 'partition, "offset", appended_at, count, messages_before, bytes_before, frame'


class LogFile:
    """A connection to the log in ``directory``. Every method raises ``LogError`` and nothing else of the file's."""

    def __init__(self, directory: Path, settings: LogSettings) -> None:
        self._directory = directory
        self._settings = settings
        with explained(directory, settings):
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._connection = self._connect()
                with self._locked():
                    self.topic = self._create() if self._is_new() else read_topic(self._connection, directory)
                self._check_partitions()
            except BaseException:
                os.close(self._lock)
                raise

    def close(self) -> None:
        """Let go of the file."""
        with explained(self._directory, self._settings), self._locked():
            self._connection.close()
        os.close(self._lock)

    def append(self, records: Sequence[NewRecord], appended_at: int) -> None:
        """Write the records, all or none; on return they are on disk. To be called in ``writing``."""
        ends = self.marks().ends
        values: list[int | bytes] = []
        for record in records:
            end = ends[record.partition]
            values += (record.partition, end.offset, appended_at, record.count, end.messages, end.bytes, record.frame)
            ends[record.partition] = Edge(end.offset + 1, end.messages + record.count, end.bytes + len(record.frame))
        # One statement for many rows: each execute hands the interpreter's lock over, and may wait to get it back.
        for start in range(0, len(values), 7 * 64):
            some = values[start : start + 7 * 64]
            rows = ",".join(["(?,?,?,?,?,?,?)"] * (len(some) // 7))
            self._connection.execute(
                f"INSERT INTO records ({NEW_COLUMNS}) VALUES {rows}",  # noqa: S608 (question marks only)
                some,
            )
        self._connection.execute("UPDATE marks SET ends = ?", (msgspec.json.encode(ends).decode(),))

    def marks(self) -> Marks:
        """The places, of one moment."""
        return read_marks(self._connection)

    def commit(self, positions: Mapping[int, int]) -> None:
        """Store the workers' positions; to be called in ``writing``."""
        marks = self.marks()
        for partition, offset in positions.items():
            marks.positions[partition] = self._edge(marks, partition, offset)
        self._store("positions", marks.positions)

    def trim(self, *, older_than: int, keep_bytes: int) -> int:
        """Drop some committed records, oldest first, that were appended before ``older_than`` or stand over
        ``keep_bytes``; returns how many went: 0 when there are none left to drop. To be called in ``writing``."""
        marks = self.marks()
        held, gone = marks.held_bytes, list[int]()
        committed = sum(max(0, at.offset - head.offset) for at, head in zip(marks.positions, marks.heads, strict=True))
        rows = self._connection.execute(
            'SELECT sequence, partition, "offset", appended_at, count, length(frame) FROM records ORDER BY sequence'
        )
        for sequence, partition, offset, appended_at, count, size in rows:
            retained = appended_at >= older_than and held <= keep_bytes
            if retained or len(gone) == min(TRIM_RECORDS, committed):
                break
            if offset < marks.positions[partition].offset:
                gone.append(sequence)
                held -= size
                head = marks.heads[partition]
                marks.heads[partition] = Edge(offset + 1, head.messages + count, head.bytes + size)
        rows.close()
        if gone:
            self._connection.executemany("DELETE FROM records WHERE sequence = ?", [(sequence,) for sequence in gone])
            self._store("heads", marks.heads)
        return len(gone)

    def read(self, positions: Mapping[int, int], *, messages_max: int) -> list[Record]:
        """Records from ``positions`` on, those that came first, until there are ``messages_max`` messages."""
        with self._reading():
            ends = self.marks().ends
            behind = [partition for partition, at in positions.items() if at < ends[partition].offset]
            cursors = [self._from(partition, positions[partition]) for partition in behind]
            found: list[Record] = []
            messages, size = 0, 0
            for _, partition, offset, appended_at, count, frame in merge(*cursors):
                found.append(
                    Record(partition=partition, offset=offset, appended_at=appended_at, count=count, frame=frame)
                )
                messages += count
                size += len(frame)
                if messages >= messages_max or size >= self._settings.read_bytes_max:
                    break
            for cursor in cursors:
                cursor.close()
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def version(self) -> int:
        """A number that changes when another connection has committed something."""
        with explained(self._directory, self._settings):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def snapshot(self) -> Marks:
        """The places, for those who only look."""
        with self._reading():
            return self.marks()

    def since(self, time_ms: int) -> dict[int, int]:
        """The first offset of each partition that was appended at this time or later; its end where there is none."""
        with self._reading():
            ends = {partition: edge.offset for partition, edge in enumerate(self.marks().ends)}
            found = self._connection.execute(
                'SELECT partition, min("offset") FROM records WHERE appended_at >= ? GROUP BY partition', (time_ms,)
            )
            return ends | dict(found.fetchall())

    def lag(self, partitions: Collection[int] | None = None) -> Lag:
        """What lies after the committed positions, of these partitions or of all."""
        with self._reading():
            return lag(self._connection, self.marks(), partitions)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all or nothing, on disk at the end, nobody else writes meanwhile."""
        with explained(self._directory, self._settings), self._locked(), self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """One moment of the log."""
        with explained(self._directory, self._settings), self._transaction("BEGIN"):
            yield

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._connection.execute(begin)
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else writes or checkpoints. The kernel gives it up when the process dies."""
        deadline = time.monotonic() + self._settings.lock_timeout_s
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOCK_POLL_S)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._directory / FILE_NAME,
            timeout=self._settings.lock_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute(f"PRAGMA wal_autocheckpoint = {self._settings.checkpoint_bytes // PAGE_BYTES}")
        connection.execute(f"PRAGMA journal_size_limit = {4 * self._settings.checkpoint_bytes}")
        return connection

    def _is_new(self) -> bool:
        return self._connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None

    def _create(self) -> Topic:
        topic = Topic(uuid4().hex, 1, self._settings.partitions)
        none = msgspec.json.encode([Edge()] * topic.partitions).decode()
        execute = self._connection.execute
        execute(f"PRAGMA page_size = {PAGE_BYTES}")
        execute("PRAGMA journal_mode = WAL")
        with self._transaction("BEGIN IMMEDIATE"):
            for statement in SCHEMA.split(";"):
                execute(statement)
            execute("INSERT INTO topic VALUES (?, ?, ?)", msgspec.structs.astuple(topic))
            execute("INSERT INTO marks VALUES (?, ?, ?)", (none, none, none))
            execute(f"PRAGMA application_id = {APPLICATION_ID}")
            execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        return topic

    def _check_partitions(self) -> None:
        if self.topic.partitions != self._settings.partitions:
            raise LogUnavailableError(
                f"the log in {self._directory} has {self.topic.partitions} partitions, the settings say"
                f" {self._settings.partitions}: the number is fixed once a log exists;"
                f" set log.partitions = {self.topic.partitions}"
            )

    def _edge(self, marks: Marks, partition: int, offset: int) -> Edge:
        head, end = marks.heads[partition], marks.ends[partition]
        if not head.offset <= offset < end.offset:
            nearest = head if offset < head.offset else end
            return Edge(offset, nearest.messages, nearest.bytes)
        messages, size = self._connection.execute(
            'SELECT messages_before, bytes_before FROM records WHERE partition = ? AND "offset" = ?',
            (partition, offset),
        ).fetchone()
        return Edge(offset, messages, size)

    def _from(self, partition: int, offset: int) -> sqlite3.Cursor:
        return self._connection.execute(
            'SELECT sequence, partition, "offset", appended_at, count, frame FROM records'
            ' WHERE partition = ? AND "offset" >= ? ORDER BY "offset"',
            (partition, offset),
        )

    def _store(self, column: str, edges: list[Edge]) -> None:
        self._connection.execute(f"UPDATE marks SET {column} = ?", (msgspec.json.encode(edges).decode(),))  # noqa: S608
