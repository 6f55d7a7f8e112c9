"""More partitions while touchpoints arrive and a worker is killed: every view is that of the reference, and no request
fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.e2e.changing import said
from tests.e2e.chaos import SETTINGS, VISIBLE_WITHIN_S, on_kafka, yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.installation import Installation
from tests.e2e.items import DAY_MS
from tests.e2e.traffic import Traffic
from tests.e2e.views import differences
from tests.kafka.running_broker import RunningBroker

BEFORE: Final = 4
AFTER: Final = 7
PATIENCE_S: Final = 120.0
"""Of clients, and of ingest with the brokers: a busy machine fails no request here."""


async def grow(
    directory: Path,
    broker: RunningBroker,
    *,
    touchpoints: int,
    seed: int = 5,
    per_s: float = 0.0,
    say: Callable[[str], None] = print,
) -> int:
    """Send a third of the touchpoints. While the second one arrives, have the log grow and kill a worker; restart
    everything in the middle of the last one. Returns how many requests had to be repeated until then."""
    end_ms = yesterday_ms()
    settings = (
        SETTINGS
        | on_kafka(broker)
        | {
            "TAPPA_LOG__PARTITIONS": str(BEFORE),
            "TAPPA_LOG__KAFKA__APPEND_TIMEOUT_S": str(PATIENCE_S),
            "TAPPA_WORKER__BATCH_MESSAGES_MAX": "200",
        }
    )
    traffic = Traffic(seed, touchpoints=touchpoints, customers=touchpoints // 9, end_ms=end_ms).sendings(1)
    third = len(traffic) // 3
    with Installation(directory, workers=2, **settings) as tappa:
        delivery = Delivery(tappa, per_s=per_s, timeout_s=PATIENCE_S)
        await delivery.send(traffic[:third])
        sending = asyncio.create_task(delivery.send(traffic[third : 2 * third]))
        growing = asyncio.create_task(said(tappa, "log", "grow", str(AFTER)))
        await asyncio.to_thread(tappa.kill, "worker-2")
        await sending
        say(await growing)
        assert "already now" in await said(tappa, "log", "grow", str(AFTER))
        repeated = delivery.tries_again
        sending = asyncio.create_task(delivery.send(traffic[2 * third :]))
        await asyncio.to_thread(tappa.kill_everything)
        await sending
        await asyncio.to_thread(tappa.wait_until_ready)
        await asyncio.to_thread(tappa.wait_until_visible, VISIBLE_WITHIN_S)
        sent = [item.touchpoint for item in traffic]
        found = differences(tappa, sent, now_ms=end_ms + DAY_MS, at_ms=end_ms - 10 * DAY_MS + 12_345)
        assert found == {}, f"seed {seed}: {found}\n{tappa.said()}"
        topics = tappa.rows("SELECT topic_id, epoch, uniqExact(partition) AS partitions FROM positions GROUP BY ALL")
        assert sorted((row["epoch"], row["partitions"]) for row in topics) == [(1, BEFORE), (2, AFTER)], topics
    return repeated
