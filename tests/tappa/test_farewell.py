"""How ingest takes leave of its senders."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from ingest.app import create_app
from ingest.settings import IngestSettings
from ingest.sources import Directory
from stream.log.memory import MemoryLog
from stream.settings import LogSettings
from tappa.farewell import Farewell, Server
from tests.ingest.service import SOURCES

ASKED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def listening(drain_s: float) -> AsyncIterator[tuple[Server, int]]:
    """A running server and its port; ended afterwards."""
    farewell = Farewell(create_app(IngestSettings(), MemoryLog(LogSettings()), Directory(lambda: SOURCES.values())))
    config = uvicorn.Config(farewell, port=0, http="httptools", log_config=None, access_log=False, lifespan="off")
    server = Server(config, farewell, drain_s)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0.01)
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


class Sender:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def ask(self, request: bytes = ASKED) -> bytes:
        """The head of the answer."""
        self._writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await self.reader.readexactly(length)
        return head


@asynccontextmanager
async def sender_to(port: int) -> AsyncIterator[Sender]:
    """Connected, and disconnected afterwards."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Sender(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def leaving(server: Server, sender: Sender) -> None:
    """Tell the server to stop, and wait until it takes leave of whoever comes anew."""
    server.should_exit = True
    while b"connection: close" not in await sender.ask():  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0.01)


async def test_a_connection_that_rested_when_the_server_was_told_to_stop_is_answered_once_more() -> None:
    async with listening(drain_s=60) as (server, port), sender_to(port) as rested, sender_to(port) as other:
        assert b"connection: close" not in await rested.ask()
        await leaving(server, other)
        head = await rested.ask()
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in head
        assert await rested.reader.read() == b"", "then it is closed"


async def test_who_connects_while_the_server_takes_leave_is_answered() -> None:
    async with listening(drain_s=60) as (server, port), sender_to(port) as staying, sender_to(port) as other:
        await leaving(server, other)
        async with sender_to(port) as late:
            assert (await late.ask()).startswith(b"HTTP/1.1 200 ")
        assert (await staying.ask()).startswith(b"HTTP/1.1 200 ")


async def test_a_server_that_takes_leave_is_not_ready() -> None:
    async with listening(drain_s=60) as (server, port), sender_to(port) as asking, sender_to(port) as other:
        assert (await asking.ask(ASKED.replace(b"healthz", b"readyz"))).startswith(b"HTTP/1.1 200 ")
        await leaving(server, other)
        assert (await asking.ask(ASKED.replace(b"healthz", b"readyz"))).startswith(b"HTTP/1.1 503 ")


async def test_a_connection_that_is_never_used_again_is_closed_in_the_end() -> None:
    async with listening(drain_s=0.2) as (server, port), sender_to(port) as rested:
        await rested.ask()
        server.should_exit = True
        assert await rested.reader.read() == b""
