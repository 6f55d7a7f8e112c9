"""Ingest as the SDK meets it: the real application behind a real server, and in front of it a network that can go
wrong."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from ingest.app import create_app
from ingest.settings import IngestSettings
from ingest.sources import Directory
from stage_engine.touchpoint import Touchpoint
from stream.log.memory import MemoryLog
from stream.log.message import decode_frame
from stream.settings import LogSettings
from tests.eventually import eventually
from tests.ingest.service import SOURCES


@dataclass(kw_only=True)
class Answer:
    """What the network says instead of ingest."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"<html>Please log in.</html>"
    taken: bool = False
    """Ingest has taken the request, and its own answer was lost."""


class Network:
    """An ASGI application in front of ingest. ``answers`` are said to the next requests, one each; what comes after
    them reaches ingest."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.answers: list[Answer] = []
        self.requests: list[tuple[float, dict[str, str]]] = []
        """When each came, and its headers."""
        self.open = asyncio.Event()
        """Unless it is set, requests hang."""
        self.open.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append((time.monotonic(), {k.decode(): v.decode() for k, v in scope["headers"]}))
        await self.open.wait()
        if not self.answers:
            await self._app(scope, receive, send)
            return
        answer = self.answers.pop(0)
        if answer.taken:
            await self._app(scope, receive, _nowhere)
        else:
            while (await receive()).get("more_body"):
                pass
        headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


async def _nowhere(event: Any) -> None:
    pass


class RunningIngest:
    """A server in a thread of its own."""

    def __init__(self, settings: IngestSettings) -> None:
        self.log = MemoryLog(LogSettings())
        self.network = Network(create_app(settings, self.log, Directory(lambda: SOURCES.values())))
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.network, port=0, http="httptools", log_config=None, access_log=False, lifespan="off",
                timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        self._thread = threading.Thread(target=self._run)
        self._loop = asyncio.new_event_loop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve())
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def shut(self) -> None:
        """From now on requests hang."""
        self._loop.call_soon_threadsafe(self.network.open.clear)

    def reopen(self) -> None:
        self._loop.call_soon_threadsafe(self.network.open.set)

    def touchpoints(self) -> list[Touchpoint]:
        """All that was accepted, copies included."""
        everything = self.log.read(dict.fromkeys(range(self.log.partitions), 0), messages_max=1_000_000, wait_s=0)
        records = asyncio.run_coroutine_threadsafe(everything, self._loop).result(10)
        messages = [message for record in records for message in decode_frame(record.frame)]
        return [message for message in messages if isinstance(message, Touchpoint)]

    def start(self) -> None:
        self._thread.start()
        eventually(lambda: self._server.started)

    def stop(self) -> None:
        self.reopen()
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()


@contextmanager
def running_ingest(**settings: Any) -> Iterator[RunningIngest]:
    """``settings`` are those of ``IngestSettings``."""
    running = RunningIngest(IngestSettings(**settings))
    running.start()
    try:
        yield running
    finally:
        running.stop()
