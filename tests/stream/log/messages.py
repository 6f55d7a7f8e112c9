"""Messages for tests of the log: numbered touchpoints, and what is in a frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from stage_engine.touchpoint import Touchpoint
from stream.log.interface import Record
from stream.log.message import decode_frame, encode_message


def message(name: str, size: int = 0) -> bytes:
    """An encoded touchpoint whose ``message_id`` is ``name``."""
    return encode_message(
        Touchpoint(
            source="test",
            message_id=name,
            type="track",
            event="Tested",
            channel="web",
            occurred_at=1,
            original_timestamp=1,
            received_at=1,
            properties=b"x" * size,
        )
    )


def names(record: Record) -> list[str]:
    """The names in one record."""
    return [touchpoint.message_id for touchpoint in decode_frame(record.frame) if isinstance(touchpoint, Touchpoint)]


def names_by_partition(records: Iterable[Record]) -> dict[int, list[str]]:
    """All names, in the order of the records."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for record in records:
        found[record.partition] += names(record)
    return dict(found)
