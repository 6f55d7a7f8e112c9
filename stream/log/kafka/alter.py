"""A change of one setting of a topic that leaves the others as they are. The client does not know the request
(IncrementalAlterConfigs, version 0, Kafka 2.3 and later; KIP-339)."""

from __future__ import annotations

from typing import Final

from aiokafka import errors
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String

from stream.log.interface import LogUnavailableError
from stream.log.kafka.connection import Connection
from stream.log.kafka.errors import explained
from stream.log.kafka.topic import TOPIC_RESOURCE

SET: Final = 0


class AlterResponse(Response):  # type: ignore[misc]
    """What became of it."""

    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "resources",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
            ),
        ),
    )


class AlterStruct(RequestStruct):  # type: ignore[misc]
    """The request as it travels."""

    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = AlterResponse
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                ("configs", Array(("name", String("utf-8")), ("operation", Int8), ("value", String("utf-8")))),
            ),
        ),
        ("validate_only", Boolean),
    )


class AlterRequest(Request[AlterStruct]):  # type: ignore[misc]
    """One setting of a topic."""

    API_KEY = 44

    def __init__(self, topic: str, name: str, value: str) -> None:
        self._resource = (TOPIC_RESOURCE, topic, [(name, SET, value)])

    def build(self, request_struct_class: type[AlterStruct]) -> AlterStruct:
        """As the client asks for it."""
        return request_struct_class([self._resource], False)


async def alter(connection: Connection, name: str, value: str) -> None:
    """Set it, for the topic of the connection's settings. Raises ``LogUnavailableError``."""
    topic = connection.settings.topic
    with explained(connection.settings):
        answer = await connection.ask(AlterRequest(topic, name, value))
    ((code, message, *_),) = answer.resources
    if (error := errors.for_code(code)) is not errors.NoError:
        raise LogUnavailableError(
            f"Kafka at {connection.settings.servers} does not set {name} of topic {topic!r} to {value} "
            f"({message or error.__name__}): it takes the right to ALTER_CONFIGS of the topic"
        )
