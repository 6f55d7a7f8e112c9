"""The model file: what people write, checked piece by piece before it is compiled.

The language (``docs/models/language.md``) is chosen so that it can grow without breaking a file: every list is ordered,
every thing has a name or a place, and unknown keys are refused, so that a later key never meant something else before.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from stage_engine.yaml_source import Path, Source, SourceError, read_source

STAGES_MAX: Final = 50
SIGNALS_MAX: Final = 100
MOVES_MAX: Final = 200
COUNTERS_MAX: Final = 50
EVENTS_MAX: Final = 500
"""Of all signals together. All five are several times what seven_stage has; together they bound the compiled index,
at worst some 40 MB."""
SILENCE_MAX_MS: Final = 3_650 * 86_400_000
"""Ten years: the longest time-out, and the longest chain of them, so that every planned visit fits into a
DateTime64."""
SILENCE_MIN_MS: Final = 60_000
"""One minute: a time-out of no length would be a loop."""

_DURATION: Final = re.compile(r"P(?:(?P<days>\d{1,5})D)?(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,7})M)?)?")
_NAME: Final = r"^[a-z][a-z0-9_]{0,62}$"

Name = Annotated[str, Field(pattern=_NAME)]
Text = str | dict[str, str]
"""For people: one text, or one by language (``{en: …, it: …}``)."""
OneOrSeveral = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
Words = Annotated[list[str], OneOrSeveral, Field(min_length=1)]
TouchpointType = Literal["track", "identify", "page", "screen", "group", "alias", "receipt"]
Types = Annotated[list[TouchpointType], OneOrSeveral, Field(min_length=1)]
ScoreKinds = Annotated[list[Literal["nps", "csat", "sentiment"]], OneOrSeveral, Field(min_length=1)]


class ModelError(ValueError):
    """A model file that cannot be used: one line per problem, ``file:line:column: stage 's': what to do``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class StageFile(_Strict):
    """A stage. Its place in the list says how far along the journey it is."""

    name: Name
    title: Text | None = None
    summary: Text | None = None


class SignalFile(_Strict):
    """What a touchpoint says: all that is written must be true of it."""

    type: Types | None = None
    event: Words | None = None
    """Any of these event names, letter by letter."""
    channel: Words | None = None
    score_kind: ScoreKinds | None = None
    """Any of these kinds of score is on the touchpoint."""
    when: str | None = None
    """A condition over ``event.*``."""

    @model_validator(mode="after")
    def _says_something(self) -> SignalFile:
        if not (self.type or self.event or self.channel or self.score_kind or self.when):
            raise ValueError("a signal needs at least one of type, event, channel, score_kind, when")
        return self


class CounterFile(_Strict):
    """A number kept for each customer, read as ``state.<its name>``."""

    count: Name
    """The signal whose touchpoints are counted."""


class EntryFile(_Strict):
    """Where a journey begins when its first touchpoint carries this signal; the last one, without ``on``, is for all
    others."""

    to: Name
    on: Name | None = None
    when: str | None = None
    label: Name | None = None


class MoveFile(_Strict):
    """From a stage to a stage: ``on`` a signal, or ``after`` a silence."""

    from_: Annotated[Words, Field(alias="from")]
    """A stage, several, or ``any`` (every stage but ``to``)."""
    to: Name | None = None
    """Left out: it stays where it is; a visit of its own begins, for the label."""
    on: Name | None = None
    when: str | None = None
    """A condition over ``event.*`` and ``state.*``."""
    after: str | None = None
    label: Name | None = None

    @model_validator(mode="after")
    def _has_one_cause(self) -> MoveFile:
        if (self.on is None) == (self.after is None):
            raise ValueError("a move needs either 'on' (a signal) or 'after' (a silence, e.g. P30D)")
        if self.after is not None:
            if self.when is not None:
                raise ValueError("a move 'after' a silence has no 'when': nothing happens then that could be asked")
            silence_ms(self.after)
        if self.to is None and self.label is None:
            raise ValueError("a move without 'to' stays where it is, so it needs a 'label'")
        return self


