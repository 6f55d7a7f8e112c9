"""What a client is made of, whether its caller waits or awaits."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from tappa_sdk.buffer import Buffer
from tappa_sdk.calls import Calls, Sent
from tappa_sdk.delivery import Delivery, OnError
from tappa_sdk.errors import ClosedError, QueueFullError
from tappa_sdk.item import Item
from tappa_sdk.memory import Memory
from tappa_sdk.spool import Spool
from tappa_sdk.transport import Transport

Full = Literal["block", "drop", "raise"]


class Client(Calls[Sent]):
    """``host`` is the address of Tappa (``https://touch.example.com``), ``write_key`` that of a source of its own.

    ``on_error`` is called, from the thread that sends, with each item that will not become a touchpoint, and why.
    ``spool``: a directory of this client's own in which items wait on disk: a call returns once its item is there, and
    what is there is sent by whoever next uses the directory, should this process die. Without it they wait in memory.
    ``full``: what a call does without room: wait (``block``), tell ``on_error`` (``drop``), or ``raise``
    ``QueueFullError``. ``queue_items_max`` and ``queue_bytes_max`` bound what waits in memory, ``spool_bytes_max`` what
    waits on disk (of one process). A request has at most ``batch_items_max`` items and ``batch_bytes_max`` bytes, and
    is sent after ``interval_s`` at the latest, packed with ``gzip``. An answer may take ``timeout_s``. At the end of
    the program, what waits is sent for at most ``close_timeout_s``."""

    def __init__(
        self,
        write_key: str,
        host: str,
        *,
        on_error: OnError | None = None,
        spool: str | Path | None = None,
        full: Full = "block",
        queue_items_max: int = 10_000,
        queue_bytes_max: int = 32_000_000,
        spool_bytes_max: int = 1_000_000_000,
        batch_items_max: int = 250,
        batch_bytes_max: int = 475_000,
        interval_s: float = 0.5,
        gzip: bool = True,
        timeout_s: float = 15.0,
        close_timeout_s: float = 10.0,
    ) -> None:
        if not write_key or not isinstance(write_key, str):
            raise ValueError("write_key is missing: `tappa sources` lists those that work")
        if full not in ("block", "drop", "raise"):
            raise ValueError(f"full must be block, drop or raise, not {full!r}")
        self._full = full
        self._spools = spool is not None
        self._close_timeout_s = close_timeout_s
        self._closed = False
        self._buffer: Buffer
        if spool is not None:
            self._buffer = Spool(
                Path(spool),
                bytes_max=spool_bytes_max,
                batch_items_max=batch_items_max,
                batch_bytes_max=batch_bytes_max,
            )
        else:
            self._buffer = Memory(
                items_max=queue_items_max,
                bytes_max=queue_bytes_max,
                batch_items_max=batch_items_max,
                batch_bytes_max=batch_bytes_max,
            )
        self._delivery = Delivery(
            self._buffer,
            lambda: Transport(host, write_key, compress=gzip, timeout_s=timeout_s),
            on_error=on_error,
            interval_s=interval_s,
            keep=self._spools,
        )
        _clients.add(self)
        if self._buffer.has_any():  # left by a process that is gone
            self._delivery.arrived()

    def _offer(self, items: Sequence[Item]) -> bool:
        """Take them without waiting for room; False: there is none, and ``full`` says to wait."""
        if self._closed:
            raise ClosedError
        if self._buffer.put(items):
            self._delivery.arrived()
            return True
        if self._full == "raise":
            raise QueueFullError
        if self._full == "drop":
            self._delivery.reject(items, "queue_full", "There was no room for it: more is tracked than can be sent.")
            return True
        return False

    def _take(self, items: Sequence[Item]) -> None:
        """Take them, waiting for room if there is none."""
        while not self._offer(items):
            self._buffer.room(1.0)

    def _flush(self, timeout_s: float | None) -> bool:
        return self._delivery.flush(timeout_s)

    def _close(self, timeout_s: float | None) -> bool:
        """The first call sends what waits, and tells of what was not sent; the others do nothing."""
        if self._closed:
            return True
        self._closed = True
        sent = self._delivery.flush(timeout_s)
        self._delivery.stop()
        if lost := self._buffer.leave():
            self._delivery.reject(
                lost, "not_sent", "It was still waiting, or without an answer, when the client closed."
            )
        _clients.discard(self)
        return sent

    def _before_fork(self) -> None:
        self._buffer.before_fork()

    def _after_fork_in_parent(self) -> None:
        self._buffer.after_fork_in_parent()

    def _after_fork_in_child(self) -> None:
        self._buffer.after_fork_in_child()
        self._delivery.after_fork_in_child()


_clients: set[Client[Any]] = set()
"""Those that are not closed."""
_fork = Lock()
"""One thread forks at a time."""
_forking: list[Client[Any]] = []
"""Those that hold still, so that the same ones go on."""


def _before_fork() -> None:
    _fork.acquire()
    _forking.extend(_clients)
    for client in _forking:
        client._before_fork()


def _after_fork_in_parent() -> None:
    for client in _forking:
        client._after_fork_in_parent()
    _forking.clear()
    _fork.release()


def _after_fork_in_child() -> None:
    for client in _forking:
        client._after_fork_in_child()
    _forking.clear()
    _fork.release()


@atexit.register
def _at_exit() -> None:
    for client in list(_clients):
        client._close(client._close_timeout_s)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
