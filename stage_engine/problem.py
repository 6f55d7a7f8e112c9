"""What is wrong with a model file, and what is doubtful: each thing with its place and with what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from stage_engine.yaml_source import Path, Source

PROBLEMS_MAX: Final = 100
"""More are not read by anybody, and finding them takes time that a hostile file can ask for."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to do, and where. As text: ``file:line:column: stage 's': what to do``."""

    file: str
    line: int
    column: int
    stage: str
    """The stage it is about; several with commas between; ``""`` for none."""
    what: str

    def __str__(self) -> str:
        about = f"stage {self.stage!r}: " if self.stage else ""
        return f"{self.file}:{self.line}:{self.column}: {about}{self.what}"


class ModelError(ValueError):
    """A model file that cannot be used: one line per problem."""

    def __init__(self, found: list[Problem]) -> None:
        super().__init__("\n".join(map(str, found)))
        self.found = found

    @property
    def problems(self) -> list[str]:
        """As text."""
        return [str(problem) for problem in self.found]


class Problems:
    """What is wrong with a file, gathered, so that all of it is said at once."""

    def __init__(self, filename: str, source: Source) -> None:
        self._filename = filename
        self._source = source
        self._found: set[Problem] = set()

    def add(self, path: Path, what: str) -> None:
        """``what`` says what to do about the thing at ``path``. Raises ``ModelError`` when that is enough for once."""
        self._found.add(self.problem(path, what))
        if len(self._found) == PROBLEMS_MAX:
            self.raise_any()

    def problem(self, path: Path, what: str) -> Problem:
        """The same, not added: for what may stay as it is."""
        line, column = self._source.place(path)
        return Problem(self._filename, line, column, self._stage(path), what)

    def raise_any(self) -> None:
        """Raises ``ModelError`` when something was added."""
        if self._found:
            raise ModelError(sorted(self._found))

    def _stage(self, path: Path) -> str:
        """The stage that the thing at ``path`` is about."""
        match path, self._source.data:
            case ["stages", int(index), *_], {"stages": list(stages)} if index < len(stages):
                return _word(stages[index], "name")
            case ["moves", int(index), *_], {"moves": list(moves)} if index < len(moves):
                return _word(moves[index], "from")
            case ["entry", int(index), *_], {"entry": list(entry)} if index < len(entry):
                return _word(entry[index], "to")
        return ""


def _word(item: object, key: str) -> str:
    value = item.get(key) if isinstance(item, dict) else None
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def nearest(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` when something known looks like ``name``."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
