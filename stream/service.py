"""A worker as a process: it runs until told to stop, and says over HTTP how it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stage_engine.identity.limits import Limits
from stage_engine.model import Model
from store.interface import Store, StoreError
from stream.announcer import Topic
from stream.log.interface import Log, LogError
from stream.metrics import WorkerMetrics
from stream.ownership import Ownership, Tenure
from stream.settings import WorkerSettings
from stream.used_up import require_more
from stream.worker import LIMITS, Worker

logger = logging.getLogger(__name__)


LET_GO_S: Final = 20.0
"""How long a worker may take to finish its batch when its partitions go to another: less than a group waits."""


class Service:
    """Works on whatever partitions it owns: with each new lot begins a new worker, which has cached nothing."""

    def __init__(
        self,
        store: Store,
        models: Sequence[Model],
        settings: WorkerSettings,
        limits: Limits = LIMITS,
        topic: Topic | None = None,
    ) -> None:
        self.settings = settings
        self.metrics = WorkerMetrics()
        self._store = store
        self._models = models
        self._limits = limits
        self._topic = topic
        self._worker: Worker | None = None

    @property
    def silent_s(self) -> float:
        """Since the last sign of life; 0 for one that owns nothing."""
        return time.monotonic() - self._worker.progress_at if self._worker else 0.0

    async def run(self, log: Log, ownership: Ownership, stop: asyncio.Event) -> None:
        """Until ``stop`` is set; then the batch at hand is finished. Raises ``LogUsedUpError``, also when it owns
        nothing."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                beginning = asyncio.create_task(ownership.tenure())
                try:
                    await self._owning(log, beginning, stopping)
                finally:
                    beginning.cancel()
                if not beginning.done() or beginning.cancelled():
                    return
                await self._serve(log, beginning.result(), stopping)
        finally:
            stopping.cancel()

    async def _owning(self, log: Log, beginning: asyncio.Task[Tenure], stopping: asyncio.Task[bool]) -> None:
        """Wait for partitions; look now and then whether there will be any."""
        while True:
            await asyncio.wait(
                [beginning, stopping], timeout=self.settings.tidy_interval_s, return_when=asyncio.FIRST_COMPLETED
            )
            if beginning.done() or stopping.done():
                return
            with contextlib.suppress(LogError, StoreError):
                await require_more(log, self._store)

    async def _serve(self, log: Log, tenure: Tenure, stopping: asyncio.Task[bool]) -> None:
        """Work until the tenure is over, or all is."""
        over = asyncio.create_task(tenure.over.wait())
        enough = asyncio.Event()
        self._worker = Worker(
            log,
            self._store,
            self._models,
            self.settings,
            self.metrics,
            tenure.partitions,
            self._limits,
            self._topic,
        )
        working = asyncio.create_task(self._worker.run(enough))
        try:
            await asyncio.wait([working, over, stopping], return_when=asyncio.FIRST_COMPLETED)
            enough.set()
            if not stopping.done():
                await asyncio.wait([working, stopping], timeout=LET_GO_S, return_when=asyncio.FIRST_COMPLETED)
                if not working.done() and not stopping.done():
                    logger.warning("a batch is given up for others to read again: it took more than %g s", LET_GO_S)
                    working.cancel()
            await asyncio.wait([working])
            if not working.cancelled():
                working.result()
        finally:
            over.cancel()
            working.cancel()
            await asyncio.wait([working])
            self._worker = None
            # Another tells of these from now on; whoever adds up all workers must not count them twice.
            self.metrics.lag.set(0)
            self.metrics.cached_customers.set(0)
            tenure.let_go.set()


class _Monitor(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked and has left is no news either."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def monitor(service: Service, listener: socket.socket | None = None) -> Iterator[int]:
    """Answer ``GET /metrics`` and ``GET /healthz`` from a thread, so that a busy worker still answers. Yields the
    port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            silent_s = service.silent_s
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(service.metrics.registry))
            elif self.path == "/healthz" and silent_s < service.settings.hang_s:
                self._answer(200, "text/plain", b"ok\n")
            elif self.path == "/healthz":
                self._answer(503, "text/plain", f"no sign of life for {silent_s:.0f} s\n".encode())
            else:
                self._answer(404, "text/plain", b"there are /healthz and /metrics\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: who asks is not news."""

    server = _Monitor((service.settings.host, service.settings.port), Handler, bind_and_activate=listener is None)
    if listener is not None:
        server.socket.close()
        server.socket = listener
        server.server_address = listener.getsockname()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="monitor", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