class ModelFile(_Strict):
    """A journey model as written."""

    name: Name
    title: Text | None = None
    summary: Text | None = None
    source: Text | None = None
    """Where the model comes from."""
    forward_only: bool = False
    """No move leads to an earlier stage."""
    stages: Annotated[list[StageFile], Field(min_length=1, max_length=STAGES_MAX)]
    signals: Annotated[dict[Name, SignalFile], Field(max_length=SIGNALS_MAX)] = {}
    counters: Annotated[dict[Name, CounterFile], Field(max_length=COUNTERS_MAX)] = {}
    entry: Annotated[list[EntryFile], Field(min_length=1, max_length=MOVES_MAX)]
    moves: Annotated[list[MoveFile], Field(max_length=MOVES_MAX)] = []


def silence_ms(text: str) -> int:
    """Milliseconds of an ISO 8601 duration in days, hours and minutes. Raises ``ValueError``."""
    match = _DURATION.fullmatch(text)
    length = 0
    if match:
        days, hours, minutes = (int(match[unit] or 0) for unit in ("days", "hours", "minutes"))
        length = ((days * 24 + hours) * 60 + minutes) * 60_000
    if not match or not SILENCE_MIN_MS <= length <= SILENCE_MAX_MS:
        raise ValueError(f"'{text}' is no silence: write days, hours or minutes (P30D, PT12H, P1DT30M), PT1M to P3650D")
    return length


class Problems:
    """What is wrong with a file, gathered, so that all of it is said at once."""

    def __init__(self, filename: str, source: Source) -> None:
        self._filename = filename
        self._source = source
        self._found: list[tuple[int, int, str]] = []

    def add(self, path: Path, what: str) -> None:
        """``what`` says what to do about the thing at ``path``."""
        line, column = self._source.place(path)
        stage = self._stage(path)
        self._found.append((line, column, f"{f'stage {stage!r}: ' if stage else ''}{what}"))

    def raise_any(self) -> None:
        """Raises ``ModelError`` when something was added."""
        if self._found:
            found = sorted(set(self._found))
            raise ModelError([f"{self._filename}:{line}:{column}: {what}" for line, column, what in found])

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


def read_model_file(text: str, filename: str) -> tuple[ModelFile, Problems]:
    """The file's content, each piece right in itself, and where to report what is wrong between them. Raises
    ``ModelError``."""
    try:
        source = read_source(text)
    except SourceError as error:
        line, column = error.place
        raise ModelError([f"{filename}:{line}:{column}: {error.reason}"]) from error
    problems = Problems(filename, source)
    if not isinstance(source.data, dict):
        problems.add((), "a model is a mapping that begins with 'name:'")
        problems.raise_any()
    try:
        return ModelFile.model_validate(source.data), problems
    except ValidationError as error:
        for path, what in _explain(error):
            problems.add(path, what)
        problems.raise_any()
        raise


def nearest(name: str, known: Iterator[str] | list[str]) -> str:
    """`` (did you mean 'x'?)`` when something known looks like ``name``."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


_PARTS: Final[dict[str, type[BaseModel]]] = {
    "stages": StageFile,
    "signals": SignalFile,
    "counters": CounterFile,
    "entry": EntryFile,
    "moves": MoveFile,
}


def _explain(error: ValidationError) -> Iterator[tuple[Path, str]]:
    for found in error.errors(include_url=False):
        path: Path = tuple(part for part in found["loc"] if part not in ("[key]", "str", "dict[str,str]"))
        yield path, _sentence(found["type"], path, found["msg"], found.get("ctx", {}))


def _sentence(kind: str, path: Path, message: str, context: dict[str, Any]) -> str:
    last = next((part for part in reversed(path) if isinstance(part, str)), "the file")
    part = _PARTS.get(str(path[0])) if len(path) > 1 else ModelFile
    match kind:
        case "extra_forbidden":
            keys = [field.alias or name for name, field in (part or ModelFile).model_fields.items()]
            return f"'{last}' is not known here{nearest(last, keys)}; there are: {', '.join(keys)}"
        case "missing":
            return f"'{last}' is missing: add it"
        case "string_type":
            return f"'{last}' must be text: put it in quotes"
        case "string_pattern_mismatch":
            return f"'{last}' must be a name in lower case: letters, digits and _, beginning with a letter, at most 63"
        case "value_error":
            return str(context.get("error", message))
    return f"'{last}': {message[0].lower()}{message[1:]}"
