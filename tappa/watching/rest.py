"""When a file that somebody is still writing may be taken: once it has not changed for a while. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

UNFINISHED: Final = (".part", ".tmp", ".filepart", ".partial", ".crdownload")
"""Ends of names that senders give to a file until all of it is there."""


class Stamp(NamedTuple):
    """What changes when a file is written to, or replaced by another one."""

    inode: int
    bytes: int
    mtime_ns: int


def is_ready_name(name: str) -> bool:
    """Whether a file of this name may be looked at: it is no hidden one and not marked as unfinished."""
    return not name.startswith(".") and not name.lower().endswith(UNFINISHED)


class Rest:
    """Remembers since when each file is as it is now."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._since: dict[str, tuple[Stamp, float]] = {}

    def rested(self, stamps: Mapping[str, Stamp], now_s: float) -> list[str]:
        """Of the files that are there now those that have not changed for ``settle_s`` while they were looked at, the
        oldest first. ``now_s`` is of a clock that never goes back."""
        self._since = {
            name: known if (known := self._since.get(name)) and known[0] == stamp else (stamp, now_s)
            for name, stamp in stamps.items()
        }
        rested = [name for name, (_, since) in self._since.items() if now_s - since >= self._settle_s]
        return sorted(rested, key=lambda name: (stamps[name].mtime_ns, name))
