"""The log: what ingest appends to and workers read from. The embedded one is SQLite, production's is Kafka.

Semantics are Kafka's. A partition is a sequence of records at offsets 0, 1, 2 …; each record is one frame of messages
(``stream.log.message``). A position is the offset of the next record to read. A commit stores positions and fences
nobody: a stale one may succeed, and nothing may rely on it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One frame where it lies."""

    partition: int
    offset: int
    appended_at: int
    """Milliseconds since 1970 UTC."""
    count: int
    """Messages in the frame."""
    frame: bytes


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader still has before it."""

    messages: int
    bytes: int
    oldest_appended_at: int | None
    """Of the first record not yet read; None when there is none."""


class LogStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a log stands."""

    topic_id: str
    epoch: int
    partitions: int
    positions: dict[int, int]
    ends: dict[int, int]
    lag: Lag
    file_bytes: int
    """Of the embedded log."""
    earlier: int = 0
    """Messages in the topics that this one follows which are not worked off yet."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What of the log's topics is in a store, to find the one to go on with."""

    seen: frozenset[str]
    """The ids of those that it has positions of."""
    used_up: frozenset[str] = frozenset()
    """Of those that have nothing more for it."""


class LogError(Exception):
    """The log did not do it; the message says why and what to do."""


class LogFullError(LogError):
    """The log holds all that it may, or its disk is full: try again later. As with any append that
    fails, the caller must take what became of it as unknown, and send it again."""


class LogUnavailableError(LogError):
    """The log cannot be reached or written (read-only directory, damaged file, broker away)."""


class LogReplacedError(Exception):
    """It is not the log any more that it was when it was opened: made anew, or without records that were read already.
    Nothing to wait for; whoever starts again finds out what to do. No ``LogError``."""


class LogUsedUpError(Exception):
    """All that is in this topic is worked off, and the log has gone on to another one: read that. No ``LogError``."""


class Log(Protocol):
    """An append-only log of ``partitions`` partitions. All methods may be called concurrently."""

    @property
    def topic_id(self) -> str:
        """Made once with the log: positions kept elsewhere are only good for the same id."""

    @property
    def epoch(self) -> int:
        """Goes before the offset in every version (DESIGN 3.1, rule 1)."""

    @property
    def partitions(self) -> int:
        """How many; they are numbered from 0."""

    @property
    def follows(self) -> str:
        """The id of the topic that this one was made to follow, with more partitions, and before which it is not read;
        empty for the first one, and where that one is no longer there."""

    async def append(self, messages: Mapping[int, Sequence[bytes]], *, internal: bool = False) -> None:
        """Append encoded messages to their partitions; on return they are on disk. Concurrent appends share one
        commit, and their messages for one partition share a frame, in order. Where the log has gone on to another
        topic, they go there, shared out among its partitions. Raises ``LogFullError`` when the backlog
        or the waiting appends are over their limits (never for ``internal`` messages, which workers send),
        ``LogUnavailableError`` otherwise."""

    async def read(self, positions: Mapping[int, int], *, messages_max: int, wait_s: float) -> list[Record]:
        """Records of the given partitions from their positions on, in offset order within each; at most about
        ``messages_max`` messages, at least one record if there is one; no partition waits for another's. Waits up to
        ``wait_s`` when there is nothing. A position before the head (trimmed) continues at the head; for one behind the
        end a log that can lose records raises ``LogReplacedError``."""

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Store the workers' positions durably."""

    async def positions(self) -> dict[int, int]:
        """The committed position of every partition, 0 where none was."""

    async def heads(self) -> dict[int, int]:
        """The first offset that is still there, of every partition."""

    async def ends(self) -> dict[int, int]:
        """The offset that the next append gets, of every partition."""

    async def since(self, time_ms: int) -> dict[int, int]:
        """The offset of the first record that was appended at this time (milliseconds since 1970 UTC) or later, of
        every partition; its end where there is none."""

    async def lag(self, partitions: Collection[int] | None = None) -> Lag:
        """What lies after the committed positions, of these partitions or of all. Raises ``LogReplacedError`` when it
        is noticed that the log was made anew."""

    async def trim(self, *, older_than_s: float, keep_bytes: int) -> int:
        """Drop committed records that are older than ``older_than_s``, and the oldest committed ones until at most
        ``keep_bytes`` remain; never one that is not committed. Returns how many went: none where brokers do it by
        themselves."""

    async def is_used_up(self, positions: Mapping[int, int]) -> bool:
        """Whether the log has gone on to another topic, and these partitions of this one have no record from these
        positions on, and never will."""

    async def close(self) -> None:
        """Finish the appends under way and let go of all resources."""
