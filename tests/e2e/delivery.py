"""Clients that send traffic to an installation, as Segment's do: again and again, until it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import httpx

from tests.e2e.installation import Installation
from tests.e2e.items import Item, iso

BATCH_ITEMS: Final = 40
GIVE_UP_S: Final = 300.0
PAUSE_S: Final = 0.1
TIMEOUT_S: Final = 10.0


class Delivery:
    """Sends by several clients at once, with ``per_s`` at most so many items a second. ``acknowledged`` are the items
    that were answered with 200, each accepted."""

    def __init__(
        self,
        tappa: Installation,
        *,
        clients: int = 6,
        pause_s: float = 0.0,
        batch_items: int = BATCH_ITEMS,
        per_s: float = 0.0,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._tappa = tappa
        self._clients = clients
        self._pause_s = pause_s
        self._batch_items = batch_items
        self._per_s = per_s
        self._timeout_s = timeout_s
        self._transport = transport
        self.acknowledged: list[Item] = []
        self.tries_again = 0

    async def send(self, items: Sequence[Item]) -> None:
        """Return when all are acknowledged."""
        requests = self._in_time(_requests(items, self._batch_items))
        async with (
            httpx.AsyncClient(timeout=self._timeout_s, transport=self._transport) as client,
            asyncio.TaskGroup() as clients,
        ):
            for _ in range(self._clients):
                clients.create_task(self._send(client, requests))

    def _in_time(self, requests: Iterable[list[Item]]) -> Iterator[tuple[float, list[Item]]]:
        """Each with the earliest time to send it."""
        at = time.monotonic()
        for items in requests:
            yield at, items
            at += len(items) / self._per_s if self._per_s else 0.0

    async def _send(self, client: httpx.AsyncClient, requests: Iterable[tuple[float, list[Item]]]) -> None:
        for at, items in requests:
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            await self._until_acknowledged(client, items)
            self.acknowledged += items
            await asyncio.sleep(self._pause_s)

    async def _until_acknowledged(self, client: httpx.AsyncClient, items: list[Item]) -> None:
        deadline = time.monotonic() + GIVE_UP_S
        while not await self._try(client, items):
            assert time.monotonic() < deadline, f"not acknowledged in {GIVE_UP_S} s:\n{self._tappa.said()}"
            self.tries_again += 1
            await asyncio.sleep(PAUSE_S)

    async def _try(self, client: httpx.AsyncClient, items: list[Item]) -> bool:
        first = items[0]
        try:
            answer = await client.post(
                f"{self._tappa.url('ingest')}/v1/{first.endpoint}",
                content=_body(items),
                auth=(self._tappa.keys[first.source], ""),
                headers={"Content-Type": "application/json"},
            )
        except (httpx.TransportError, httpx.UnsupportedProtocol):
            return False
        if answer.status_code >= 500:
            return False
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:500]}"
        verdict: dict[str, Any] = answer.json()
        assert verdict["accepted"] == len(items), f"{verdict['rejected'][:3]} of {_body(items)[:2000]!r}"
        return True


def _requests(items: Sequence[Item], most: int) -> Iterable[list[Item]]:
    """The items in bodies: each of one source, one endpoint and one clock."""
    waiting: dict[tuple[str, str, int], list[Item]] = {}
    for item in items:
        same = waiting.setdefault((item.source, item.endpoint, item.behind_ms), [])
        same.append(item)
        if len(same) == most:
            yield waiting.pop((item.source, item.endpoint, item.behind_ms))
    yield from waiting.values()


def _body(items: list[Item]) -> bytes:
    """The request's body. The sender's clock is read when it sends."""
    if items[0].endpoint == "receipts":
        return b"[" + b",".join(item.wire for item in items) + b"]"
    sent_at = json.dumps(iso(int(time.time() * 1000) - items[0].behind_ms)).encode()
    return b'{"batch":[' + b",".join(item.wire for item in items) + b'],"sentAt":' + sent_at + b"}"
