"""The topic that holds the log: made when there is none, looked at when there is one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from aiokafka import errors
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from msgspec.structs import replace

from stream.log.interface import LogUnavailableError
from stream.log.kafka.connection import RETRY_S, Connection
from stream.log.kafka.errors import explained, refusal
from stream.log.kafka.topic_id import NO_ID, TopicsRequest
from stream.settings import KIB, KafkaSettings, LogSettings

logger = logging.getLogger(__name__)

REPLICAS_MAX: Final = 3
SAFE_REPLICAS: Final = 2
"""Copies that a touchpoint is in before it is acknowledged, where the topic has three or more."""
RECORD_MARGIN_BYTES: Final = 64 * KIB
"""What a record and its batch have round the frame, and a frame that does not get smaller by compression."""
TOPIC_RESOURCE: Final = 2
BYTES_MAX: Final = "max.message.bytes"
CLOSED_BYTES_MAX: Final = 72
"""So many bytes may a record of a topic have that is closed: one with nothing in it has less, any frame has more."""
READY_S_MAX: Final = 30.0
"""How long a new topic may take until each of its partitions has a leader."""


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as the brokers know it."""

    topic_id: str
    partitions: int
    replicas: int
    """Of the partition that has the fewest."""
    configuration: Mapping[str, str] = {}
    """What the brokers say of how it is set up, where it was asked for and they do."""

    @property
    def is_closed(self) -> bool:
        """Whether it takes nothing any more, as far as the brokers say."""
        return self.configuration.get(BYTES_MAX) == str(CLOSED_BYTES_MAX)


async def find_or_make(connection: Connection, settings: LogSettings) -> Topic:
    """The topic of the settings, made if there is none, with a leader for each partition. Raises
    ``LogUnavailableError``, also for a topic that does not fit: what to change is in the message."""
    topic = await found_or_made(connection, settings)
    with explained(settings.kafka):
        topic = replace(topic, configuration=await configuration_of(connection))
        if amiss := list(_amiss(topic, topic.configuration, settings)):
            raise LogUnavailableError(f"topic {settings.kafka.topic!r} does not fit: " + "; ".join(amiss))
    if topic.replicas == 1:
        logger.warning("topic %r has one copy: what is acknowledged is lost with its broker", settings.kafka.topic)
    return topic


async def found_or_made(connection: Connection, settings: LogSettings) -> Topic:
    """The same, however it is set up."""
    with explained(settings.kafka):
        topic = await find(connection)
        if topic is None:
            await _make(connection, settings)
            topic = await _led(connection)
        return topic


async def find(connection: Connection) -> Topic | None:
    """The topic of the settings; None when there is none, or not yet with a leader everywhere. Raises
    ``LogUnavailableError``."""
    with explained(connection.settings):
        answer = await connection.ask(TopicsRequest(connection.settings.topic))
    (found,) = answer.to_object()["topics"]
    error = errors.for_code(found["error_code"])
    if error is errors.TopicAuthorizationFailedError:
        raise refusal(connection.settings, error())
    return described(found)


def described(found: Mapping[str, Any]) -> Topic | None:
    """What the brokers answered about a topic; None when there is none, or not yet with a leader everywhere."""
    partitions = found["partitions"]
    if found["error_code"] or found["topic_id"] == NO_ID or any(one["leader"] < 0 for one in partitions):
        return None
    return Topic(
        topic_id=found["topic_id"].hex,
        partitions=len(partitions),
        replicas=min(len(one["replicas"]) for one in partitions),
    )


