from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tappa_sdk import AsyncTappa, Tappa, TappaMiddleware, anonymous_id
from tests.ingest.service import KEY
from tests.sdk.python.ingest import RunningIngest


@pytest.fixture
async def shop(ingest: RunningIngest) -> AsyncIterator[httpx.AsyncClient]:
    """A shop's server that tracks what its visitors do, by either client."""
    app = FastAPI()
    app.add_middleware(TappaMiddleware)
    waiting, awaiting = Tappa(KEY, ingest.url, interval_s=0.01), AsyncTappa(KEY, ingest.url, interval_s=0.01)

    @app.post("/waits/{user}")
    def waits(user: str) -> str | None:
        waiting.track("Order Completed", user_id=user)
        return anonymous_id()

    @app.post("/awaits/{user}")
    async def awaits(user: str) -> str | None:
        await asyncio.sleep(0.01)
        await awaiting.track("Order Completed", user_id=user)
        return anonymous_id()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as client:
        yield client
    await awaiting.close()
    waiting.close()


async def arrived(ingest: RunningIngest, count: int) -> dict[str, str]:
    """The anonymous id of each user, once so many are there."""
    async with asyncio.timeout(30):
        while len(found := ingest.touchpoints()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return {touchpoint.user_id: touchpoint.anonymous_id for touchpoint in found}


async def test_what_the_server_tracks_carries_the_id_of_the_page(
    ingest: RunningIngest, shop: httpx.AsyncClient
) -> None:
    cookies = [{"cookie": f"theme=dark; tappa_anonymous_id=a-{number}; x=1"} for number in range(20)]
    ways = ("waits", "awaits")
    said = await asyncio.gather(
        *(shop.post(f"/{way}/{way}{number}", headers=cookies[number]) for number in range(20) for way in ways)
    )
    assert [answer.json() for answer in said] == [f"a-{number}" for number in range(20) for _ in ways]
    assert await arrived(ingest, 40) == {f"{way}{number}": f"a-{number}" for number in range(20) for way in ways}


@pytest.mark.parametrize(
    ("cookie", "id_"),
    [
        ("ajs_anonymous_id=%22a-7%22", "a-7"),
        ("ajs_anonymous_id=a-8; tappa_anonymous_id=a-7", "a-7"),
        ("tappa_anonymous_id=a%207", "a 7"),
        ("tappa_anonymous_id=", None),
        ("tappa_anonymous_id", None),
        ("my_tappa_anonymous_id=a-7", None),
        (f"tappa_anonymous_id={'a' * 300}", None),
        ("", None),
    ],
)
async def test_the_id_is_read_as_browsers_write_it(shop: httpx.AsyncClient, cookie: str, id_: str | None) -> None:
    assert (await shop.post("/awaits/42", headers={"cookie": cookie} if cookie else {})).json() == id_


async def test_a_visitor_who_is_named_keeps_their_name(ingest: RunningIngest) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        tappa.track("Signed Up", user_id="42", anonymous_id="mine")
        tappa.alias("41", "42")

    scope = {"type": "http", "headers": [(b"cookie", b"tappa_anonymous_id=a-7")]}
    with Tappa(KEY, ingest.url, interval_s=0.01) as tappa:
        await TappaMiddleware(application)(scope, None, None)  # type: ignore[arg-type]
    assert sorted(touchpoint.anonymous_id for touchpoint in ingest.touchpoints()) == ["", "mine"]
    assert anonymous_id() is None


async def test_what_is_no_request_passes() -> None:
    passed: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    await TappaMiddleware(application)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert passed == ["lifespan"]
