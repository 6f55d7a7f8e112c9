"""Connections to Kafka: how the settings say, and single questions to single brokers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, Final, Self

from aiokafka import errors
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.structs import TopicPartition

from stream.log.kafka.errors import explained, hush
from stream.settings import KafkaSettings

RETRY_S: Final = 0.1
"""Between two tries of a question."""


def client_arguments(settings: KafkaSettings) -> dict[str, Any]:
    """What every client of aiokafka is made with. Raises ``LogUnavailableError`` for certificates that cannot be
    read."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.servers,
        "client_id": "tappa",
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
        "security_protocol": ("SASL_" if settings.sasl else "") + ("SSL" if settings.tls else "PLAINTEXT"),
    }
    if settings.tls:
        with explained(settings):
            context = ssl.create_default_context(cafile=settings.ca_file)
            if settings.certificate_file:
                context.load_cert_chain(settings.certificate_file, settings.key_file)
        arguments["ssl_context"] = context
    if settings.sasl and settings.password:
        arguments |= {
            "sasl_mechanism": settings.sasl,
            "sasl_plain_username": settings.user,
            "sasl_plain_password": settings.password.get_secret_value(),
        }
    return arguments


class Connection:
    """One to each broker that is asked something. Made by ``open``."""

    def __init__(self, settings: KafkaSettings, client: AIOKafkaClient) -> None:
        self.settings = settings
        self._client = client

    @classmethod
    async def open(cls, settings: KafkaSettings) -> Self:
        """Connect. Raises ``LogUnavailableError`` when no broker answers."""
        hush()
        client = AIOKafkaClient(**client_arguments(settings))
        with explained(settings):
            try:
                await client.bootstrap()
            except BaseException:
                await client.close()
                raise
        return cls(settings, client)

    async def watch_topic(self) -> None:
        """Know who leads which of its partitions from now on. Raises ``LogUnavailableError``."""
        with explained(self.settings):
            await self._client.set_topics([self.settings.topic])

    @property
    def brokers(self) -> int:
        """How many there are."""
        return len(self._client.cluster.brokers())

    def leaders(self, partitions: Iterable[int]) -> dict[int, list[int]]:
        """The partitions by the broker that leads them; those that nobody leads just now are left out, and looked for
        again."""
        found: dict[int, list[int]] = {}
        for partition in partitions:
            leader = self._client.cluster.leader_for_partition(TopicPartition(self.settings.topic, partition))
            if leader is None or leader == -1:
                self.look_again()
            else:
                found.setdefault(leader, []).append(partition)
        return found

    def look_again(self) -> None:
        """Find out anew who leads what."""
        self._client.force_metadata_update()

    async def ask(self, request: Any, broker: int | None = None) -> Any:
        """The answer of one broker, or of any. Raises ``KafkaError``."""
        return await self._client.send(self._any() if broker is None else broker, request)

    async def coordinator(self) -> int:
        """The broker that keeps the group's positions. Raises ``LogUnavailableError`` when it is not known in time."""
        with explained(self.settings):
            async with asyncio.timeout(self.settings.request_timeout_s):
                while True:
                    try:
                        self._any()
                        found: int = await self._client.coordinator_lookup(CoordinationType.GROUP, self.settings.group)
                    except errors.KafkaError as error:
                        if not error.retriable:
                            raise
                        await asyncio.sleep(RETRY_S)
                    else:
                        return found

    def _any(self) -> int:
        """Some broker. Raises ``NodeNotReadyError`` while the cluster says that it has none: one that is not heard of
        for a moment is left out."""
        node: int | None = self._client.get_random_node()
        if node is None:
            self.look_again()
            raise errors.NodeNotReadyError("the cluster has no broker just now")
        return node

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.close()
