"""The short way for simple conditions: a Python function that gives CEL's answer in a tenth of the time.

Simple is what compares fields with texts and numbers, or with each other, asks ``has(…)`` or ``in […]``, and joins
such questions with ``&&``, ``||``, ``!`` and brackets. What kind of value a field has is known beforehand, so that a
question means the same in both languages. Where that, or whether the value is there at all, shows with the touchpoint
only, the function leaves to CEL the touchpoints that it must. Of the text nothing gets into the function but numbers
and texts, as Python writes them, and what stands in the tables below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from stage_engine.condition import Condition
from stage_engine.state import Predicate, State
from stage_engine.touchpoint import MONEY_UNIT, Touchpoint

Kind = Literal["text", "number", "boolean", "any"]
"""Of a value; ``any``: only the touchpoint tells."""

WHOLE_MAX: Final = 2**53
"""Beyond it integers and decimal numbers are compared as CEL's library happens to do it."""

TOKENS_MAX: Final = 100
"""Python's own parser has an end to nesting, too."""

_TOKEN: Final = re.compile(
    r"""\s*('[^'\\\n]*'|"[^"\\\n]*"|-?\d+(?:\.\d+)?(?![\w.])"""
    r"""|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|&&|\|\||[=!<>]=|[!<>()\[\],])""",
    re.ASCII,
)
_EQUAL: Final = frozenset({"==", "!="})
_ORDERED: Final = frozenset({"<", "<=", ">", ">="})


class NotSimpleError(ValueError):
    """Left to CEL."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A field or a literal, as Python."""

    kind: Kind
    read: str
    shown: str = "{}"
    """What CEL sees of what was read."""
    sure: bool = True
    """False: what is read may be None, which CEL does not see at all."""
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Python for True and False; if it is not ``sure``, for None, too: ask CEL."""

    code: str
    sure: bool


_TEXTS: Final = (
    *("source", "type", "event", "name", "channel", "acquisition_channel", "transaction", "currency", "score_kind"),
)
_FIELDS: Final[Mapping[str, Operand]] = {
    **{f"event.{name}": Operand("text", f"touchpoint.{name}") for name in _TEXTS},
    "event.offline": Operand("boolean", "touchpoint.offline"),
    "event.value": Operand("number", "touchpoint.value", f"{{}} / {MONEY_UNIT}", sure=False),
    "event.score": Operand("number", "touchpoint.score", sure=False),
    **{f"state.{name}": Operand("text", f"state.{name}") for name in ("stage", "label", "highest_stage")},
    **{f"state.{name}": Operand("number", f"state.{name}") for name in ("touchpoints", "purchases")},
    "state.silence_s": Operand("number", "(touchpoint.occurred_at - state.last_touch_at) // 1000"),
}
_COUNTERS: Final[Mapping[str, Operand]] = {
    "count": Operand("number", "state.counters.get({!r}, 0)"),
    "sum": Operand("number", f"state.counters.get({{!r}}, 0) / {MONEY_UNIT}"),
    "distinct": Operand("number", "len(state.counters.get({!r}, ()))"),
    "days_since": Operand(
        "number", "state.counters.get({!r})", "(touchpoint.occurred_at - {}) // 86_400_000", sure=False
    ),
    "last": Operand("any", "state.counters.get({!r})", sure=False),
    "first": Operand("any", "state.counters.get({!r})", sure=False),
}
"""What ``stage_engine.counter.shown`` makes of what is kept."""
_CLASSES: Final = {"text": "str", "number": "float", "boolean": "bool"}
_MEMBER: Final = re.compile(r"event\.(properties|traits|context)\.(\w+)")
_REVENUE: Final = re.compile(r"state\.revenue\.(\w+)")


def predicate(condition: Condition, counters: Mapping[str, str]) -> Predicate:
    """``condition.holds`` as a function of touchpoint and state; ``counters``: the kinds of the model's, by name."""

    def by_cel(touchpoint: Touchpoint, state: State) -> bool:
        return condition.holds(touchpoint, state.told(condition.state_fields, touchpoint), state.errors)

    try:
        question = _Reading(condition.text, counters).whole()
    except NotSimpleError:
        return by_cel
    code = question.code
    if not question.sure:
        code = f"by_cel(touchpoint, state) if (answer := {code}) is None else answer"
    short: Predicate = eval(f"lambda touchpoint, state: {code}", {**_NAMES, "by_cel": by_cel})  # noqa: S307 - see above
    return short


