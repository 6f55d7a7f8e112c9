"""The client for code that waits."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from tappa_sdk.client import Client
from tappa_sdk.item import Item

Self = TypeVar("Self", bound="Tappa")


class Tappa(Client[str]):
    """``with Tappa("WRITE_KEY", "https://touch.example.com") as tappa: tappa.track("Signed Up", user_id="42")``

    For any number of threads, and across forks: each process sends its own. A thread of its own sends; a call only puts
    its item where it waits."""

    def _put(self, item: Item) -> str:
        self._take((item,))
        return item.message_id

    def flush(self, timeout_s: float | None = None) -> bool:
        """Send at once what waits. True: all that was called before has its verdict (with a spool: all that waited in
        it, too). False: the time was over first."""
        return self._flush(timeout_s)

    def close(self, timeout_s: float | None = None) -> bool:
        """As ``flush``, for at most ``close_timeout_s`` if no time is given; then stop. What is not sent is told to
        ``on_error``, or stays in the spool. The program's end does the same."""
        return self._close(self._close_timeout_s if timeout_s is None else timeout_s)

    def __enter__(self: Self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
