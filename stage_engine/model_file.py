"""The model file: what people write, checked piece by piece before it is compiled.

The language (``docs/models/language.md``) is chosen so that it can grow without breaking a file: every list is ordered,
every thing has a name or a place, and unknown keys are refused, so that a later key never meant something else before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stage_engine.counter import DISTINCT_MAX, Kind
from stage_engine.example_file import EXAMPLES_MAX, ExampleFile, ExampleTouchpoint, ExampleVisit
from stage_engine.file_parts import Name, Names, Part, ScoreKinds, Silence, Text, Texts, Types, Words
from stage_engine.problem import PROBLEMS_MAX, ModelError, Problem, Problems, nearest
from stage_engine.yaml_source import Path, SourceError, read_source

ANY: Final = "any"
STAGES_MAX: Final = 50
SIGNALS_MAX: Final = 100
MOVES_MAX: Final = 200
COUNTERS_MAX: Final = 50
EVENTS_MAX: Final = 500
"""Of all signals together. All five are several times what seven_stage has; together they bound the compiled index,
at worst some 40 MB."""
FORMS_MAX: Final = 4
"""In how many ways a value may be written: one mistake in it is said for each."""
WORD_CHARS_SHOWN: Final = 80
"""Of a key, in a message: the longest name has 63."""


class StageFile(Part):
    """A stage. Its place in the list says how far along the journey it is. All but its name is for people."""

    name: Name
    """Lower case, digits and _."""
    title: Text | None = None
    """What people call it."""
    summary: Texts | None = None
    """What it is, in a sentence."""
    wants: Texts | None = None
    """What somebody in it wants: their motivation."""
    does: Texts | None = None
    """What they do."""
    feels: Texts | None = None
    """How they feel."""
    barriers: Texts | None = None
    """What keeps them from going on."""
    channels: Texts | None = None
    """Where they are met."""
    help: Texts | None = None
    """What a company does there."""
    objective: Texts | None = None
    """What a company wants to reach, and measures."""


class SignalFile(Part):
    """What a touchpoint says: all that is written must be true of it."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    type: Types | None = None
    """Any of these types of touchpoint."""
    event: Words | None = None
    """Any of these event names, letter by letter."""
    channel: Words | None = None
    """Any of these places: web, app, store, call_centre, email …"""
    score_kind: ScoreKinds | None = None
    """Any of these kinds of score is on the touchpoint."""
    when: str | None = None
    """A condition over ``event.*``."""

    @model_validator(mode="after")
    def _says_something(self) -> SignalFile:
        if not (self.type or self.event or self.channel or self.score_kind or self.when):
            raise ValueError("a signal needs at least one of type, event, channel, score_kind, when")
        return self


class CounterFile(Part):
    """A value kept for each customer, read as ``state.<its name>``: one of count, sum, last, first, distinct,
    days_since."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [kind]} for kind in get_args(Kind)]})

    count: Name | None = None
    """How many touchpoints carried this signal."""
    sum: str | None = None
    """The sum of this value (CEL over event.*) of the touchpoints that carry the signal ``on``."""
    last: str | None = None
    """This value (CEL over event.*) of the last touchpoint that carried the signal ``on``."""
    first: str | None = None
    """This value (CEL over event.*) of the first touchpoint that carried the signal ``on``."""
    distinct: str | None = None
    """How many different values (CEL over event.*) the touchpoints with the signal ``on`` had, up to ``max``."""
    days_since: Name | None = None
    """Whole days since the last touchpoint that carried this signal."""
    on: Name | None = None
    """The signal whose touchpoints have the value."""
    max: Annotated[int, Field(ge=1, le=DISTINCT_MAX)] | None = None
    """Of ``distinct``: it counts up to here."""

    @property
    def kind(self) -> Kind:
        """Which of the six it is."""
        return next(kind for kind in get_args(Kind) if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _is_one_thing(self) -> CounterFile:
        kinds = [kind for kind in get_args(Kind) if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"a counter is one of {', '.join(get_args(Kind))}: write exactly one of them")
        named = self.kind in ("count", "days_since")
        if named and self.on is not None:
            raise ValueError(f"'{self.kind}' names its signal itself: leave 'on' out")
        if not named and self.on is None:
            raise ValueError(f"'{self.kind}' needs 'on': the signal whose touchpoints have the value")
        if (self.kind == "distinct") != (self.max is not None):
            raise ValueError(f"'distinct' needs 'max' (1 to {DISTINCT_MAX}), and no other counter has it")
        return self


class EntryFile(Part):
    """Where a journey begins when its first touchpoint carries this signal; the last one, without ``on``, is for all
    others."""

    to: Name
    """The first stage."""
    on: Name | None = None
    """The signal that the first touchpoint carries."""
    when: str | None = None
    """A condition over ``event.*``."""
    label: Name | None = None
    """Of the visit."""


class MoveFile(Part):
    """From a stage to a stage: ``on`` a signal, or ``after`` a silence."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["on"]}, {"required": ["after"]}]})

    from_: Annotated[Names, Field(alias="from", max_length=STAGES_MAX)]
    """A stage, several, or ``any`` (every stage but ``to``)."""
    to: Name | None = None
    """Left out: it stays where it is; a visit of its own begins, for the label."""
    on: Name | None = None
    """The signal that makes this move."""
    when: str | None = None
    """A condition over ``event.*`` and ``state.*``."""
    after: Silence | None = None
    """The silence that makes this move, since the last touchpoint: days, hours, minutes (P30D, PT12H, P1DT30M)."""
    label: Name | None = None
    """Of the visit that begins."""

    @model_validator(mode="after")
    def _has_one_cause(self) -> MoveFile:
        if (self.on is None) == (self.after is None):
            raise ValueError("a move needs either 'on' (a signal) or 'after' (a silence, e.g. P30D)")
        if self.after is not None and self.when is not None:
            raise ValueError("a move 'after' a silence has no 'when': nothing happens then that could be asked")
        if self.to is None and self.label is None:
            raise ValueError("a move without 'to' stays where it is, so it needs a 'label'")
        return self


