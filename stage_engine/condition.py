"""Conditions, and the values that counters keep: short CEL expressions over what a touchpoint says (``event.*``) and
what was known before it (``state.*``).

CEL (https://cel.dev) cannot loop, call out or change anything; what is left to bound is length, nesting and macros,
which this module does when the condition is compiled. Only what an expression refers to is handed over: converting a
touchpoint's properties costs more than evaluating most conditions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

import cel
import msgspec

from stage_engine.touchpoint import MONEY_UNIT, Touchpoint

CONDITION_CHARS_MAX: Final = 1_000
"""DESIGN section 4: conditions are bounded. A longer one is two signals."""
NESTING_MAX: Final = 20
"""Of brackets: far below where the parser's own recursion ends (96)."""
FUNCTIONS: Final = frozenset({"size", "contains", "startsWith", "endsWith", "string", "int", "double"})
"""What a condition may call beside ``has`` and the operators. No ``matches``: compiling a hostile pattern takes 0.1 s a
call."""

_MACROS: Final = re.compile(r"\.(all|exists|exists_one|existsOne|map|filter|transformList|transformMap)\s*\(")
_STRING: Final = re.compile(r"""(?P<prefix>\w?)(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""")
_AROUND_DOT: Final = re.compile(r"\s*\.\s*")
_REFERENCE: Final = re.compile(r"(?<![\w.])(event|state)\b(?:\.(\w+)\b(?:\.(\w+)\b(?!\s*\())?)?")
_OPERATOR: Final = re.compile(r"\W*_?\W*_?\W*_?|@in")

Context = dict[str, object]
_KEYED: Final = ("properties", "traits", "context")
"""JSON objects: handed over key by key where a condition names its keys."""

_EVENT_FIELDS: Final[dict[str, Callable[[Touchpoint], object]]] = {
    "source": lambda touchpoint: touchpoint.source,
    "type": lambda touchpoint: touchpoint.type,
    "event": lambda touchpoint: touchpoint.event,
    "name": lambda touchpoint: touchpoint.name,
    "channel": lambda touchpoint: touchpoint.channel,
    "acquisition_channel": lambda touchpoint: touchpoint.acquisition_channel,
    "offline": lambda touchpoint: touchpoint.offline,
    "transaction": lambda touchpoint: touchpoint.transaction,
    "currency": lambda touchpoint: touchpoint.currency,
    "score_kind": lambda touchpoint: touchpoint.score_kind,
    "score": lambda touchpoint: touchpoint.score,
    "value": lambda touchpoint: None if touchpoint.value is None else touchpoint.value / MONEY_UNIT,
    "properties": lambda touchpoint: msgspec.json.decode(touchpoint.properties or b"{}"),
    "traits": lambda touchpoint: msgspec.json.decode(touchpoint.traits or b"{}"),
    "context": lambda touchpoint: msgspec.json.decode(touchpoint.context or b"{}"),
}
EVENT_FIELDS: Final = frozenset(_EVENT_FIELDS)


class ConditionError(ValueError):
    """The text is no condition; the message says what to do."""


class Expression:
    """A compiled expression. ``name`` is how the count of its errors is labelled; ``state_fields`` is what it reads of
    the state."""

    __slots__ = ("_event_fields", "_program", "name", "state_fields", "text")

    def __init__(self, text: str, name: str) -> None:
        """Raises ``ConditionError``."""
        self.text = text.strip()
        self.name = name
        plain = _plain(self.text)
        try:
            self._program = cel.compile(self.text)
        except ValueError as error:
            raise ConditionError(f"this is not CEL: {_first_line(error)}") from error
        self._check_calls(plain)
        references: dict[str, dict[str, set[str]]] = {"event": {}, "state": {}}
        for root, field, key in _REFERENCE.findall(plain):
            if not field:
                raise ConditionError(f"'{root}' alone says nothing: write {root}. and the name of a field")
            references[root].setdefault(field, set()).add(key)
        if unknown := references["event"].keys() - EVENT_FIELDS:
            raise ConditionError(f"event.{min(unknown)} does not exist; there are: {', '.join(sorted(EVENT_FIELDS))}")
        self._event_fields = tuple(
            (field, _EVENT_FIELDS[field], tuple(sorted(keys)) if field in _KEYED and "" not in keys else None)
            for field, keys in sorted(references["event"].items())
        )
        self.state_fields = tuple(sorted(references["state"]))

    def _check_calls(self, plain: str) -> None:
        if macro := _MACROS.search(plain):
            raise ConditionError(f"'{macro[1]}' goes through a list: conditions may not, to keep their cost bounded")
        if strangers := set(self._program.variables()) - {"event", "state"}:
            raise ConditionError(f"'{min(strangers)}' does not exist: a condition reads event.* and state.*")
        for function in self._program.functions():
            if function not in FUNCTIONS and not _OPERATOR.fullmatch(function):
                raise ConditionError(f"'{function}' may not be called; there are: has, {', '.join(sorted(FUNCTIONS))}")

    def value(self, touchpoint: Touchpoint, state: Context) -> object:
        """What it says of ``touchpoint``, given the ``state`` before it (at least its ``state_fields``). Raises
        whatever CEL does: a field that is absent, a division by zero, types that do not go together."""
        event: Context = {}
        for field, read, keys in self._event_fields:
            value = read(touchpoint)
            if isinstance(value, dict) and keys is not None:
                event[field] = {key: value[key] for key in keys if key in value}
            elif value is not None:
                event[field] = value
        return self._program.execute({"event": event, "state": state})


class Condition(Expression):
    """An expression that is asked for yes or no."""

    __slots__ = ()

    def holds(self, touchpoint: Touchpoint, state: Context, errors: Counter[str] | None) -> bool:
        """Whether it is true of ``touchpoint``, given the ``state`` before it. An error inside, an answer that is not
        yes or no among them, means no, and is counted in ``errors`` under ``name``."""
        try:
            answer = self.value(touchpoint, state)
        except Exception:
            answer = None
        if answer is True or answer is False:
            return bool(answer)
        if errors is not None:
            errors[self.name] += 1
        return False


def _plain(text: str) -> str:
    """``text`` without the content of its strings, bounded."""
    if not text:
        raise ConditionError("the condition is empty: leave the line out")
    if len(text) > CONDITION_CHARS_MAX:
        raise ConditionError(f"the condition has {len(text)} characters; at most {CONDITION_CHARS_MAX} are allowed")
    if any(string["prefix"] for string in _STRING.finditer(text)):
        raise ConditionError("strings are written '…' or \"…\", without a letter in front")
    plain = _STRING.sub("''", text)
    if "//" in plain:
        raise ConditionError("a comment belongs outside the condition, behind a #")
    depth = 0
    for character in plain:
        depth += (character in "([{?") - (character in ")]}:")
        if depth > NESTING_MAX:
            raise ConditionError(f"nested more than {NESTING_MAX} deep")
    return _AROUND_DOT.sub(".", plain)


def _first_line(error: Exception) -> str:
    words = str(error).split("ERROR:")[-1].strip().splitlines()
    return words[0] if words else "unreadable"
