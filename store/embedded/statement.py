"""Where the text of a statement ends and the data of its insert begins, which only the text can tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SPACE: Final = re.compile(rb"(?:\s+|--[^\n]*(?:\n|\Z)|#[! ][^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
_QUOTED: Final = re.compile(rb"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"", re.DOTALL)
_WORD: Final = re.compile(rb"\w+")
_AFTER_FORMAT: Final = re.compile(rb"[ \t\f]*;?[ \t\f]*\r?\n?")
_TAIL_FORMAT: Final = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """An insert whose data follows its text."""

    head: str
    """The statement without its format."""
    form: str
    data_at: int
    """Where in the text the data begins."""


class IncompleteError(Exception):
    """The text ends before it is clear what it is."""


def data_insert(text: bytes) -> Insert | None:
    """The insert at the start of ``text``, when it is one with data behind its text; None for any other statement.

    Raises ``IncompleteError`` when more of the text is needed to tell. Exactly one line break after the name of the
    format is not data: whatever follows may look like white space and is.
    """
    at = _skip(text, 0)
    first = _WORD.match(text, at)
    if first is None or first.end() == len(text):
        if first is None and at < len(text):
            return None
        raise IncompleteError
    if first[0].upper() != b"INSERT":
        return None
    depth = 0
    at = first.end()
    while at < len(text):
        at = _skip(text, at)
        if at == len(text):
            break
        char = text[at : at + 1]
        if char in b"'`\"":
            quoted = _QUOTED.match(text, at)
            if quoted is None:
                raise IncompleteError
            at = quoted.end()
        elif word := _WORD.match(text, at):
            at = word.end()
            keyword = word[0].upper() if depth == 0 else b""
            if keyword in (b"SELECT", b"WITH"):
                return None
            if keyword == b"VALUES" and text[_skip(text, at) : _skip(text, at) + 1] in (b"(", b""):
                if _skip(text, at) == len(text):
                    raise IncompleteError
                return Insert(head=_text(text[: word.start()]), form="Values", data_at=at)
            if keyword == b"FORMAT":
                return _formatted(text, word.start(), _skip(text, at))
        else:
            depth += (char == b"(") - (char == b")")
            at += 1
    raise IncompleteError


def whole_insert(text: bytes) -> Insert | None:
    """The same for a text that is known to be whole."""
    try:
        return data_insert(text + b"\n")
    except IncompleteError:
        return None


def format_at_end(sql: str) -> str | None:
    """The format that a statement other than SELECT names at its end."""
    found = _TAIL_FORMAT.search(sql)
    return found[1] if found else None


def _formatted(text: bytes, head_end: int, name_at: int) -> Insert:
    name = _WORD.match(text, name_at)
    if name is None or name.end() == len(text):
        raise IncompleteError
    after = _AFTER_FORMAT.match(text, name.end())
    assert after is not None
    if after.end() == len(text) and not after[0].endswith(b"\n"):
        raise IncompleteError
    return Insert(head=_text(text[:head_end]), form=name[0].decode(), data_at=after.end())


def _skip(text: bytes, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


def _text(head: bytes) -> str:
    return head.decode("utf-8", "surrogateescape").strip()


def first_words(sql: str, count: int) -> list[str]:
    """The first words of a statement in upper case, comments left out."""
    text = sql.encode("utf-8", "surrogateescape")
    words: list[str] = []
    at = _skip(text, 0)
    while len(words) < count and (word := _WORD.match(text, at)):
        words.append(word[0].decode("utf-8", "replace").upper())
        at = _skip(text, word.end())
    return words
