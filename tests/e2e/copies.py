"""Three brokers, two of which have a touchpoint before it is acknowledged: with one of them dead everything goes on,
also a log that grows; with two of them nothing is acknowledged, and nothing that was is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx

from stream.log.kafka.connection import Connection
from stream.log.kafka.topic_id import TopicsRequest
from stream.settings import KafkaSettings
from tests.e2e.chaos import GROWN, SESSION_S, SETTINGS, VISIBLE_WITHIN_S, grow, yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.installation import Installation
from tests.e2e.items import DAY_MS
from tests.e2e.traffic import Traffic
from tests.e2e.views import differences
from tests.kafka.running_broker import running_brokers

BROKERS: Final = 3
TRIES: Final = 3
"""Requests that must all be refused while two brokers are dead."""


async def lose_brokers(directory: Path, *, touchpoints: int, seed: int = 3, say: Callable[[str], None] = print) -> None:
    """Kill the first broker, then the second, bring them back, and kill the third; compare every view."""
    end_ms = yesterday_ms()
    items = Traffic(seed, touchpoints=touchpoints, customers=touchpoints // 9, end_ms=end_ms).sendings(1)
    quarter = len(items) // 4
    with running_brokers(directory, BROKERS) as brokers:
        servers = ",".join(broker.address for broker in brokers)
        kafka = {"TAPPA_LOG__KAFKA__SERVERS": servers, "TAPPA_LOG__KAFKA__SESSION_TIMEOUT_S": str(SESSION_S)}
        with Installation(directory, workers=2, **SETTINGS, **kafka) as tappa:
            delivery = Delivery(tappa)
            await delivery.send(items[:quarter])
            brokers[0].kill()
            await delivery.send(items[quarter : 2 * quarter])
            await grow(tappa, str(GROWN))
            say(f"one broker dead: {len(delivery.acknowledged)} acknowledged, and {GROWN} partitions")
            brokers[1].kill()
            await refused(tappa)
            say(f"two brokers dead: {TRIES} requests refused")
            for broker in brokers[:2]:
                broker.launch()
            for broker in brokers[:2]:
                broker.wait()
            await delivery.send(items[2 * quarter : 3 * quarter])
            await in_step(KafkaSettings(servers=servers))
            brokers[2].kill()
            await delivery.send(items[3 * quarter :])
            await asyncio.to_thread(tappa.wait_until_visible, VISIBLE_WITHIN_S)
            say(f"another one dead: {len(delivery.acknowledged)} acknowledged")
            sent = [item.touchpoint for item in items]
            found = differences(tappa, sent, now_ms=end_ms + DAY_MS, at_ms=end_ms - 10 * DAY_MS + 12_345)
            assert found == {}, f"seed {seed}: {found}\n{tappa.said()}"


async def in_step(settings: KafkaSettings) -> None:
    """Return once every copy is in step again: before that, the dead would have been the only one that has all."""
    topics = (settings.topic, f"{settings.topic}.2", "__consumer_offsets")
    give_up = time.monotonic() + VISIBLE_WITHIN_S
    behind = True
    while behind:
        assert time.monotonic() < give_up, "copies do not get in step"
        await asyncio.sleep(0.5)
        connection = await Connection.open(settings)
        try:
            answer = await connection.ask(TopicsRequest(*topics))
        finally:
            await connection.close()
        partitions = [one for topic in answer.to_object()["topics"] for one in topic["partitions"]]
        behind = any(len(one["in_sync"]) < BROKERS for one in partitions)


async def refused(tappa: Installation) -> None:
    """Nothing is acknowledged now. What is tried has no place in the views: it is a dead letter."""
    async with httpx.AsyncClient(timeout=60) as client:
        for _ in range(TRIES):
            answer = await client.post(
                f"{tappa.url('ingest')}/v1/track", content=b'{"event": "nobody"}', auth=(tappa.keys["app"], "")
            )
            assert answer.status_code == 503, f"{answer.status_code}: {answer.text}"
            assert int(answer.headers["retry-after"]) > 0
