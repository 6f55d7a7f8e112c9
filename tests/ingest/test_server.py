"""Ingest behind a real server: slow senders, large bodies, senders that go away."""

from __future__ import annotations

import asyncio
import gzip
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn

from ingest.app import create_app
from ingest.settings import IngestSettings
from ingest.sources import Directory
from stream.log.memory import MemoryLog
from stream.settings import LogSettings
from tests.ingest.service import KEY, SOURCES

HEAD = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {b64encode(KEY.encode()).decode()}\r\n"


@asynccontextmanager
async def listening(settings: IngestSettings) -> AsyncIterator[int]:
    """The port of a running server."""
    app = create_app(settings, MemoryLog(LogSettings()), Directory(lambda: SOURCES.values()))
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http="httptools", log_config=None, access_log=False, lifespan="off")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def answer_to(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    found = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return found


async def test_a_sender_that_stops_half_way_is_told_so_and_let_go() -> None:
    async with listening(IngestSettings(body_timeout_s=0.2)) as port:
        found = await answer_to(port, f'{HEAD}Content-Length: 1000\r\n\r\n{{"batch":['.encode())
    assert found.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_timeout"' in found


async def test_many_slow_senders_do_not_keep_others_waiting() -> None:
    async with listening(IngestSettings(body_timeout_s=5)) as port:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
        for _, writer in slow:
            writer.write(f'{HEAD}Content-Length: 400000\r\n\r\n{{"batch":['.encode())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answer = await client.post("/v1/page", json={"anonymousId": "a"}, auth=(KEY, ""))
            assert answer.json()["accepted"] == 1
            for _, writer in slow:
                writer.close()
            assert (await client.get("/healthz")).status_code == 200


async def test_a_sender_that_goes_away_is_counted_and_holds_nothing() -> None:
    async with listening(IngestSettings()) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{HEAD}Content-Length: 1000\r\n\r\n".encode() + b" " * 500)
        await writer.drain()
        writer.close()
        async with asyncio.timeout(10):
            while "tappa_ingest_disconnected_total 1.0" not in (await client.get("/metrics")).text:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert "tappa_ingest_in_flight_bytes 0.0" in (await client.get("/metrics")).text


async def test_bodies_up_to_the_limit_are_taken_and_larger_ones_refused_whether_or_not_they_say_their_length() -> None:
    page = {"type": "page", "anonymousId": "a", "properties": {"x": "y" * 20_000}}
    fits, large = ({"batch": [page] * count} for count in (24, 30))

    async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    async with listening(IngestSettings()) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        packed = {"content-encoding": "gzip"}
        answers = [
            await client.post("/v1/batch", content=json.dumps(fits), auth=(KEY, "")),
            await client.post("/v1/batch", content=in_pieces(json.dumps(fits).encode()), auth=(KEY, "")),
            await client.post(
                "/v1/batch", content=gzip.compress(json.dumps(fits).encode()), auth=(KEY, ""), headers=packed
            ),
            await client.post("/v1/batch", content=json.dumps(large), auth=(KEY, "")),
            await client.post("/v1/batch", content=in_pieces(json.dumps(large).encode()), auth=(KEY, "")),
            await client.post(
                "/v1/batch", content=gzip.compress(json.dumps(large).encode()), auth=(KEY, ""), headers=packed
            ),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 413, 413, 413]
