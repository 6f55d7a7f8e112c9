"""How ingest stops without a request that fails (``docs/kafka.md``, "Restarting without a failed request").

A server that closes a connection on which a request is just arriving makes that request fail, and no client can know
whether it counted. So nothing is closed at first: for a while every answer says ``Connection: close``, so that whoever
sends goes elsewhere by themselves, and who connects anew is still answered. Only then are connections closed: those on
which nothing came all that time.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time
from typing import Final

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOK_INTERVAL_S: Final = 0.05
LAST_S: Final = 1.0
"""For who has connected and not yet asked when nobody is accepted any more."""
READY: Final = "/readyz"


class Farewell:
    """An application that takes leave from ``begin`` on: it is not ready any more, and answers all the same."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._leaving = False

    def begin(self) -> None:
        """From now on each answer is the last on its connection."""
        self._leaving = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Whether it is the last on its connection is decided when the answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._leaving and scope["path"] == READY:
            gone = PlainTextResponse("stopping\n", 503, {"connection": "close"})
            await gone(scope, receive, send)
            return

        async def last(message: Message) -> None:
            if self._leaving and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, last)


class Server(uvicorn.Server):
    """uvicorn's server, that takes leave before it stops, for ``drain_s`` at most; less when nobody is connected."""

    def __init__(self, config: uvicorn.Config, farewell: Farewell, drain_s: float) -> None:
        super().__init__(config)
        self._farewell = farewell
        self._drain_s = drain_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take leave, then stop as uvicorn does.

        1. Go on as before, but for ``Connection: close``. 2. Accept nobody any more: who connects waits for whoever
        listens on the same socket next. 3. Wait for those who connected last, whose requests are still on their way.
        """
        self._farewell.begin()
        deadline = time.monotonic() + self._drain_s
        await self._wait_for_connections(deadline)
        for server in self.servers:
            server.close()
        await self._wait_for_connections(deadline + LAST_S)
        while self._arriving() and time.monotonic() < deadline + 2 * LAST_S:  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0)
        await super().shutdown(sockets)

    async def _wait_for_connections(self, until: float) -> None:
        """Return when nobody is connected, or it is time."""
        while self.server_state.connections and time.monotonic() < until:  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(LOOK_INTERVAL_S)

    def _arriving(self) -> bool:
        """Whether bytes have come on a connection that were not read yet: to close it now would throw them away."""
        looking = select.poll()
        for connection in self.server_state.connections:
            with contextlib.suppress(OSError, AttributeError, ValueError):
                looking.register(connection.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(looking.poll(0))
