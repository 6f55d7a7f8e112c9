"""Where items wait: what a client needs of it, in memory (``tappa_sdk.memory``) or on disk (``tappa_sdk.spool``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from tappa_sdk.item import Item


class Batch(NamedTuple):
    """Items that go into one request. They stay in the buffer until they are removed."""

    endpoint: str
    items: Sequence[Item]
    keys: Sequence[int]
    file: str = ""
    """Of the spool."""

    def halves(self) -> Iterator[Batch]:
        """Two batches, of one that has at least two items."""
        middle = len(self.items) // 2
        for part in (slice(None, middle), slice(middle, None)):
            yield self._replace(items=self.items[part], keys=self.keys[part])


class Buffer(Protocol):
    """Safe for many threads that put and one that takes."""

    look_s: float | None
    """How often to look for items that came without a call; None: never."""

    def put(self, items: Sequence[Item]) -> bool:
        """Take all of them. False: there is no room, and none was taken."""

    def room(self, timeout_s: float | None) -> None:
        """Return once something was removed, or after the time."""

    def take(self) -> Batch | None:
        """The oldest items, all of one endpoint; None: there are none."""

    def remove(self, batch: Batch) -> None:
        """They are done with."""

    def settled(self, timeout_s: float | None) -> bool:
        """Whether all that was put before the call is removed, waiting for it until the time is over."""

    def has_batch(self) -> bool:
        """Whether enough waits to send at once."""

    def has_any(self) -> bool:
        """Whether anything waits, as far as that is known without looking further."""

    def leave(self) -> Sequence[Item]:
        """Close. What waits and is lost by that."""

    def before_fork(self) -> None:
        """Hold still, until one of the next two."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin empty: what waits is the parent's."""


def fitting(items: Sequence[Item], bytes_max: int) -> int:
    """How many of them, from the first on, have so many bytes together with a separator each; at least one."""
    total = 0
    for number, item in enumerate(items):
        total += len(item.body) + 1
        if total > bytes_max and number:
            return number
    return len(items)
