"""Which partitions a worker owns, and for how long: always the same ones, or what a group gives it."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import msgspec


class Share(msgspec.Struct, frozen=True):
    """Which partitions a worker owns: one in every ``count``, beginning with number ``index``."""

    index: int = 0
    count: int = 1

    def of(self, partitions: int) -> tuple[int, ...]:
        """Their numbers."""
        return tuple(range(self.index, partitions, self.count))


ALL: Final = Share()


class Tenure:
    """Some partitions that a worker owns, until ``over`` is set. Then it finishes what it has read, commits, and says
    that it has let go. Nothing relies on it: one that was not told, or does not hear, does no harm (DESIGN 3.1)."""

    def __init__(self, partitions: tuple[int, ...]) -> None:
        self.partitions = partitions
        self.over = asyncio.Event()
        self.let_go = asyncio.Event()


class Ownership(Protocol):
    """Where a worker gets its partitions from."""

    async def tenure(self) -> Tenure:
        """The next one of at least one partition, however long it takes. The one before has been let go."""


class FixedShare:
    """The same partitions for ever: of the embedded log, or of a worker on its own."""

    def __init__(self, partitions: tuple[int, ...]) -> None:
        self._partitions = partitions

    async def tenure(self) -> Tenure:
        """See ``Ownership.tenure``."""
        return Tenure(self._partitions)
