"""Idempotent producers of aiokafka: how they are made, and how one gets rid of them."""

from __future__ import annotations

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer

from stream.log.kafka.connection import client_arguments
from stream.log.kafka.errors import hush
from stream.log.kafka.topic import RECORD_MARGIN_BYTES
from stream.settings import LogSettings


async def connected(settings: LogSettings, topic: str) -> AIOKafkaProducer:
    """One that knows who leads the topic's partitions. Raises what the client raises, or ``TimeoutError``."""
    kafka = settings.kafka
    hush()
    producer = AIOKafkaProducer(
        **client_arguments(kafka),
        enable_idempotence=True,
        acks="all",
        compression_type=None if kafka.compression == "none" else kafka.compression,
        max_batch_size=settings.frame_bytes_max + RECORD_MARGIN_BYTES,
        linger_ms=0,
    )
    try:
        async with asyncio.timeout(2 * kafka.request_timeout_s):
            await producer.start()
            await producer.partitions_for(topic)
    except BaseException:
        await let_go(producer, kafka.append_timeout_s, 2 * kafka.request_timeout_s)
        raise
    return producer


async def let_go(producer: AIOKafkaProducer, flush_s: float, stop_s: float) -> None:
    """Let it finish what is under way, if it can in ``flush_s``; then stop it, in the middle of what it would try for
    ever. Its own ``stop`` would wait for that."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(flush_s):
            await producer.flush()
    producer._closed = True
    with contextlib.suppress(Exception):
        async with asyncio.timeout(stop_s):
            await producer._sender.close()
    await producer.client.close()
