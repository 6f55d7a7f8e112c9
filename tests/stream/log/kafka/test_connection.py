"""What a connection does while the cluster names no broker: one that is not heard of for a moment is left out."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiokafka import errors
from aiokafka.client import AIOKafkaClient

from stream.log.interface import LogUnavailableError
from stream.log.kafka.connection import Connection
from stream.log.kafka.topic_id import TopicsRequest
from stream.settings import KafkaSettings


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    yield Connection(KafkaSettings(servers="127.0.0.1:1", request_timeout_s=0.5), client)
    await client.close()


async def test_a_question_to_any_broker_is_to_be_asked_again(connection: Connection) -> None:
    with pytest.raises(errors.NodeNotReadyError) as refused:
        await connection.ask(TopicsRequest("tappa"))
    assert refused.value.retriable


async def test_who_keeps_the_positions_is_not_known_in_time(connection: Connection) -> None:
    with pytest.raises(LogUnavailableError, match=r"127\.0\.0\.1:1 does not answer"):
        await connection.coordinator()
