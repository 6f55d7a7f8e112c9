"""The ClickHouse HTTP interface as an ASGI application: who asks, is there a place, and what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.types import Receive, Scope, Send

from store.embedded import metrics
from store.embedded.body import Body, ClientGoneError
from store.embedded.conversation import Conversation
from store.embedded.engine import Engine
from store.embedded.execution import Asked, Executor
from store.embedded.intake import read_statement
from store.embedded.places import Places
from store.embedded.policy import Role
from store.embedded.refusal import (
    AUTHENTICATION_FAILED,
    REQUIRED_PASSWORD,
    STORE_IS_STOPPING,
    EngineError,
    RefusedError,
)
from store.embedded.reply import Reply
from store.embedded.request import Request, parse_request
from store.embedded.sessions import Sessions
from store.settings import StoreSettings

logger = logging.getLogger("tappa.store")

_EXPIRY_S: Final = 5.0
_KILLERS: Final = 2
_OK: Final = b"Ok.\n"


class StoreApp:
    """Serves one engine. ``stop`` refuses new statements; ``close`` comes when none runs any more."""

    def __init__(self, engine: Engine, settings: StoreSettings) -> None:
        limits = settings.embedded
        self._engine = engine
        self._settings = settings
        self._sessions = Sessions(
            engine, sessions_max=limits.sessions_max, seconds_max=limits.session_seconds_max, clock=time.monotonic
        )
        self._executor = Executor(engine, self._sessions, settings)
        self._threads = ThreadPoolExecutor(limits.queries_max, thread_name_prefix="statement")
        self._killers = ThreadPoolExecutor(_KILLERS, thread_name_prefix="kill")
        self._places = self._new_places(limits.queries_max)
        self._analyst_places = self._new_places(limits.analyst_queries_max)
        self._stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or the application's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        reply = Reply(
            send,
            query_id=str(uuid.uuid4()),
            version=self._engine.version,
            timezone=self._engine.timezone,
            headless=scope["method"] == "HEAD",
        )
        match scope["path"]:
            case "/ping" | "/replicas_status":
                await reply.plain(200, _OK)
            case "/metrics":
                await reply.plain(200, metrics.exposition(), "text/plain; version=0.0.4; charset=utf-8")
            case "/" | "/query":
                await self._guarded(scope, receive, reply)
            case path:
                await reply.plain(404, f"There is no handle {path}\nUse / or /ping.\n".encode())

    def stop(self) -> None:
        """From now on statements are refused."""
        self._stopping = True

    def kill_all(self) -> None:
        """Cancel what runs."""
        with contextlib.suppress(EngineError):
            self._engine.kill()

    async def _live(self, receive: Receive, send: Send) -> None:
        """From the server's start to its end, when no request is left."""
        await receive()
        expiry = asyncio.create_task(self._expire_sessions())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        expiry.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _expire_sessions(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRY_S)
            await asyncio.get_running_loop().run_in_executor(self._killers, self._sessions.expire)

    def close(self) -> None:
        """Wait for the threads, then close the engine."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._killers.shutdown(wait=True, cancel_futures=True)
        self._sessions.close()
        self._engine.close()

    async def _guarded(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        """Whatever goes wrong is an answer, or, within the answer's body, the end of the connection."""
        try:
            await self._serve(scope, receive, reply)
        except (EngineError, RefusedError) as error:
            await reply.fail(error)
        except ClientGoneError:
            return
        except Exception as error:
            # not its message: that may hold a statement
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("a request failed: %s\n%s", type(error).__name__, where)
            await reply.fail(EngineError(f"The store failed: {type(error).__name__}, see its log"))

    async def _serve(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        method = scope["method"]
        if method not in ("GET", "HEAD", "POST"):
            await reply.plain(501, b"Use POST, or GET to read.\n")
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request = parse_request(method, scope["query_string"], headers, str(uuid.uuid4()))
        if method != "POST" and not request.query:
            await reply.plain(200, _OK)
            return
        reply.ask(request)
        role = self._role(request)
        if self._stopping:
            raise RefusedError(STORE_IS_STOPPING, "The store is stopping; try again later")
        with metrics.RUNNING.track_inprogress():
            async with contextlib.AsyncExitStack() as places:
                if role is Role.ANALYST:
                    await places.enter_async_context(self._analyst_places.taken())
                await places.enter_async_context(self._places.taken())
                await self._converse(request, role, receive, reply)

    async def _converse(self, request: Request, role: Role, receive: Receive, reply: Reply) -> None:
        limits = self._settings.embedded
        body = Body(
            receive,
            encoding=request.content_encoding,
            framed=request.framed_in,
            wait_s_max=limits.client_seconds_max,
        )
        bytes_max = limits.statement_bytes_max if role is Role.WRITER else limits.analyst_statement_bytes_max
        statement = await read_statement(request, body, bytes_max)
        asked = Asked(
            role=role,
            user=request.user or "",
            request=statement.request,
            sql=statement.sql,
            insert=statement.insert,
            tag=uuid.uuid4().hex,
        )
        conversation = Conversation(
            self._threads,
            self._engine.kill,
            self._killers,
            client_s_max=limits.client_seconds_max,
            held_bytes_max=limits.result_bytes_max,
        )
        with metrics.observed(role.value) as observed:
            if statement.insert is None:
                observed.kind = await conversation.answer(self._executor, asked, receive, reply)
            else:
                observed.kind = "insert"
                rows = await conversation.insert(self._executor, asked, statement.data, body, reply)
                metrics.WRITTEN_ROWS.inc(rows)

    def _role(self, request: Request) -> Role:
        """Who is it? A user without a password cannot log in."""
        if request.user is None:
            raise RefusedError(REQUIRED_PASSWORD, "Authentication required: give a user and a password")
        for role, user, password in (
            (Role.WRITER, self._settings.user, self._settings.password),
            (Role.ANALYST, self._settings.analyst, self._settings.analyst_password),
        ):
            secret = password.get_secret_value()
            same = hmac.compare_digest(request.password.encode(), secret.encode())
            if request.user == user and same and secret:
                return role
        raise RefusedError(
            AUTHENTICATION_FAILED,
            f"{request.user}: Authentication failed: password is incorrect, or there is no user with such name.",
        )

    def _new_places(self, places: int) -> Places:
        limits = self._settings.embedded
        return Places(places=places, waiting_max=limits.queries_waiting_max, wait_s_max=limits.queries_waiting_s_max)
