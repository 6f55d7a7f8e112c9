"""The topics that a log on Kafka has had: each one that has more partitions follows the one before.

The first is called as the settings say, the next ones have ``.2``, ``.3`` and so on behind that name, and groups of the
same numbers. Which of them there are, and which take something, the brokers know; nobody else keeps it.
"""

from __future__ import annotations

from typing import Final

from aiokafka import errors
from msgspec.structs import replace

from stream.log.interface import LogUnavailableError, Read
from stream.log.kafka.connection import Connection
from stream.log.kafka.errors import explained
from stream.log.kafka.topic import Topic, configuration_of, described
from stream.log.kafka.topic_id import TopicsRequest
from stream.settings import LogSettings

TOPICS_MAX: Final = 16
"""So many are looked for, in one question: each has more partitions than the one before."""
ABSENT: Final = (errors.UnknownTopicOrPartitionError, errors.TopicAuthorizationFailedError)
"""Said of a topic that is not there; the latter to those who may see some topics only."""


def numbered(settings: LogSettings, number: int, topic: Topic | None = None) -> LogSettings:
    """The settings of a log whose topic is the one of this number; where it is there, with as many partitions."""
    kafka = settings.kafka
    behind = f".{number}" if number > 1 else ""
    names = {"topic": kafka.topic + behind, "group": kafka.group + behind}
    fixed = {"partitions": topic.partitions} if topic else {}
    return settings.model_copy(update={"kafka": kafka.model_copy(update=names), **fixed})


async def topics_of(settings: LogSettings) -> dict[int, Topic]:
    """Those that are there, by number, in order. Raises ``LogUnavailableError``, also when one of them has no leader
    everywhere: it is there, and must not be passed over."""
    connection = await Connection.open(settings.kafka)
    try:
        return await topics_on(connection, settings)
    finally:
        await connection.close()


async def topics_on(connection: Connection, settings: LogSettings) -> dict[int, Topic]:
    """As ``topics_of``, by a connection that is there."""
    names = [numbered(settings, number).kafka.topic for number in range(1, TOPICS_MAX + 1)]
    with explained(settings.kafka):
        answer = await connection.ask(TopicsRequest(*names))
    by_name = {one["name"]: one for one in answer.to_object()["topics"]}
    found: dict[int, Topic] = {}
    for number, name in enumerate(names, 1):
        if errors.for_code(by_name[name]["error_code"]) in ABSENT:
            continue
        topic = described(by_name[name])
        if topic is None:
            raise LogUnavailableError(f"topic {name!r} has partitions without a leader: are brokers away?")
        found[number] = topic
    return found


async def taking(settings: LogSettings, topics: dict[int, Topic]) -> int:
    """The number of the topic that takes what is appended: the first one that is not closed. Raises
    ``LogUnavailableError``."""
    *earlier, last = topics or [1]
    for number in earlier:
        if not (await with_configuration(settings, number, topics[number])).is_closed:
            return number
    return last


async def with_configuration(settings: LogSettings, number: int, topic: Topic) -> Topic:
    """The topic, with how it is set up. Raises ``LogUnavailableError``."""
    connection = await Connection.open(numbered(settings, number).kafka)
    try:
        with explained(connection.settings):
            return replace(topic, configuration=await configuration_of(connection))
    finally:
        await connection.close()


def reading(topics: dict[int, Topic], read: Read) -> int:
    """The number of the topic to go on with: the last one that was seen, because nobody goes on before all is worked
    off; the first one where none was; and none that is used up."""
    known = [number for number, topic in topics.items() if topic.topic_id in read.seen]
    number = max(known) if known else min(topics, default=1)
    while number in topics and topics[number].topic_id in read.used_up and number + 1 in topics:
        number += 1
    return number
