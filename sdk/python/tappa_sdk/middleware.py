"""From the page to the server: the visitor's anonymous id."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, MutableMapping, Sequence
from typing import Any, Callable
from urllib.parse import unquote

from tappa_sdk.visitor import COOKIE, current

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ID_CHARACTERS_MAX = 256
"""A longer one is nobody's, and Tappa would refuse it."""


class TappaMiddleware:
    """ASGI middleware: ``app.add_middleware(TappaMiddleware)`` in FastAPI and Starlette. While a request is answered,
    calls that name no ``anonymous_id`` carry that of the page, so that what the server tracks and what the page tracked
    are one customer's. ``cookies`` are looked for in this order; the second is that of Segment's browser client."""

    def __init__(self, app: Application, cookies: Sequence[str] = (COOKIE, "ajs_anonymous_id")) -> None:
        self._app = app
        self._cookies = cookies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        token = current.set(_visitor(scope["headers"], self._cookies))
        try:
            await self._app(scope, receive, send)
        finally:
            current.reset(token)


def _visitor(headers: Iterable[tuple[bytes, bytes]], names: Sequence[str]) -> str | None:
    found: dict[str, str] = {}
    for name, value in headers:
        if name == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                key, _, said = pair.partition("=")
                found.setdefault(key.strip(), unquote(said.strip()).strip('"'))
    for cookie in names:
        value_ = found.get(cookie, "")
        if value_ and len(value_) <= ID_CHARACTERS_MAX:
            return value_
    return None
