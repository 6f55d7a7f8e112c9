"""The sample shop as a site: static pages with the script tag, and the little that a shop's own server does for them.

A page may ask one thing only: where its own visitor is. The server knows the visitor by the cookie of their browser
and asks with a read key, which never leaves it. Loyalty cards, too, are told by the server: a browser's write key is
public, and anyone could claim somebody's card with it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
import urllib3
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.sources import Source

PAGE: Final = Source(name="shop-page", browser=True, joins="device")
SERVER: Final = Source(name="shop-server")
TILL: Final = Source(name="shop-till", channel="store")

COOKIE: Final = "tappa_anonymous_id"
BODY_BYTES_MAX: Final = 1_000
TOUCHPOINTS: Final = 12
ANSWER_S_MAX: Final = 10.0

_DEVICE: Final = re.compile(r"[0-9A-Za-z-]{16,64}", re.ASCII)
_CARD: Final = re.compile(r"[0-9]{4,16}", re.ASCII)


class Journeys:
    """Ingest and the read API, as the shop's server uses them. Each call blocks."""

    def __init__(self, url: str, *, read_key: str, server_key: str, till_key: str) -> None:
        self._url = url
        self._read_key = read_key
        self._server_key = server_key
        self._till_key = till_key
        self._pool = urllib3.PoolManager(timeout=ANSWER_S_MAX, retries=False)

    def of(self, device: str) -> dict[str, Any]:
        """Where the visitor of a device is and what they did last; no stage while nothing of them is known."""
        answer = self._pool.request(
            "GET",
            f"{self._url}/v1/customers/device:{device}?touchpoints={TOUCHPOINTS}",
            headers={"authorization": f"Bearer {self._read_key}"},
        )
        if answer.status != 200:
            return {"stage": "", "touchpoints": []}
        told = orjson.loads(answer.data)
        return {
            "stage": next((model["stage"] for model in told["models"] if model["model"] == "seven_stage"), ""),
            "touchpoints": [
                {name: touchpoint[name] for name in ("event", "channel", "stage_before", "stage_after", "message_id")}
                for touchpoint in told["touchpoints"]
            ],
        }

    def know_card(self, device: str, card: str) -> bool:
        """The visitor of a device has said their loyalty card."""
        body = {"anonymousId": device, "traits": {"loyalty_card": card}, "messageId": str(uuid4())}
        return self._post("/v1/identify", self._server_key, body)

    def sell(self, card: str) -> bool:
        """A till sells a pair of socks to whoever carries the card."""
        now = datetime.now(UTC)
        receipt = {
            "receipt_id": f"{now:%H%M%S%f}",
            "store_id": "milano-01",
            "till_id": "1",
            "sold_at": now.isoformat(),
            "total": 15,
            "currency": "EUR",
            "customer": {"loyalty_card": card},
            "lines": [{"sku": "SM-001", "name": "Wool Socks", "quantity": 1, "unit_price": 15}],
        }
        return self._post("/v1/receipts", self._till_key, receipt)

    def _post(self, path: str, key: str, body: dict[str, Any]) -> bool:
        headers = {**urllib3.make_headers(basic_auth=f"{key}:"), "content-type": "application/json"}
        answer = self._pool.request("POST", self._url + path, body=orjson.dumps(body), headers=headers)
        return answer.status == 200 and orjson.loads(answer.data)["accepted"] == 1


def create_shop(pages: Path, journeys: Journeys, *, ingest: str, write_key: str) -> ASGIApp:
    """The site. ``pages`` are its files; ``ingest`` is the address that browsers send to, with ``write_key``."""

    async def settings(request: Request) -> Response:
        return _json({"host": ingest, "writeKey": write_key})

    async def journey(request: Request) -> Response:
        device = request.cookies.get(COOKIE, "")
        if not _DEVICE.fullmatch(device):
            return _json({"stage": "", "touchpoints": []})
        return _json(await _asked(journeys.of, device))

    async def card(request: Request) -> Response:
        device, number = request.cookies.get(COOKIE, ""), await _card_of(request)
        if not number or not _DEVICE.fullmatch(device):
            return _json({"done": False}, 400)
        return _json({"done": await _asked(journeys.know_card, device, number)})

    async def till(request: Request) -> Response:
        number = await _card_of(request)
        return _json({"done": await _asked(journeys.sell, number)}) if number else _json({"done": False}, 400)

    return Guarded(
        Starlette(
            routes=[
                Route("/settings.json", settings),
                Route("/journey", journey),
                Route("/card", card, methods=["POST"]),
                Route("/till", till, methods=["POST"]),
                Mount("/", StaticFiles(directory=pages, html=True)),
            ]
        ),
        f"default-src 'self'; connect-src 'self' {ingest}; frame-ancestors 'none'; base-uri 'none'",
    )


class Guarded:
    """Puts a content security policy on every answer: the SDK lives under a strict one."""

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self._app = app
        self._header = (b"content-security-policy", policy.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], self._header, (b"cache-control", b"no-cache")]}
            await send(message)

        await self._app(scope, receive, guarded)


async def _asked(ask: Any, *given: str) -> Any:
    try:
        return await run_in_threadpool(ask, *given)
    except urllib3.exceptions.HTTPError:
        return None  # ingest is away: the page asks again


async def _card_of(request: Request) -> str:
    """The card in the body of a request that only a page of the shop itself can make; ``""`` when there is none."""
    if request.headers.get("content-type") != "application/json":  # another site's page cannot say this unasked
        return ""
    if int(request.headers.get("content-length", BODY_BYTES_MAX + 1)) > BODY_BYTES_MAX:
        return ""
    try:
        number = orjson.loads(await request.body())["card"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    return number if isinstance(number, str) and _CARD.fullmatch(number) else ""


def _json(told: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(told), status, media_type="application/json")
