"""What was seen last, so that most batches read nothing from the store."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """At most ``size_max`` entries, and those touched last, half as many at least. Dropped with the partitions it
    belongs to.

    Two plain dictionaries: once the young one has its half, it becomes the old one, and what was left in that is
    forgotten. A list of who was touched when would take as much memory again, and twice the time."""

    def __init__(self, size_max: int) -> None:
        self._half = (size_max + 1) // 2
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: Key) -> Value | None:
        """What is remembered; None when nothing is."""
        value = self._young.get(key)
        if value is None and (value := self._old.get(key)) is not None:
            self.keep(key, value)
        return value

    def keep(self, key: Key, value: Value) -> None:
        """Remember this, in place of what was remembered."""
        self._old.pop(key, None)
        self._young[key] = value
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}

    def forget(self, key: Key) -> None:
        """Ask the store again next time."""
        self._young.pop(key, None)
        self._old.pop(key, None)
