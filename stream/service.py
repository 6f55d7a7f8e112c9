"""A worker as a process: it runs until told to stop, and says over HTTP how it is."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stage_engine.identity.limits import Limits
from stage_engine.model import Model
from store.interface import Store
from stream.log.interface import Log
from stream.metrics import WorkerMetrics
from stream.settings import WorkerSettings
from stream.worker import ALL, LIMITS, Share, Worker


async def serve(
    log: Log,
    store: Store,
    models: Sequence[Model],
    settings: WorkerSettings,
    stop: asyncio.Event,
    announce: Callable[[int], None],
    listener: socket.socket | None = None,
    share: Share = ALL,
    limits: Limits = LIMITS,
) -> None:
    """Work until ``stop`` is set; then finish the batch at hand, commit, and return. ``announce`` gets the port of
    ``/healthz`` and ``/metrics`` as soon as it is open; they are answered on ``listener`` instead, if given. Log and
    store stay the caller's to close."""
    metrics = WorkerMetrics()
    worker = Worker(log, store, models, settings, metrics, share.of(log.partitions), limits)
    with monitor(worker, metrics, settings, listener) as port:
        announce(port)
        await worker.run(stop)


@contextlib.contextmanager
def monitor(
    worker: Worker, metrics: WorkerMetrics, settings: WorkerSettings, listener: socket.socket | None = None
) -> Iterator[int]:
    """Answer ``GET /metrics`` and ``GET /healthz`` from a thread, so that a busy worker still answers. Yields the
    port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            silent_s = time.monotonic() - worker.progress_at
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry))
            elif self.path == "/healthz" and silent_s < settings.hang_s:
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

    server = ThreadingHTTPServer((settings.host, settings.port), Handler, bind_and_activate=listener is None)
    if listener is not None:
        server.socket.close()
        server.socket = listener
        server.server_address = listener.getsockname()
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="monitor", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