async def _make(connection: Connection, settings: LogSettings) -> None:
    kafka = settings.kafka
    replicas = kafka.replicas or min(connection.brokers, REPLICAS_MAX)
    configuration = {
        "cleanup.policy": "delete",
        "retention.ms": str(int(kafka.retention_s * 1000)),
        "retention.bytes": "-1",
        "min.insync.replicas": str(_in_sync_min(kafka, replicas)),
        BYTES_MAX: str(settings.frame_bytes_max + RECORD_MARGIN_BYTES),
        "message.timestamp.type": "CreateTime",
    }
    request = CreateTopicsRequest(
        [(kafka.topic, settings.partitions, replicas, [], list(configuration.items()))],
        int(READY_S_MAX * 1000),
        False,
    )
    ((_, code, message),) = (await connection.ask(request)).topic_errors
    error = errors.for_code(code)
    if error is errors.TopicAlreadyExistsError:
        return
    if error is not errors.NoError:
        raise LogUnavailableError(
            f"Kafka at {kafka.servers} does not make topic {kafka.topic!r} with {settings.partitions} partitions and "
            f"{replicas} copies ({message or error.__name__}): make it yourself, or change [log.kafka]"
        )
    logger.info("made topic %r with %d partitions and %d copies", kafka.topic, settings.partitions, replicas)


async def _led(connection: Connection) -> Topic:
    """The topic, once each of its partitions has a leader."""
    async with asyncio.timeout(READY_S_MAX):
        while True:
            if topic := await find(connection):
                return topic
            await asyncio.sleep(RETRY_S)


async def configuration_of(connection: Connection) -> dict[str, str]:
    """What the brokers say of the topic; nothing where they do not let us ask."""
    topic = connection.settings.topic
    answer = await connection.ask(DescribeConfigsRequest([(TOPIC_RESOURCE, topic, None)], False))
    (resource,) = answer.to_object()["resources"]
    error = errors.for_code(resource["error_code"])
    if error is not errors.NoError:
        logger.warning("cannot see how topic %r is set up (%s): it is taken as it is", topic, error.__name__)
        return {}
    return {one["config_names"]: one["config_value"] for one in resource["config_entries"]}


def _amiss(topic: Topic, has: Mapping[str, str], settings: LogSettings) -> Iterator[str]:
    """What would lose touchpoints, or refuse them all."""
    kafka = settings.kafka
    if topic.partitions != settings.partitions:
        yield (
            f"it has {topic.partitions} partitions, the settings say {settings.partitions}; the number is fixed once a "
            f"log exists: set log.partitions = {topic.partitions}; for more: tappa log grow"
        )
    if not has:
        return
    in_sync, wanted = int(has["min.insync.replicas"]), _in_sync_min(kafka, topic.replicas)
    if in_sync > topic.replicas:
        yield (
            f"min.insync.replicas is {in_sync} and there are {topic.replicas} copies, so that it would never take "
            "anything: make it smaller, or add replicas"
        )
    if in_sync < wanted:
        yield (
            f"min.insync.replicas is {in_sync}, so that what was acknowledged is lost with {in_sync} of the brokers: "
            f"set it to {wanted}, or in_sync_replicas_min = {in_sync} in [log.kafka]"
        )
    if "compact" in has["cleanup.policy"]:
        yield f"cleanup.policy is {has['cleanup.policy']}, which drops records that were not read: set it to delete"
    if 0 <= int(has["retention.ms"]) < int(kafka.retention_s * 1000):
        yield (
            f"retention.ms is {has['retention.ms']}, less than the settings say: set it to "
            f"{int(kafka.retention_s * 1000)}, or retention_s = {int(has['retention.ms']) // 1000} in [log.kafka]"
        )
    if int(has["retention.bytes"]) >= 0:
        yield f"retention.bytes is {has['retention.bytes']}, which drops records that were not read: set it to -1"
    if int(has[BYTES_MAX]) < settings.frame_bytes_max and not topic.is_closed:
        yield (
            f"max.message.bytes is {has[BYTES_MAX]}, less than a record may have: set it to "
            f"{settings.frame_bytes_max + RECORD_MARGIN_BYTES}, or make frame_bytes_max in [log] smaller"
        )


def _in_sync_min(kafka: KafkaSettings, replicas: int) -> int:
    return kafka.in_sync_replicas_min or (SAFE_REPLICAS if replicas >= REPLICAS_MAX else 1)
