"""The id that Kafka gives a topic when it is made: another topic of the same name has another one. The client does not
know it yet, so here is the request that asks for it (Metadata, version 12, Kafka 3.1 and later; KIP-516)."""

from __future__ import annotations

from io import BytesIO
from typing import Final
from uuid import UUID

from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

NO_ID: Final = UUID(int=0)


class Id(AbstractType):  # type: ignore[misc]
    """Sixteen bytes."""

    @classmethod
    def encode(cls, value: UUID) -> bytes:
        """As they travel."""
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        """As they came."""
        return UUID(bytes=data.read(16))


class TopicsResponse(Response):  # type: ignore[misc]
    """Brokers and topics."""

    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", Id),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("in_sync", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class TopicsStruct(RequestStruct):  # type: ignore[misc]
    """The question as it travels."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = TopicsResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", Id), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicsRequest(Request[TopicsStruct]):  # type: ignore[misc]
    """What is known of some topics."""

    API_KEY = 3

    def __init__(self, *topics: str) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[TopicsStruct]) -> TopicsStruct:
        """As the client asks for it."""
        return request_struct_class([(NO_ID, topic, {}) for topic in self._topics], False, False, {})
