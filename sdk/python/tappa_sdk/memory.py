"""Items that wait in memory: bounded by number and bytes, gone with the process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from threading import Condition

from tappa_sdk.buffer import Batch, fitting
from tappa_sdk.item import BATCH, RECEIPTS, Item


class Memory:
    """A ``Buffer``. Items leave in the order in which they came, those of one endpoint together."""

    look_s: float | None = None

    def __init__(self, *, items_max: int, bytes_max: int, batch_items_max: int, batch_bytes_max: int) -> None:
        self._items_max = items_max
        self._bytes_max = bytes_max
        self._batch_items_max = batch_items_max
        self._batch_bytes_max = batch_bytes_max
        self._empty()

    def put(self, items: Sequence[Item]) -> bool:
        """Take them, unless there is no room. Into an empty queue goes whatever comes."""
        size = sum([len(item.body) for item in items])
        with self._changed:
            if self._count and (self._count + len(items) > self._items_max or self._bytes + size > self._bytes_max):
                return False
            for item in items:
                self._last += 1
                self._queues[item.endpoint].append((self._last, item))
            self._count += len(items)
            self._bytes += size
            return True

    def room(self, timeout_s: float | None) -> None:
        """Return once something was removed, or after the time."""
        with self._changed:
            if self._count:
                self._changed.wait(timeout_s)

    def take(self) -> Batch | None:
        """The oldest item and those of its endpoint that fit into its batch."""
        with self._changed:
            heads = [(queue[0][0], endpoint) for endpoint, queue in self._queues.items() if queue]
            if not heads:
                return None
            waiting = list(islice(self._queues[min(heads)[1]], self._batch_items_max))
        items = [item for _, item in waiting]
        count = fitting(items, self._batch_bytes_max)
        return Batch(items[0].endpoint, items[:count], [number for number, _ in waiting[:count]])

    def remove(self, batch: Batch) -> None:
        """They are the oldest of their endpoint: only one thread removes."""
        with self._changed:
            queue = self._queues[batch.endpoint]
            for _ in batch.items:
                queue.popleft()
            self._count -= len(batch.items)
            self._bytes -= sum([len(item.body) for item in batch.items])
            self._changed.notify_all()

    def settled(self, timeout_s: float | None) -> bool:
        """Whether all that was put before the call has left, waiting for it until the time is over."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            number = self._last
            while any(queue and queue[0][0] <= number for queue in self._queues.values()):
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def has_batch(self) -> bool:
        """Whether as many wait as go into one request."""
        return self._count >= self._batch_items_max or self._bytes >= self._batch_bytes_max

    def has_any(self) -> bool:
        """Whether any wait."""
        return self._count > 0

    def leave(self) -> Sequence[Item]:
        """All that wait: they are lost."""
        with self._changed:
            left = sorted((entry for queue in self._queues.values() for entry in queue), key=lambda entry: entry[0])
            for queue in self._queues.values():
                queue.clear()
            self._count = self._bytes = 0
            self._changed.notify_all()
        return [item for _, item in left]

    def before_fork(self) -> None:
        """No thread is in the middle of anything while the process is copied."""
        self._changed.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._changed.release()

    def after_fork_in_child(self) -> None:
        """The parent sends what was there."""
        self._empty()

    def _empty(self) -> None:
        self._changed = Condition()
        self._queues: dict[str, deque[tuple[int, Item]]] = {BATCH: deque(), RECEIPTS: deque()}
        self._count = self._bytes = self._last = 0
