"""Progress: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

BAR_WIDTH: Final = 30
BAR_EVERY_S: Final = 0.1
LINE_EVERY_S: Final = 5.0


class Display:
    """Shows on standard error how much is done. Use it as a context manager: it leaves the cursor on a new line."""

    def __init__(
        self, label: str, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label = label
        self._stream = stream or sys.stderr
        self._bar = self._stream.isatty()
        self._clock = clock
        self._shown_at = clock()
        self._dirty = False

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        if self._dirty:
            self._stream.write("\n")
            self._stream.flush()

    def show(self, part: float, note: str) -> None:
        """``part`` of the work, 0 to 1, is done; ``note`` says the same in numbers. Shown when it is time to."""
        now = self._clock()
        if now - self._shown_at < (BAR_EVERY_S if self._bar else LINE_EVERY_S):
            return
        self._shown_at = now
        if self._bar:
            full = round(min(part, 1.0) * BAR_WIDTH)
            self._stream.write(f"\r{self._label} [{'#' * full}{'.' * (BAR_WIDTH - full)}] {part:4.0%} {note}\x1b[K")
            self._dirty = True
        else:
            self._stream.write(f"{self._label}: {part:.0%}, {note}\n")
        self._stream.flush()
