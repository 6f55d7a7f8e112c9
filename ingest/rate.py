"""How much one write key may send: a token bucket each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from ingest.refusals import Code, RequestRefusedError

RETRY_AFTER_MAX_S: Final = 300
"""Segment's clients wait no longer."""


class RateLimit:
    """``rate_per_s`` touchpoints in the long run, ``burst`` on top at once. A batch may begin while any token is left
    and take more than there are: the debt is paid off before the next. Only known keys are remembered."""

    def __init__(self, rate_per_s: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate = rate_per_s
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def check(self, key: str) -> None:
        """Raises ``RequestRefusedError`` when the key has nothing left."""
        if self._rate and (tokens := self._tokens(key)) < 1:
            wait_s = min(RETRY_AFTER_MAX_S, max(1, math.ceil((1 - tokens) / self._rate)))
            raise RequestRefusedError(Code.RATE_LIMITED, retry_after_s=wait_s)

    def wait_s(self, key: str) -> float:
        """How long until the key has something left; 0 when it has."""
        return max(0.0, (1 - self._tokens(key)) / self._rate) if self._rate else 0.0

    def take(self, key: str, count: int) -> None:
        """Count what the key has sent."""
        if self._rate:
            self._buckets[key] = (self._tokens(key) - count, self._clock())

    def _tokens(self, key: str) -> float:
        tokens, at = self._buckets.get(key, (float(self._burst), self._clock()))
        return min(float(self._burst), tokens + (self._clock() - at) * self._rate)
