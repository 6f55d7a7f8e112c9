"""The keys of the settings: who may send, and who may read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from ingest.sources import Directory, Source
from tappa.settings import FILE, read


class Keys:
    """Write keys and read keys, as the settings file has them now: one look at it serves both."""

    def __init__(self, data: Path, check_s: float) -> None:
        self._data = data
        self._read_keys: frozenset[str] = frozenset()
        self.sources = Directory(self._load, data / FILE, check_s=check_s)

    def access(self, key: str) -> Literal["reader", "writer", "unknown"]:
        """What a key may do."""
        if self.sources.find(key) is not None:
            return "writer"
        return "reader" if key in self._read_keys else "unknown"

    def _load(self) -> Iterable[Source]:
        settings = read(self._data, os.environ)
        self._read_keys = frozenset(settings.explore.read_keys)
        return settings.sources
