"""Everything that is derived, derived anew by the workers as they run: each partition is folded again from the facts,
under a later epoch, by its owner."""

from __future__ import annotations

from operator import attrgetter

from store.interface import Position, Store
from stream.log.interface import Log
from stream.log.message import Anew, encode_message


class NotReadError(RuntimeError):
    """No worker has read some partition of the topic into the store yet."""


async def start_anew(log: Log, store: Store, database: str) -> dict[int, int]:
    """Have every partition folded again. 1. raise the epoch of its position in the store, under which nothing was
    folded: whoever starts folds it again, from now on; 2. tell the owners to start. Returns the epochs, by partition.
    Raises ``NotReadError``, and has done nothing, where not all of this topic is read into this store."""
    noted = sorted(await store.read_positions(), key=attrgetter("epoch"))
    latest = {one.partition: one for one in noted if one.topic_id == log.topic_id}
    if len(latest) < log.partitions:
        raise NotReadError
    raised = [
        Position(topic_id=one.topic_id, epoch=one.epoch + 1, partition=one.partition, offset=one.offset)
        for one in latest.values()
    ]
    await store.write_positions(raised)
    await log.append(
        {one.partition: [encode_message(Anew(database=database, epoch=one.epoch))] for one in raised}, internal=True
    )
    return {one.partition: one.epoch for one in raised}


async def folded_since(log: Log, store: Store, epochs: dict[int, int]) -> int:
    """How many of these partitions are folded under a later epoch than that."""
    noted = await store.read_positions()
    later = {
        one.partition
        for one in noted
        if one.topic_id == log.topic_id and one.epoch > epochs.get(one.partition, one.epoch)
    }
    return len(later)
