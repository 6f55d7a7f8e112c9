"""More partitions: a topic that has them follows the one that takes what is appended, which is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack

import msgspec

from stream.log.kafka.alter import alter
from stream.log.kafka.closing import is_closed
from stream.log.kafka.connection import RETRY_S, Connection
from stream.log.kafka.errors import explained
from stream.log.kafka.succession import numbered, taking, topics_of, with_configuration
from stream.log.kafka.topic import BYTES_MAX, CLOSED_BYTES_MAX, READY_S_MAX, Topic, find_or_make
from stream.settings import LogSettings


class GrowthError(RuntimeError):
    """It cannot be done as things are. The message says why and what to do."""


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """How the log stands after it has grown."""

    topic: str
    """The name of the topic that takes what is appended now."""
    topic_id: str
    partitions: int
    already: bool
    """Whether it had grown before this call."""


async def grow(settings: LogSettings, partitions: int) -> Grown:
    """1. make the topic that follows, with so many partitions, if it is not there, and wait for its leaders; 2. close
    the one before, and wait until every broker has heard of it. Whoever appends is refused there from then on, and goes
    on to the new one; workers do once all that the old one took is worked off. After a crash anywhere call it again:
    what is done already is left as it is. Raises ``GrowthError`` and ``LogUnavailableError``."""
    topics = await topics_of(settings)
    if not topics:
        raise GrowthError(
            f"there is no topic {settings.kafka.topic!r} yet: set log.partitions = {partitions}, and the first start "
            "makes it so"
        )
    number = await taking(settings, topics)
    now = topics[number]
    if now.partitions == partitions and number - 1 in topics:
        return _grown(settings, number, now, already=True)
    if partitions <= now.partitions:
        raise GrowthError(f"the log has {now.partitions} partitions already, and never gets fewer: ask for more")
    if not (await with_configuration(settings, number, now)).configuration:
        raise GrowthError(
            f"the brokers do not say how topic {numbered(settings, number).kafka.topic!r} is set up: this takes the "
            "right to DESCRIBE_CONFIGS and ALTER_CONFIGS of it"
        )
    begun = topics.get(number + 1)
    following = numbered(settings, number + 1)
    copies = {"replicas": settings.kafka.replicas or now.replicas}  # also while some of the brokers are away
    kafka = following.kafka.model_copy(update=copies)
    following = following.model_copy(update={"partitions": partitions, "kafka": kafka})
    if begun is not None and begun.partitions != partitions:
        raise GrowthError(
            f"topic {following.kafka.topic!r} is there already and has {begun.partitions} partitions: grow to that "
            "many, or delete it"
        )
    async with AsyncExitStack() as resources:
        new = await Connection.open(following.kafka)
        resources.push_async_callback(new.close)
        made = await find_or_make(new, following)
        old = await Connection.open(numbered(settings, number).kafka)
        resources.push_async_callback(old.close)
        await old.watch_topic()
        await alter(old, BYTES_MAX, str(CLOSED_BYTES_MAX))
        await _closed(old, range(now.partitions))
    return _grown(settings, number + 1, made, already=False)


async def _closed(connection: Connection, partitions: Collection[int]) -> None:
    """Return once none of them takes anything more."""
    with explained(connection.settings):
        async with asyncio.timeout(READY_S_MAX):
            while True:
                if await is_closed(connection, partitions):
                    return
                await asyncio.sleep(RETRY_S)


def _grown(settings: LogSettings, number: int, topic: Topic, *, already: bool) -> Grown:
    return Grown(
        topic=numbered(settings, number).kafka.topic,
        topic_id=topic.topic_id,
        partitions=topic.partitions,
        already=already,
    )
