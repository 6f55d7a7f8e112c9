"""The broker that the tests of the Kafka log run on."""

from __future__ import annotations

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.kafka.running_broker import RunningBroker

pytestmark = pytest.mark.slow


async def test_a_broker_takes_a_topic(kafka: RunningBroker) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic("garden", 3, 1)])
        assert [code for _, code, _ in answer.topic_errors] == [0]
        assert "garden" in await admin.list_topics()
    finally:
        await admin.close()
