"""What a supervised process prints: all of it into its own bounded file, its warnings to the terminal as well."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

LINE_BYTES_MAX: Final = 8_192
"""A longer line is cut into several, so that memory stays bounded whatever is printed."""
LAST_WORDS: Final = 12
"""Lines that are told when a part cannot run."""

_WARNING = re.compile(r"^\S+ (WARNING|ERROR|CRITICAL) (.*)")


class ChildLog:
    """The log file ``path`` of the part ``name``: at most ``file_bytes_max`` long, with one older file ``path.1``
    beside it."""

    def __init__(self, name: str, path: Path, file_bytes_max: int, say: Callable[[str], None]) -> None:
        self.path = path
        self._name = name
        self._file_bytes_max = file_bytes_max
        self._say = say
        self._last: deque[str] = deque(maxlen=LAST_WORDS)
        self._told = ""
        path.parent.mkdir(parents=True, exist_ok=True)

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Write down everything that comes until the stream ends."""
        rest = b""
        while chunk := await stream.read(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LINE_BYTES_MAX:
                lines, rest = [*lines, rest], b""
            self._write(lines)
        if rest:
            self._write([rest])

    def last_words(self) -> str:
        """Its last lines."""
        return "\n".join(self._last)

    def _write(self, lines: list[bytes]) -> None:
        text = [
            line[start : start + LINE_BYTES_MAX].decode(errors="replace") for line in lines for start in _starts(line)
        ]
        try:
            if self.path.exists() and self.path.stat().st_size > self._file_bytes_max:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in text)
        except OSError as error:
            self._say(f"{self.path} cannot be written: {error}")
        for line in text:
            self._last.append(line)
            self._tell(line)

    def _tell(self, line: str) -> None:
        """A warning goes to the terminal, once in a row."""
        if warning := _WARNING.match(line):
            told = f"{self._name}: {warning[2]}"
            if told != self._told:
                self._say(told)
            self._told = told


def _starts(line: bytes) -> range:
    return range(0, max(len(line), 1), LINE_BYTES_MAX)
