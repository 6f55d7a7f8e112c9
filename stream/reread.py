"""The log read once more, from somewhere up to where it ends now: a part at a time, positions left as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import msgspec

from stream.log.interface import Log, Record

Offsets = dict[int, int]


class OutOfReachError(RuntimeError):
    """The log does not go back so far. The message says how far it does."""


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """Where to begin: at a time, at an offset in every partition, or with what is there."""

    time_ms: int | None = None
    offset: int | None = None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read of one topic."""

    log: Log
    begin: Offsets
    end: Offsets

    @property
    def records(self) -> int:
        """How many that are."""
        return sum(max(0, end - self.begin[partition]) for partition, end in self.end.items())


async def spans(logs: Sequence[Log], since: Since) -> list[Span]:
    """What there is from ``since`` on; ``logs`` are the topics that the log has had, the earliest first. An offset is
    one of the last topic. Raises ``OutOfReachError`` when what was appended since may be gone, and ``LogError``."""
    found: list[Span] = []
    for log in logs if since.offset is None else logs[-1:]:
        heads, ends = await log.heads(), await log.ends()
        begin = heads
        if since.offset is not None:
            begin = {partition: min(since.offset, end) for partition, end in ends.items()}
            if short := [partition for partition, head in heads.items() if since.offset < head]:
                raise OutOfReachError(f"partition {short[0]} of the log begins at offset {heads[short[0]]}")
        elif since.time_ms is not None:
            begin = await log.since(since.time_ms)
            if log is logs[0] and (reach := await _reach(log, heads)) is not None and since.time_ms < reach:
                raise OutOfReachError(f"the log goes back to {_told(reach)} only, what came before was dropped")
        found.append(Span(log=log, begin=begin, end=ends))
    return found


async def read_again(span: Span, messages_max: int) -> AsyncIterator[tuple[list[Record], int]]:
    """The records of a span, some at a time, and how many are still to come. Raises ``LogError``."""
    at = {partition: begin for partition, begin in span.begin.items() if begin < span.end[partition]}
    while at:
        records = await span.log.read(at, messages_max=messages_max, wait_s=0)
        at |= {one.partition: one.offset + 1 for one in records}
        if not records:  # what is left are marks that no record stands behind
            return
        at = {partition: offset for partition, offset in at.items() if offset < span.end[partition]}
        left = sum(span.end[partition] - offset for partition, offset in at.items())
        yield [one for one in records if one.offset < span.end[one.partition]], left


async def _reach(log: Log, heads: Offsets) -> int | None:
    """From when on everything is there; None when nothing was ever dropped."""
    dropped = {partition: head for partition, head in heads.items() if head > 0}
    firsts: list[int] = []
    for partition, head in dropped.items():
        first = await log.read({partition: head}, messages_max=1, wait_s=0)
        firsts.append(first[0].appended_at if first else _now_ms())
    return max(firsts, default=None)


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def _told(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds")
