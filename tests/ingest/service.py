"""Ingest as a client meets it: the real application on a real log, spoken to over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from ingest.app import create_app
from ingest.hooks.settings import Hook
from ingest.settings import IdentitySettings, IngestSettings
from ingest.sources import Directory, Source
from stage_engine.touchpoint import Touchpoint
from store.rejected import Refused
from stream.log.interface import Log
from stream.log.memory import MemoryLog
from stream.log.message import Message, decode_frame
from stream.settings import LogSettings

RECEIVED_AT = 1_772_366_400_000
"""2026-03-01T12:00:00Z."""

MAPPING = (Path(__file__).parents[2] / "samples" / "email" / "hook.yaml").read_text("utf-8")
HOOKS = (
    Hook(kind="shopify", secrets=("shopify-new", "shopify-old")),
    Hook(kind="square", secrets=("square-secret",), url="https://touch.example.com/v1/hooks/square/square"),
    Hook(kind="signed", secrets=("till-secret",)),
    Hook(kind="mapped", secrets=("mail-new", "mail-old"), mapping=MAPPING),
)
FILES_KEY = "files-key-1"
TILLS = """
version: 1
csv: {delimiter: ";"}
skip: {Kind: [subtotal]}
receipt:
  group_by: [Number]
  fields:
    receipt_id: Number
    store_id: {constant: milan-1}
    sold_at: {column: At, time: {zone: Europe/Rome}}
    currency: {constant: EUR}
    customer.loyalty_card: Card
  lines: {sku: Article, quantity: {column: Quantity, as: number}, unit_price: {column: Price, as: number}}
"""
SOURCES = {
    source.name: source
    for source in (
        Source(name="web", write_keys=("web-key-1", "web-key-0")),
        Source(name="browser", write_keys=("browser-key",), browser=True),
        Source(name="till", write_keys=("till-key-1",), channel="store"),
        Source(name="italy", write_keys=("italy-key-1",), phone_country="IT"),
        Source(name="devices", write_keys=("devices-key",), joins="device"),
        Source(name="nothing", write_keys=("nothing-key",), joins="nothing"),
        Source(name="files", write_keys=(FILES_KEY,), mappings={"tills": TILLS}),
        *(Source(name=hook.kind, channel="web", hook=hook) for hook in HOOKS),
    )
}
KEY = "web-key-1"
TILL_KEY = "till-key-1"


class Service:
    """One application, its client and its log."""

    def __init__(self, client: httpx.AsyncClient, log: Log) -> None:
        self.client = client
        self.log = log

    async def post(self, path: str, body: Any = None, *, key: str | None = KEY, **options: Any) -> httpx.Response:
        """Post JSON, or bytes as they are."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        auth = httpx.BasicAuth(key, "") if key is not None else httpx.USE_CLIENT_DEFAULT
        return await self.client.post(path, auth=auth, **content, **options)

    async def logged(self) -> list[Message]:
        """All that is in the log."""
        records = await self.log.read(dict.fromkeys(range(self.log.partitions), 0), messages_max=1_000_000, wait_s=0)
        return [message for record in records for message in decode_frame(record.frame)]

    async def touchpoints(self) -> list[Touchpoint]:
        """The accepted ones."""
        return [message for message in await self.logged() if isinstance(message, Touchpoint)]

    async def refused(self) -> list[Refused]:
        """The dead letters."""
        return [message for message in await self.logged() if isinstance(message, Refused)]

    async def metric(self, line: str) -> float:
        """The value of one line of /metrics, 0 when it is not there."""
        text = (await self.client.get("/metrics")).text
        found = [row.rpartition(" ")[2] for row in text.splitlines() if row.startswith(line + " ")]
        return float(found[0]) if found else 0.0


@asynccontextmanager
async def serving(
    log: Log | None = None,
    *,
    identity: IdentitySettings | None = None,
    clock: Callable[[], int] = lambda: RECEIVED_AT,
    currency: str = "",
    **settings: Any,
) -> AsyncIterator[Service]:
    """A service with the sources above; ``settings`` are those of ``IngestSettings``."""
    numbers = count(1)
    log = log or MemoryLog(LogSettings())
    app = create_app(
        IngestSettings(**settings),
        log,
        Directory(lambda: SOURCES.values()),
        identity=identity,
        currency=currency,
        clock=clock,
        ids=lambda: f"generated-{next(numbers)}",
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest.test") as client:
        yield Service(client, log)
