"""What the log's file says about itself: the topic, and how far heads, workers and ends are."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

from stream.log.interface import Lag, LogUnavailableError
from stream.log.message import FORMAT_VERSION

APPLICATION_ID: Final = 0x74_61_70_70
"""``tapp``, in the header of the file."""


class Edge(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A place in a partition: an offset, and how many messages and bytes were ever appended before it."""

    offset: int = 0
    messages: int = 0
    bytes: int = 0


class Marks(msgspec.Struct, frozen=True):
    """Three places in each partition: where it begins, how far the workers are, where it ends."""

    heads: list[Edge]
    positions: list[Edge]
    ends: list[Edge]

    @property
    def backlog_bytes(self) -> int:
        """Bytes that no worker has committed."""
        return sum(max(0, end.bytes - at.bytes) for end, at in zip(self.ends, self.positions, strict=True))

    @property
    def held_bytes(self) -> int:
        """Bytes of all records that are there."""
        return sum(end.bytes - head.bytes for end, head in zip(self.ends, self.heads, strict=True))


class Topic(msgspec.Struct, frozen=True):
    """What was fixed when the log was made."""

    topic_id: str
    epoch: int
    partitions: int


_edges = msgspec.json.Decoder(list[Edge])


def read_marks(connection: sqlite3.Connection) -> Marks:
    """The places, of one moment."""
    heads, positions, ends = connection.execute("SELECT heads, positions, ends FROM marks").fetchone()
    return Marks(_edges.decode(heads), _edges.decode(positions), _edges.decode(ends))


def read_topic(connection: sqlite3.Connection, directory: Path) -> Topic:
    """What was fixed when the log was made; refuses a file that is no log, or a newer one."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise LogUnavailableError(
            f"the file in {directory} is not a log of Tappa's: move it away, or name another data directory"
        )
    if version != FORMAT_VERSION:
        raise LogUnavailableError(
            f"the log in {directory} has format {version}, this Tappa reads format {FORMAT_VERSION}:"
            " run the version of Tappa that wrote it"
        )
    return Topic(*connection.execute("SELECT topic_id, epoch, partitions FROM topic").fetchone())


def lag(connection: sqlite3.Connection, marks: Marks, partitions: Collection[int] | None = None) -> Lag:
    """What lies after the committed positions, of these partitions or of all, without reading a frame."""
    asked = range(len(marks.ends)) if partitions is None else partitions
    behind = [
        (partition, marks.positions[partition], marks.ends[partition])
        for partition in asked
        if marks.positions[partition].offset < marks.ends[partition].offset
    ]
    oldest = [
        connection.execute(
            'SELECT appended_at FROM records WHERE partition = ? AND "offset" >= ? ORDER BY "offset" LIMIT 1',
            (partition, at.offset),
        ).fetchone()
        for partition, at, _ in behind
    ]
    return Lag(
        messages=sum(end.messages - at.messages for _, at, end in behind),
        bytes=sum(end.bytes - at.bytes for _, at, end in behind),
        oldest_appended_at=min((row[0] for row in oldest), default=None),
    )
