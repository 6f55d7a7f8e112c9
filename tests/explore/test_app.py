"""The read side as a client meets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from explore.answering import Answering
from explore.app import create_router, key_of
from explore.asked import Typed
from explore.documentation import ENDPOINTS, section
from explore.refusals import TABLE, Code, RefusedError
from explore.settings import ExploreSettings
from stage_engine.identity.limits import Limits
from store.clickhouse import ClickHouseStore, connect
from store.settings import StoreSettings
from tests.explore.conftest import World
from tests.stream.touchpoints import touchpoint

KEYS = {"a-read-key": "reader", "a-write-key": "writer"}
HTTP_MD = Path(__file__).parents[2] / "docs" / "http.md"


@asynccontextmanager
async def serving(store: ClickHouseStore, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    explore = ExploreSettings(**settings)
    answering = Answering(explore.answers_max, explore.waiting_max)
    app = FastAPI()
    app.include_router(
        create_router(
            explore,
            store,
            answering,
            limits=Limits(),
            normalise=Typed,
            default_model="seven_stage",
            access=lambda key: KEYS.get(key, "unknown"),  # type: ignore[arg-type,return-value]
        )
    )
    transport = httpx.ASGITransport(app)
    headers = {"authorization": "Bearer a-read-key"}
    async with httpx.AsyncClient(transport=transport, base_url="http://tappa", headers=headers) as client:
        yield client
    answering.close()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    await world.send(touchpoint("1", user="ada", device="a/b", contacts=("phone:+39333",)), touchpoint("2", user="bob"))
    async with serving(world.store) as client:
        yield client


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_why_is_answered_as_json_that_nobody_keeps(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/why", params={"a": "user:ada", "b": "device:a/b"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["joined"], answer.json()["customer_id"]) == (True, "user:ada")


async def test_a_customer_is_found_by_an_identifier_with_a_slash_or_a_plus(client: httpx.AsyncClient) -> None:
    for path in ("device:a/b", "device:a%2Fb", "phone:+39333", "phone:%2B39333"):
        answer = await client.get(f"/v1/customers/{path}")
        assert answer.json()["customer_id"] == "user:ada"
    assert (await client.get("/v1/why?a=phone:+39333&b=user:ada")).json()["joined"]


async def test_only_a_read_key_reads(client: httpx.AsyncClient) -> None:
    async def with_header(header: str) -> tuple[int, str]:
        return code(await client.get("/v1/customers/user:ada", headers={"authorization": header}))

    assert await with_header("") == (401, "missing_read_key")
    assert await with_header("Basic ???") == (401, "missing_read_key")
    assert await with_header("Bearer nonsense") == (401, "unknown_read_key")
    assert await with_header("Bearer a-write-key") == (403, "write_key")
    basic = await client.get("/v1/customers/user:ada", headers={"authorization": ""}, auth=("a-read-key", ""))
    assert basic.status_code == 200
    unasked = await client.get("/v1/customers/user:ada", headers={"authorization": ""})
    assert unasked.headers["www-authenticate"] == 'Bearer realm="tappa"'


async def test_a_key_is_asked_for_before_parameters_are_looked_at(client: httpx.AsyncClient) -> None:
    assert code(await client.get("/v1/why", headers={"authorization": ""})) == (401, "missing_read_key")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/why?a=user:ada", (400, "invalid_parameter")),
        ("/v1/why?a=user:ada&b=user:ada", (400, "invalid_parameter")),
        ("/v1/customers/user:ada?touchpoints=1001", (400, "invalid_parameter")),
        ("/v1/customers/user:ada?touchpoints=-1", (400, "invalid_parameter")),
        ("/v1/customers/user:ada?touchpoints=many", (400, "invalid_parameter")),
        ("/v1/customers/user:nobody", (404, "never_seen")),
        ("/v1/customers/user:'%5C%00", (404, "never_seen")),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    client: httpx.AsyncClient, path: str, expected: tuple[int, str]
) -> None:
    answer = await client.get(path)
    assert code(answer) == expected
    assert answer.json()["message"].endswith(".")


async def test_while_the_store_is_away_a_reader_is_told_to_come_again() -> None:
    away = connect(StoreSettings(port=1, connect_timeout_s=1))
    async with serving(away, retry_after_s=7) as client:
        answer = await client.get("/v1/customers/user:ada")
    assert code(answer) == (503, "store_unavailable")
    assert answer.headers["retry-after"] == "7"


async def test_of_too_many_questions_at_once_some_are_told_to_come_again() -> None:
    answering = Answering(1, 1)
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def question() -> int:
        waiting = asyncio.run_coroutine_threadsafe(release.wait(), loop)
        await asyncio.to_thread(waiting.result, 10)
        return 1

    first, second = asyncio.create_task(answering(question)), asyncio.create_task(answering(question))
    await asyncio.sleep(0)
    with pytest.raises(RefusedError, match="Too many are reading") as caught:
        await answering(question)
    assert caught.value.status == 503
    release.set()
    assert await asyncio.gather(first, second) == [1, 1]
    assert await answering(question) == 1
    answering.close()


async def test_every_endpoint_is_documented(client: httpx.AsyncClient) -> None:
    spec = (await client.get("/openapi.json")).json()
    assert set(spec["paths"]) == set(ENDPOINTS)
    text = HTTP_MD.read_text("utf-8")
    assert [path for path in ENDPOINTS if path not in text or path not in section()] == []
    assert [row for row in Code if f"`{row}`" not in text or f"<code>{row}<" not in section()] == []


def test_every_refusal_says_what_it_is() -> None:
    assert set(TABLE) == set(Code)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer k", "k"), ("bearer  k ", "k"), ("Basic azo=", "k"), ("Basic azpwYXNz", "k"), ("Basic aw", "k"),
        ("Basic \xff", ""), ("Digest k", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_key_is_a_bearers_or_a_basic_user_name(header: str, key: str) -> None:
    assert key_of(header) == key