def _plain_members(text: bytes, names: Sequence[str]) -> Sequence[object] | None:
    """The members of these names of a JSON object, ``_ABSENT`` for those that it has not. None if it is no object, or
    one of them is nothing plain: CEL's library takes some such values, and refuses others whatever is asked of them."""
    try:
        members = msgspec.json.decode(text or b"{}")
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    found = [members.get(name, _ABSENT) for name in names]
    for value in found:
        if value.__class__ not in _PLAIN and not (value.__class__ is int and -WHOLE_MAX < value < WHOLE_MAX):
            return None
    return found


_ABSENT: Final = object()
_PLAIN: Final = frozenset({str, float, bool, type(None), object})
_NAMES: Final = {
    "__builtins__": {},
    "absent": _ABSENT,
    "bool": bool,
    "float": float,
    "int": int,
    "len": len,
    "members": _plain_members,
    "str": str,
}
"""What the functions may call."""


class _Reading:
    """Reads a condition from left to right. What CEL has compiled is well formed: whatever surprises is not simple."""

    def __init__(self, text: str, counters: Mapping[str, str]) -> None:
        self._counters = counters
        self._tokens: list[str] = []
        self._names = 0
        self._members: dict[str, list[str]] = {}
        at, end = 0, len(text.rstrip())
        while at < end:
            token = _TOKEN.match(text, at)
            if token is None:
                raise NotSimpleError
            self._tokens.append(token[1])
            at = token.end()
        if len(self._tokens) > TOKENS_MAX:
            raise NotSimpleError
        self._tokens.append("")
        self._at = 0

    def whole(self) -> Question:
        question = self._either()
        self._take("")
        for root, names in self._members.items():
            code = f"(None if ({root} := members(touchpoint.{root}, {tuple(names)})) is None else {question.code})"
            question = Question(code, sure=False)
        return question

    def _either(self) -> Question:
        left = self._both()
        while self._next("||"):
            right = self._both()
            if left.sure:
                code = f"({left.code} or {right.code})"
            else:
                name = self._name()
                code = f"(True if ({name} := {left.code}) else None if {name} is None else {right.code})"
            left = Question(code, left.sure and right.sure)
        return left

    def _both(self) -> Question:
        left = self._one()
        while self._next("&&"):
            right = self._one()
            left = Question(f"({left.code} and {right.code})", left.sure and right.sure)
        return left

    def _one(self) -> Question:
        if self._next("!"):
            return self._negated()
        if self._next("("):
            question = self._either()
            self._take(")")
            return self._alone(question)
        if self._tokens[self._at] == "has":
            self._at += 1
            self._take("(")
            question = self._there(self._tokens[self._at])
            self._at += 1
            self._take(")")
            return self._alone(question)
        return self._compared(self._operand())

    def _negated(self) -> Question:
        if self._tokens[self._at] not in ("(", "has", "!"):
            question = self._alone(self._bare(self._operand()))
        else:
            question = self._one()
        if question.sure:
            return Question(f"(not {question.code})", sure=True)
        name = self._name()
        return Question(f"(None if ({name} := {question.code}) is None else not {name})", sure=False)

    def _alone(self, question: Question) -> Question:
        """An answer is not compared with anything."""
        if self._tokens[self._at] in _EQUAL | _ORDERED | {"in"}:
            raise NotSimpleError
        return question

    def _compared(self, left: Operand) -> Question:
        sign = self._tokens[self._at]
        if self._next("in"):
            return self._alone(self._listed(left))
        if sign not in _EQUAL | _ORDERED:
            return self._bare(left)
        self._at += 1
        right = self._operand()
        kinds = {left.kind, right.kind}
        if (len(kinds) > 1 and not ("any" in kinds and (left.literal or right.literal))) or kinds == {"any"}:
            raise NotSimpleError
        if sign in _ORDERED and "number" not in kinds:
            raise NotSimpleError
        one, other = self._named(left, right.kind), self._named(right, left.kind)
        doubts = " or ".join(doubt for doubt in (one[1], other[1]) if doubt)
        code = f"{one[0]} {sign} {other[0]}"
        return self._alone(Question(f"(None if {doubts} else {code})" if doubts else f"({code})", not doubts))

    def _named(self, operand: Operand, kind: Kind) -> tuple[str, str]:
        """The operand, known to be of this kind, and in which case it is not; ``""``: in none."""
        if operand.sure:
            return operand.shown.format(operand.read), ""
        name = self._name()
        doubt = f"({name} := {operand.read}) is None"
        if operand.kind == "any":
            doubt = f"({name} := {operand.read}).__class__ is not {_CLASSES[kind]}"
            if kind == "number":
                doubt = f"({doubt} and not ({name}.__class__ is int and {-WHOLE_MAX} < {name} < {WHOLE_MAX}))"
        return operand.shown.format(name), doubt

    def _listed(self, left: Operand) -> Question:
        """``left in ['…', '…']``."""
        self._take("[")
        texts: list[str] = []
        while not self._next("]"):
            operand = self._operand()
            if not operand.literal or operand.kind != "text":
                raise NotSimpleError
            texts.append(operand.read)
            self._next(",")
        if left.kind != "text":
            raise NotSimpleError
        return Question(f"({left.read} in ({''.join(f'{text}, ' for text in texts)}))", sure=True)

    def _bare(self, operand: Operand) -> Question:
        """A boolean that is the whole question."""
        if operand.kind == "any":
            code, doubt = self._named(operand, "boolean")
            return Question(f"(None if {doubt} else {code})", sure=False)
        if operand.kind != "boolean":
            raise NotSimpleError
        return Question(operand.read, sure=True)

    def _there(self, path: str) -> Question:
        """``has(path)``."""
        if member := _MEMBER.fullmatch(path):
            return Question(f"({self._member(member[1], member[2])} is not absent)", sure=True)
        operand = self._field(path)
        return Question("True" if operand.sure else f"({operand.read} is not None)", sure=True)

    def _operand(self) -> Operand:
        token = self._tokens[self._at]
        self._at += 1
        if token[:1] in ("'", '"'):
            return Operand("text", repr(token[1:-1]), literal=True)
        if token[:1] in "-0123456789":
            number = float(token) if "." in token else int(token)
            if abs(number) >= WHOLE_MAX:
                raise NotSimpleError
            return Operand("number", repr(number), literal=True)
        if token in ("true", "false"):
            return Operand("boolean", token.capitalize(), literal=True)
        return self._field(token)

    def _field(self, path: str) -> Operand:
        if operand := _FIELDS.get(path):
            return operand
        if member := _MEMBER.fullmatch(path):
            return Operand("any", self._member(member[1], member[2]), sure=False)
        if member := _REVENUE.fullmatch(path):
            return Operand("number", f"state.revenue.get({member[1]!r})", f"{{}} / {MONEY_UNIT}", sure=False)
        name = path.removeprefix("state.")
        if name == path or name not in self._counters:
            raise NotSimpleError
        operand = _COUNTERS[self._counters[name]]
        return Operand(operand.kind, operand.read.format(name), operand.shown, operand.sure)

    def _member(self, root: str, name: str) -> str:
        names = self._members.setdefault(root, [])
        if name not in names:
            names.append(name)
        return f"{root}[{names.index(name)}]"

    def _name(self) -> str:
        self._names += 1
        return f"_{self._names}"

    def _next(self, token: str) -> bool:
        """Whether this comes next; it is taken then."""
        if self._tokens[self._at] != token:
            return False
        self._at += 1
        return True

    def _take(self, token: str) -> None:
        if not self._next(token):
            raise NotSimpleError
