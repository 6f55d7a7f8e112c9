"""One statement between the loop and its thread: the thread works, the loop receives and sends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import Executor as Threads
from itertools import chain
from typing import Any, Final, TypeVar

from starlette.types import Receive

from store.embedded.body import Body, ClientGoneError
from store.embedded.execution import Asked, Executor, Started
from store.embedded.policy import Kind
from store.embedded.reply import Reply

T = TypeVar("T")

ENDING_S: Final = 0.05
"""Time for a thread that has sent its answer to end; only then is a statement taken for one to cancel."""


class Conversation:
    """Runs the blocking work of one request, and gives up when the client does."""

    def __init__(
        self,
        threads: Threads,
        kill: Callable[[str], None],
        killers: Threads,
        *,
        client_s_max: float,
        held_bytes_max: int,
    ) -> None:
        self._threads = threads
        self._kill = kill
        self._killers = killers
        self._client_s_max = client_s_max
        self._held_bytes_max = held_bytes_max
        self._loop = asyncio.get_running_loop()

    async def answer(self, executor: Executor, asked: Asked, receive: Receive, reply: Reply) -> str:
        """Run a statement and send its answer; its kind. When the client goes away the statement is cancelled."""
        async with _watch(receive) as gone:
            return await self._run(lambda: self._answer(executor, asked, reply), asked.tag, gone)

    async def insert(self, executor: Executor, asked: Asked, data: bytes, body: Body, reply: Reply) -> int:
        """Run an insert with its data, and answer; the number of rows written."""
        return await self._run(lambda: self._insert(executor, asked, data, body, reply), asked.tag, None)

    def _answer(self, executor: Executor, asked: Asked, reply: Reply) -> str:
        with contextlib.closing(executor.answer(asked)) as answer:
            started = next(answer)
            assert isinstance(started, Started)
            body = reply.encoded(piece for piece in answer if isinstance(piece, bytes))
            if asked.request.wait_end:
                body = _held(body, self._held_bytes_max)
            shows = started.kind in (Kind.SELECT, Kind.SHOW)
            self._await(reply.begin(started.counts, started.form if shows else None))
            for piece in body:
                self._await(reply.piece(piece))
        self._await(reply.end())
        return started.kind.value

    def _insert(self, executor: Executor, asked: Asked, data: bytes, body: Body, reply: Reply) -> int:
        with executor.insert(asked) as insert:
            insert.append(data)
            while not body.ended and (batch := self._await(body.batch())):
                for piece in body.decode(batch):
                    insert.append(piece)
            body.check_end()
            counts = insert.done()
        self._await(reply.begin(counts, None))
        self._await(reply.end())
        return counts.written_rows

    def _await(self, step: Coroutine[Any, Any, T]) -> T:
        """From the thread: have the loop do it."""
        try:
            return asyncio.run_coroutine_threadsafe(asyncio.wait_for(step, self._client_s_max), self._loop).result()
        except TimeoutError:
            raise ClientGoneError from None

    async def _run(self, work: Callable[[], T], tag: str, gone: asyncio.Task[None] | None) -> T:
        future = self._loop.run_in_executor(self._threads, work)
        try:
            both: set[asyncio.Future[Any]] = {future} if gone is None else {future, gone}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # A client has gone for uvicorn, too, when it has had the whole answer: the thread is then about to end.
            await asyncio.wait({future}, timeout=ENDING_S)
            while not future.done():
                await self._loop.run_in_executor(self._killers, self._kill, tag)
                await asyncio.wait({future}, timeout=1)
        return future.result()


@contextlib.asynccontextmanager
async def _watch(receive: Receive) -> AsyncGenerator[asyncio.Task[None], None]:
    """A task that ends when the client has gone. The body has been read."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    gone = asyncio.create_task(watch())
    try:
        yield gone
    finally:
        gone.cancel()


def _held(pieces: Iterator[bytes], bytes_max: int) -> Iterator[bytes]:
    """Holds pieces back until the end, so that an error is still a status; with too many they flow all the same."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > bytes_max:
            break
    return chain(held, pieces)
