"""The HTTP application of ingest: addresses and answers; what happens in between is ``ingest.reception``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import uuid4

import orjson
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from ingest import documentation
from ingest.arrival import Rules
from ingest.hooks.signature import HEADERS
from ingest.judge import RECEIPT
from ingest.metrics import CONTENT_TYPE, Metrics
from ingest.reception import BATCH, CORS, Reception, json_response, refusal_response
from ingest.refusals import Code, RequestRefusedError
from ingest.settings import IdentitySettings, IngestSettings
from ingest.sources import Sources
from stream.log.interface import Log, LogError

SINGLE: Final = {
    "track": "t",
    "identify": "i",
    "page": "p",
    "screen": "s",
    "group": "g",
    "alias": "a",
}
"""Type of a single message, which is its address, and the short address."""

PREFLIGHT: Final = {
    **CORS,
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "authorization, content-type, x-retry-count, content-encoding",
    "access-control-max-age": "86400",
}

Handler = Callable[[Request], Awaitable[Response]]


class Application(FastAPI):
    """FastAPI, with a short way to the write endpoints: its routing and middlewares would cost a single touchpoint more
    than everything else that is done for it. Documentation and all other answers are FastAPI's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.writes: dict[str, Handler] = {}
        """By path: what answers a POST."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        handler = self._writer(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if handler is None:
            await super().__call__(scope, receive, send)
            return
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)

    def _writer(self, path: str) -> Handler | None:
        """Of an address, whatever slashes are around it: Segment's client for Java ends it with one, begins it with two
        when its endpoint ends with one, and would throw away whatever gets a 404."""
        return self.writes.get(path) or self.writes.get("/" + path.strip("/"))


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """A random id for a message that came without one."""
    return str(uuid4())


def create_app(
    settings: IngestSettings,
    log: Log,
    sources: Sources,
    *,
    identity: IdentitySettings | None = None,
    currency: str = "",
    further_docs: str = "",
    clock: Callable[[], int] = now_ms,
    ids: Callable[[], str] = new_id,
) -> FastAPI:
    """The application. It opens and closes nothing: ``log`` and ``sources`` are the caller's. ``currency`` is that of
    values which name none; ``further_docs`` is HTML below that of ``/docs``; ``clock`` gives milliseconds since 1970,
    ``ids`` the ids of messages that have none."""
    metrics = Metrics()
    rules = Rules.of(settings, identity or IdentitySettings(), currency, ids)
    reception = Reception(rules, log, sources, metrics, clock)
    app = Application(
        title="Tappa ingest",
        version="1",
        description=documentation.OVERVIEW,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )

    def route(endpoint: str, method: str, handler: Handler) -> Handler:
        async def counted(request: Request) -> Response:
            response = await _answered(handler, request, metrics, settings.retry_after_s)
            metrics.requests.labels(endpoint, str(response.status_code)).inc()
            return response

        app.add_api_route(
            endpoint, counted, methods=[method], response_model=None, name=endpoint, **documentation.of(endpoint)
        )
        return counted

    def write(endpoint: str, kind: str) -> None:
        async def take(request: Request) -> Response:
            return await reception.take(request, endpoint, kind)

        app.writes[endpoint] = route(endpoint, "POST", take)

    for type_, short in SINGLE.items():
        write(f"/v1/{type_}", type_)
        write(f"/v1/{short}", type_)
    for path in ("/v1/batch", "/v1/import", "/v1/b"):
        write(path, BATCH)
    write("/v1/receipts", RECEIPT)

    async def take_file(request: Request) -> Response:
        return await reception.take_file(request)

    app.writes["/v1/files"] = route("/v1/files", "POST", take_file)

    def hook(kind: str) -> None:
        async def take(request: Request) -> Response:
            return await reception.take_hook(request, kind, request.path_params["source"])

        route(f"/v1/hooks/{kind}/{{source}}", "POST", take)

    for kind in HEADERS:
        hook(kind)

    async def project(request: Request) -> Response:
        return _project_settings(request, sources, settings.public_url)

    async def client_metrics(request: Request) -> Response:
        return json_response(200, b'{"success":true}')

    async def healthz(request: Request) -> Response:
        return json_response(200, b'{"status":"ok"}')

    async def readyz(request: Request) -> Response:
        return await _readiness(log, reception, settings.ready_timeout_s)

    async def prometheus(request: Request) -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    async def docs(request: Request) -> Response:
        return HTMLResponse(documentation.page() + further_docs)

    route("/v1/projects/{write_key}/settings", "GET", project)
    route("/v1/m", "POST", client_metrics)
    route("/healthz", "GET", healthz)
    route("/readyz", "GET", readyz)
    route("/metrics", "GET", prometheus)
    route("/docs", "GET", docs)

    async def preflight(request: Request) -> Response:
        return Response(status_code=204, headers=PREFLIGHT)

    app.add_route("/v1/{path:path}", preflight, methods=["OPTIONS"], include_in_schema=False)

    async def not_routed(request: Request, error: Exception) -> Response:
        allow = (error.headers or {}).get("Allow", "") if isinstance(error, HTTPException) else ""
        is_there = allow not in {"", "OPTIONS"}  # a preflight is answered at any address
        code = Code.METHOD_NOT_ALLOWED if is_there else Code.NOT_FOUND
        metrics.rejected.labels(code).inc()
        response = refusal_response(RequestRefusedError(code), settings.retry_after_s)
        metrics.requests.labels("", str(response.status_code)).inc()
        if is_there:
            response.headers["allow"] = allow
        return response

    app.add_exception_handler(HTTPException, not_routed)
    return app


async def _answered(handler: Handler, request: Request, metrics: Metrics, retry_after_s: int) -> Response:
    try:
        return await handler(request)
    except RequestRefusedError as refusal:
        metrics.rejected.labels(refusal.code).inc()
        return refusal_response(refusal, retry_after_s)
    except ClientDisconnect:
        metrics.disconnected.inc()
        return Response(status_code=400)  # nobody is there to read it


def _project_settings(request: Request, sources: Sources, public_url: str) -> Response:
    """What Segment's browser client asks for before it sends anything."""
    key = request.path_params["write_key"]
    if sources.find(key) is None:
        raise RequestRefusedError(Code.UNKNOWN_WRITE_KEY)
    protocol, _, host = (public_url or str(request.base_url)).rstrip("/").partition("://")
    body = {"integrations": {"Segment.io": {"apiKey": key, "apiHost": f"{host}/v1", "protocol": protocol}}}
    return json_response(200, orjson.dumps(body), {"cache-control": "private, max-age=300"})


async def _readiness(log: Log, reception: Reception, timeout_s: float) -> Response:
    try:
        async with asyncio.timeout(timeout_s):
            await log.ends()
    except (LogError, TimeoutError):
        raise RequestRefusedError(Code.LOG_UNAVAILABLE) from None
    if reception.log_failed:
        raise RequestRefusedError(Code.LOG_UNAVAILABLE, "it has just failed")
    return json_response(200, b'{"status":"ready"}')
