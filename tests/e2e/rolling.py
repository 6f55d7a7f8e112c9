"""A rolling restart under load: workers and ingest are stopped and started one after the other, while clients send over
connections that they keep, and try nothing twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Final

import httpx
import msgspec

from tappa import runfile
from tests.e2e.chaos import on_kafka
from tests.e2e.installation import READY_S_MAX, Installation
from tests.kafka.running_broker import RunningBroker

CLIENTS: Final = 8
BATCH: Final = 20
WATCH_S: Final = 0.1
VISIBLE_WITHIN_S: Final = 120.0
CALM_S: Final = 5.0
"""Before the first restart, and after each."""


class Rolled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    requests: int
    failed: list[str]
    """In words; nothing is sent a second time."""
    acknowledged_s: list[float]
    calm_s: list[float]
    """Time from the moment at which a request was due until its customer was visible, while nothing was restarted."""
    rolling_s: list[float]
    """The same of requests that were due from the first restart until all was well again."""
    missing: int
    """Customers who were acknowledged and are not there."""

    def said(self) -> str:
        """In figures."""
        return (
            f"{self.requests} requests, {len(self.failed)} failed; acknowledged {_percentiles(self.acknowledged_s)}; "
            f"visible in calm {_percentiles(self.calm_s)}, while rolling {_percentiles(self.rolling_s)}"
        )


class Senders:
    """They send ``per_s`` touchpoints a second, each request with a customer of its own."""

    def __init__(self, tappa: Installation, per_s: int) -> None:
        self._tappa = tappa
        self._between_s = BATCH / per_s
        self._numbers = count()
        self.due: dict[str, float] = {}
        """By customer, when the request with them was due."""
        self.acknowledged: dict[str, float] = {}
        self.visible: dict[str, float] = {}
        self.failed: list[str] = []

    async def send(self, until: asyncio.Event) -> None:
        """By several clients at once, each over its own connections."""
        began, url = time.monotonic(), f"{self._tappa.url('ingest')}/v1/batch"
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(self._send(url, began, until))

    async def _send(self, url: str, began: float, until: asyncio.Event) -> None:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        transport = httpx.AsyncHTTPTransport(retries=0, limits=limits)
        auth = (self._tappa.keys["app"], "")
        async with httpx.AsyncClient(transport=transport, timeout=30, auth=auth) as client:
            while not until.is_set():
                number = next(self._numbers)
                due = began + number * self._between_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                customer = f"rolling-{number}"
                self.due[f"user:{customer}"] = due
                try:
                    answer = await client.post(url, json=_batch(customer, number))
                except httpx.HTTPError as error:
                    self.failed.append(f"{type(error).__name__} {error}")
                else:
                    if answer.status_code == 200 and answer.json()["accepted"] == BATCH:
                        self.acknowledged[f"user:{customer}"] = time.monotonic()
                    else:
                        self.failed.append(f"{answer.status_code} {answer.text[:200]}")

    async def watch(self, until: asyncio.Event) -> None:
        """Note when each customer becomes visible; what is there in the end is there then at the latest."""
        while not until.is_set() or (self.acknowledged.keys() - self.visible.keys() and not self._is_late()):
            waiting = json.dumps(sorted(self.due.keys() - self.visible.keys())[:2_000])
            rows = await asyncio.to_thread(
                self._tappa.rows,
                "SELECT customer_id FROM v_customers WHERE customer_id IN "
                "JSONExtract({who:String}, 'Array(String)') AND stage != ''",
                who=waiting,
            )
            now = time.monotonic()
            self.visible |= {row["customer_id"]: now for row in rows}
            await asyncio.sleep(WATCH_S)

    def _is_late(self) -> bool:
        return time.monotonic() - max(self.acknowledged.values()) > VISIBLE_WITHIN_S


def _batch(customer: str, number: int) -> dict[str, object]:
    at = datetime.now(UTC).isoformat()
    return {
        "batch": [
            {
                "type": "track",
                "event": "Product Viewed",
                "userId": customer if not one else f"regular-{(number * BATCH + one) % 5_000}",
                "messageId": f"r-{number}-{one}",
                "timestamp": at,
            }
            for one in range(BATCH)
        ]
    }


async def roll(
    directory: Path, broker: RunningBroker, *, per_s: int, calm_s: float = CALM_S, say: Callable[[str], None] = print
) -> Rolled:
    """Send, and meanwhile restart each worker and ingest, one after the other, as ``docs/kafka.md`` says."""
    with Installation(directory, workers=2, **on_kafka(broker)) as tappa:
        senders, enough = Senders(tappa, per_s), asyncio.Event()
        sending = asyncio.create_task(senders.send(enough))
        watching = asyncio.create_task(senders.watch(enough))
        await asyncio.sleep(calm_s)
        first = time.monotonic()
        for part in ("worker", "worker-2", "ingest"):
            await asyncio.to_thread(restart, tappa, part)
            say(f"{part} has been restarted")
            await asyncio.sleep(calm_s)
        last = time.monotonic()
        await asyncio.sleep(calm_s)
        enough.set()
        await sending
        await watching
        took = {who: at - senders.due[who] for who, at in senders.visible.items()}
        return Rolled(
            requests=len(senders.due),
            failed=senders.failed,
            acknowledged_s=[at - senders.due[who] for who, at in senders.acknowledged.items()],
            calm_s=[s for who, s in took.items() if not first <= senders.due[who] <= last],
            rolling_s=[s for who, s in took.items() if first <= senders.due[who] <= last],
            missing=len(senders.acknowledged.keys() - senders.visible.keys()),
        )


def restart(tappa: Installation, part: str) -> None:
    """Stop a part with SIGTERM, and return once its successor is ready."""
    before = tappa.pids()[part]
    os.kill(before, signal.SIGTERM)
    deadline = time.monotonic() + READY_S_MAX
    while not _is_back(tappa, part, before):
        assert time.monotonic() < deadline, f"{part} does not come back:\n{tappa.said()}"
        time.sleep(0.05)


def _is_back(tappa: Installation, part: str, before: int) -> bool:
    run = runfile.read(tappa.data / "run.json")
    now = run.parts.get(part) if run else None
    return now is not None and now.pid not in (None, before) and now.state == "ready"


def _percentiles(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return "-"
    cuts = quantiles(seconds, n=100)
    return f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, at most {max(seconds):.2f} s"
