"""When a topic is left for the one that follows it."""

from __future__ import annotations

from operator import attrgetter

from store.interface import Store
from stream.log.interface import Log, LogUsedUpError


async def require_more(log: Log, store: Store) -> None:
    """Raise ``LogUsedUpError`` once no worker has anything more to read in this topic, by the positions that are kept
    beside the data: what is not in this store was not read. Raises ``LogError`` and ``StoreError``, too."""
    noted = sorted(await store.read_positions(), key=attrgetter("epoch"))
    here = {one.partition: one.offset for one in noted if one.topic_id == log.topic_id}
    if await log.is_used_up({partition: here.get(partition, 0) for partition in range(log.partitions)}):
        raise LogUsedUpError("all that is in this topic is worked off, and the log has gone on to another one")
