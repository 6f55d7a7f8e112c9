"""The thread that sends: takes batches from the buffer, and lets them go once each item has its verdict."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from threading import Event, Lock, Thread
from typing import Callable

from tappa_sdk.buffer import Batch, Buffer
from tappa_sdk.encoding import encoded, now_iso
from tappa_sdk.item import RECEIPTS, Item, Rejected
from tappa_sdk.retry import Answer, Next, judged, reason, verdict, wait_s
from tappa_sdk.transport import Transport, UnreachableError
from tappa_sdk.version import __version__

LOG = logging.getLogger("tappa_sdk")

OnError = Callable[[Rejected], object]

_CONTEXT = encoded({"library": {"name": "tappa-sdk-python", "version": __version__}})
_MISHAP_S = 1.0
"""Pause after an error of our own side, such as a full disk."""


class Delivery:
    """Starts its thread with the first item. What is in the buffer is sent until the server has answered for it;
    what is sent again says the same, and counts once."""

    def __init__(
        self,
        buffer: Buffer,
        transport: Callable[[], Transport],
        *,
        on_error: OnError | None,
        interval_s: float,
        keep: bool,
    ) -> None:
        self._buffer = buffer
        self._make_transport = transport
        self._on_error = on_error
        self._interval_s = interval_s
        self._keep = keep
        self._begin()

    def arrived(self) -> None:
        """Something was put into the buffer: it will be sent within the interval, at once when it is a full batch."""
        if self._thread is None:
            self._start()
        if not self._arrived.is_set():
            self._arrived.set()
        if self._buffer.has_batch() and not self._hurry.is_set():
            self._hurry.set()

    def flush(self, timeout_s: float | None) -> bool:
        """Send at once; whether all that was put before the call has its verdict when the time is over."""
        if self._thread is None and self._buffer.has_any():
            self._start()
        self._hurry.set()
        self._arrived.set()
        return self._buffer.settled(timeout_s)

    def stop(self) -> None:
        """Send no more. A request that is under way may still be answered, or not."""
        self._stopping.set()
        self._hurry.set()
        self._arrived.set()
        if self._thread is not None:
            self._thread.join(0.2)

    def reject(self, items: Sequence[Item], code: str, message: str, status: int = 0) -> None:
        """Tell ``on_error`` of each; without one, the log of all. What ``on_error`` raises is logged, and stops
        nothing."""
        if self._on_error is None:
            LOG.error("%d items are lost or rejected, the first is %s: %s: %s", len(items), items[0][1], code, message)
            return
        for item in items:
            _tell(self._on_error, Rejected(code, message, item.message_id, item.body, status))

    def after_fork_in_child(self) -> None:
        """Threads and connections are the parent's."""
        self._begin()

    def _begin(self) -> None:
        self._transport = self._make_transport()
        self._starting = Lock()
        self._thread: Thread | None = None
        self._arrived, self._hurry, self._stopping = Event(), Event(), Event()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._stopping.is_set():
                thread = Thread(target=self._run, name="tappa-sdk", daemon=True)
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._arrived.wait(self._buffer.look_s)
            self._arrived.clear()
            self._hurry.wait(self._interval_s)
            self._hurry.clear()
            try:
                while not self._stopping.is_set() and (batch := self._buffer.take()) is not None:
                    self._deliver(batch)
            except Exception:
                if not self._stopping.is_set():
                    LOG.exception("cannot send just now")
                    self._arrived.set()
                    self._stopping.wait(_MISHAP_S)
        self._transport.close()

    def _deliver(self, batch: Batch) -> None:
        """Return once each item has its verdict, or when it is time to stop."""
        attempt = 0
        while not self._stopping.is_set():
            answer = self._attempt(batch, attempt)
            next_ = judged(answer, keep=self._keep) if answer is not None else Next.AGAIN
            if next_ is Next.HALVE and len(batch.items) > 1:
                for half in batch.halves():
                    self._deliver(half)
                return
            if answer is not None and next_ is not Next.AGAIN:
                self._settle(batch, answer, next_)
                if attempt:
                    LOG.warning("sending goes on, after %d attempts that failed", attempt)
                return
            self._stopping.wait(wait_s(attempt, answer.retry_after if answer else "", random.random()))  # noqa: S311
            attempt += 1

    def _attempt(self, batch: Batch, attempt: int) -> Answer | None:
        try:
            answer = self._transport.post(batch.endpoint, _body(batch), attempt)
        except UnreachableError as error:
            _failed(attempt, batch, str(error))
            return None
        if answer.status != 200:
            _failed(attempt, batch, f"{answer.status} {': '.join(reason(answer))}")
        return answer

    def _settle(self, batch: Batch, answer: Answer, next_: Next) -> None:
        if next_ is not Next.SETTLED:
            self.reject(batch.items, *reason(answer), answer.status)
        for row in verdict(answer) or ():
            index = row.get("index")
            if isinstance(index, int) and 0 <= index < len(batch.items):
                code, message = str(row.get("code", "")), str(row.get("message", ""))
                self.reject([batch.items[index]], code, message, answer.status)
        self._buffer.remove(batch)


def _tell(on_error: OnError, rejected: Rejected) -> None:
    try:
        on_error(rejected)
    except Exception:
        LOG.exception("on_error failed")


def _failed(attempt: int, batch: Batch, why: str) -> None:
    level = logging.DEBUG if attempt else logging.WARNING
    LOG.log(level, "%d items could not be sent, attempt %d: %s", len(batch.items), attempt + 1, why)


def _body(batch: Batch) -> bytes:
    """The request's body. ``sentAt`` is the time by the clock that the messages were written by, so that the server
    can correct it. Receipts are lines."""
    bodies = [item.body for item in batch.items]
    if batch.endpoint == RECEIPTS:
        return b"\n".join(bodies)
    return b'{"batch":[%b],"context":%b,"sentAt":"%b"}' % (b",".join(bodies), _CONTEXT, now_iso().encode())
