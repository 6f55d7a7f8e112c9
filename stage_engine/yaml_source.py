"""YAML as people's files use it: plain data, and where in the file each piece stands.

A small and safe subset of YAML 1.2, so that a file means what it looks like: ``on`` and ``no`` are words (YAML 1.1
makes booleans of them), keys are text, dates are text. Anchors, tags and repeated keys are refused, and so is whatever
is too large or too deep.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

import yaml

SOURCE_CHARS_MAX: Final = 262_144
"""A model with all its texts in ten languages has half of it."""
DEPTH_MAX: Final = 20
"""Model files are five deep."""

Data = str | int | float | bool | None | list["Data"] | dict[str, "Data"]
Path = tuple[str | int, ...]
"""Keys and indices from the top of the file."""
Place = tuple[int, int]
"""Line and column, from 1."""

_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")


class _Mark(Protocol):
    """Where YAML's parser is; from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class SourceError(ValueError):
    """The text cannot be read as YAML of this subset."""

    def __init__(self, reason: str, place: Place) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


class Source:
    """What a text says, and where."""

    def __init__(self, data: Data, places: dict[Path, Place]) -> None:
        self.data = data
        self._places = places

    def place(self, path: Path) -> Place:
        """Where ``path`` stands; of a path that is not there, the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if place := self._places.get(path[:length]):
                return place
        return (1, 1)


def read_source(text: str) -> Source:
    """Raises ``SourceError``."""
    if len(text) > SOURCE_CHARS_MAX:
        raise SourceError(f"the file has {len(text)} characters; at most {SOURCE_CHARS_MAX} are read", (1, 1))
    try:
        _refuse_cleverness(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise SourceError(f"this is not YAML: {error.problem or error.context}", _place(error.problem_mark)) from error
    except yaml.YAMLError as error:
        raise SourceError(f"this is not YAML: {error}", (1, 1)) from error
    places: dict[Path, Place] = {}
    return Source(_read(node, (), places), places)


def _refuse_cleverness(text: str) -> None:
    """Look at the parser's events before anything is built from them: they come one by one, however large what they
    describe."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        place = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise SourceError("anchors (&, *) are not used here: write it out", place)
        if getattr(event, "tag", None):
            raise SourceError("tags (!) are not used here: leave it out", place)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH_MAX:
                raise SourceError(f"nested more than {DEPTH_MAX} deep", place)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _read(node: yaml.Node | None, path: Path, places: dict[Path, Place]) -> Data:
    if node is None:
        return None
    places[path] = _place(node.start_mark)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node.value) if node.style is None else str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_read(item, (*path, index), places) for index, item in enumerate(node.value)]
    data: dict[str, Data] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise SourceError("a key must be a word", _place(key_node.start_mark))
        key = str(key_node.value)
        if key in data:
            raise SourceError(f"'{key}' is here twice", _place(key_node.start_mark))
        data[key] = _read(value_node, (*path, key), places)
        places[(*path, key)] = _place(key_node.start_mark)
    return data


def _scalar(word: str) -> Data:
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(word):
        return int(word)
    return float(word) if _DECIMAL.fullmatch(word) else word


def _place(mark: _Mark | None) -> Place:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