class ModelFile(Part):
    """A journey model as written."""

    name: Name
    """What the tables and the settings call it."""
    title: Text | None = None
    """What people call it."""
    summary: Texts | None = None
    """What it is for, in a sentence."""
    source: Texts | None = None
    """Where the model comes from."""
    forward_only: bool = False
    """No move leads to an earlier stage."""
    stages: Annotated[list[StageFile], Field(min_length=1, max_length=STAGES_MAX)]
    """In order: the further down, the further along."""
    signals: dict[Name, SignalFile] = Field({}, max_length=SIGNALS_MAX)
    """What touchpoints say, by name."""
    counters: dict[Name, CounterFile] = Field({}, max_length=COUNTERS_MAX)
    """What is kept for each customer, by name."""
    entry: Annotated[list[EntryFile], Field(min_length=1, max_length=MOVES_MAX)]
    """Where a journey begins: the first that fits; the last one, without ``on``, is for all others."""
    moves: list[MoveFile] = Field([], max_length=MOVES_MAX)
    """The first that fits, from the top, is made."""
    examples: list[ExampleFile] = Field([], max_length=EXAMPLES_MAX)
    """What people do, and the visits that it brings: ``tappa model test`` runs them."""

    def steps(self, move: MoveFile) -> list[tuple[str, str]]:
        """From and to, for every stage that the move leaves."""
        ranks = {stage.name: rank for rank, stage in enumerate(self.stages)}
        origins = [stage for stage in ranks if stage != move.to] if ANY in move.from_ else dict.fromkeys(move.from_)
        steps = [(stage, move.to or stage) for stage in origins]
        if self.forward_only:
            steps = [(stage, to) for stage, to in steps if ranks.get(to, 0) >= ranks.get(stage, 0)]
        return steps


def read_model_file(text: str, filename: str) -> tuple[ModelFile, Problems]:
    """The file's content, each piece right in itself, and where to report what is wrong between them. Raises
    ``ModelError``."""
    try:
        source = read_source(text)
    except SourceError as error:
        line, column = error.place
        raise ModelError([Problem(filename, line, column, "", error.reason)]) from error
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


_PARTS: Final[dict[str, type[BaseModel]]] = {
    "stages": StageFile,
    "signals": SignalFile,
    "counters": CounterFile,
    "entry": EntryFile,
    "moves": MoveFile,
    "examples": ExampleFile,
    "touchpoints": ExampleTouchpoint,
    "visits": ExampleVisit,
}


def _explain(error: ValidationError) -> Iterator[tuple[Path, str]]:
    deepest: dict[Path, tuple[Path, str]] = {}
    for found in error.errors(include_url=False)[: FORMS_MAX * PROBLEMS_MAX]:
        where = found["loc"]
        tried = next((at for at, part in enumerate(where) if _is_alternative(part)), len(where))
        path: Path = tuple(part for part in where if not _is_alternative(part))
        known = deepest.get(where[:tried])
        if known is None or tried == len(where) or len(path) > len(known[0]):
            # of the ways in which a text may be written, the one that came furthest was meant
            deepest[where[:tried]] = path, _sentence(found["type"], path, found["msg"], found.get("ctx", {}))
    yield from deepest.values()


def _is_alternative(part: str | int) -> bool:
    """Whether pydantic names one of several forms here, and no key of the file."""
    return part == "str" or (isinstance(part, str) and "[" in part)


def _short(word: str) -> str:
    return word if len(word) <= WORD_CHARS_SHOWN else f"{word[:WORD_CHARS_SHOWN]}…"


def _sentence(kind: str, path: Path, message: str, context: dict[str, Any]) -> str:
    last = _short(next((part for part in reversed(path) if isinstance(part, str)), "the file"))
    part = next((_PARTS[key] for key in reversed(path[:-1]) if isinstance(key, str) and key in _PARTS), ModelFile)
    match kind:
        case "extra_forbidden":
            keys = [field.alias or name for name, field in part.model_fields.items()]
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
