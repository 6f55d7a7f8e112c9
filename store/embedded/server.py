"""The store process: opens the data, listens, and stops in order."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from store.embedded.app import StoreApp
from store.embedded.directory import Directory
from store.embedded.engine import Engine
from store.embedded.reply import KEEP_ALIVE_S
from store.settings import StoreSettings

logger = logging.getLogger("tappa.store")

_CLOSE_S: Final = 1.5
"""Time to close once no statement should run any more; then the process just ends: what it said it wrote, it did."""
_BACKLOG: Final = 256
_CONNECTIONS_MAX: Final = 1_000


class StorePortTakenError(OSError):
    """The port is taken, or may not be used."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            errno.EADDRINUSE,
            f"the store cannot listen on {host}:{port}: {reason}; choose another port (0 picks a free one)",
        )


def run(
    settings: StoreSettings,
    data: Path,
    announce: Callable[[int], None] | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Serve the store in ``data`` (its ``store/`` and ``tmp/``) until SIGTERM or SIGINT, then return. It listens on
    ``listener``, or else where the settings say.

    ``announce`` is called with the port once statements are answered. Raises ``StorePortTakenError``, and
    ``StoreHeldError`` when another process has the data open. From then on this process must not fork.
    """
    listener = listener or listen(settings.host, settings.port)
    engine = Engine(Directory(data.resolve()), settings.embedded, settings.database)
    for user, password in ((settings.user, settings.password), (settings.analyst, settings.analyst_password)):
        if not password.get_secret_value():
            logger.warning("the user %s has no password and cannot log in", user)
    app = StoreApp(engine, settings)
    port = listener.getsockname()[1]
    logger.info("the store %s is open, engine %s, on %s:%d", data, engine.version, settings.host, port)
    server = _Server(app, settings.embedded.stop_seconds)
    # uvicorn has handlers of its own while it runs, and raises what they got again at its end
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    if announce is not None:
        announce(port)
    server.run(sockets=[listener])
    app.close()
    logger.info("the store is closed")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; 0 picks a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise StorePortTakenError(host, port, error.strerror or str(error)) from None
    return listener


class _Server(uvicorn.Server):
    """Told to stop: refuses new statements, gives the running ones some time, kills them, closes the engine."""

    def __init__(self, app: StoreApp, stop_s: float) -> None:
        self._app = app
        self._stop_s = stop_s

        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=_CONNECTIONS_MAX,
                timeout_keep_alive=KEEP_ALIVE_S + 5,
                timeout_graceful_shutdown=max(1, round(stop_s + 0.5)),
            )
        )
        # it would log each answer that was cut off on purpose
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            self._app.stop()
            threading.Thread(target=self._stop, name="stop", daemon=True).start()
        super().handle_exit(sig, frame)

    def _stop(self) -> None:
        time.sleep(self._stop_s)
        self._app.kill_all()
        time.sleep(_CLOSE_S)
        logger.warning("the store did not close in time, ending as it is")
        os._exit(0)
