"""A frame as a record of Kafka: what goes round it, and what of it is read back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from aiokafka.record.memory_records import MemoryRecords

from stream.log.interface import LogUnavailableError, Record
from stream.log.message import FORMAT_VERSION

FORMAT_HEADER: Final = "tappa-format"
HEADERS: Final = ((FORMAT_HEADER, str(FORMAT_VERSION).encode()),)
"""Of every record: the version of what is in it."""
FRAME_MARK: Final = 0xDD
"""A frame's first byte; the next four count its messages."""


def records_of(partition: int, fetched: bytes, position: int) -> Iterator[tuple[int, Record | None]]:
    """The records from ``position`` on, each with the position behind it; None for what is none of anybody's (the
    markers of transactions, and of ``closing``). A batch that is not there as a whole ends it. Raises
    ``LogUnavailableError`` for a record that is damaged or of a later format."""
    batches = MemoryRecords(fetched)
    while batches.has_next():
        batch = batches.next_batch()
        if not batch.validate_crc():
            raise LogUnavailableError(
                f"a record of partition {partition} from offset {position} on is damaged: is a broker's disk?"
            )
        if not batch.is_control_batch:
            for one in batch:
                if one.offset >= position:
                    yield one.offset + 1, None if one.value is None else _record(partition, one)
        yield batch.next_offset, None


def _record(partition: int, one: Any) -> Record:
    version = dict(one.headers).get(FORMAT_HEADER, HEADERS[0][1])
    if version != HEADERS[0][1]:
        raise LogUnavailableError(
            f"the record at offset {one.offset} of partition {partition} has format {version.decode(errors='replace')},"
            f" this Tappa reads format {FORMAT_VERSION}: run the version of Tappa that wrote it"
        )
    frame = one.value
    count = int.from_bytes(frame[1:5], "big") if frame[:1] == bytes([FRAME_MARK]) else 1
    return Record(partition=partition, offset=one.offset, appended_at=one.timestamp, count=count, frame=frame)
