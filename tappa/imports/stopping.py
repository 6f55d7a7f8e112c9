"""SIGTERM during an import: what is on its way is finished and written down first."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StoppedError(Exception):
    """The import was told to stop, and did. What was sent is written down."""

    def __init__(self) -> None:
        super().__init__("stopped; the same command goes on from there")


@contextmanager
def stopping() -> Iterator[Callable[[], None]]:
    """Inside, SIGTERM is only noted; what this yields, called between two parcels, raises ``StoppedError`` then. A
    second SIGTERM ends the process as ever."""
    told = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal told
        told = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def check() -> None:
        if told:
            raise StoppedError

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGTERM, before)
