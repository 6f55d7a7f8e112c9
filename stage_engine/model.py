"""The journey model, compiled: everything the fold asks, in the shape in which it asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path as FilePath
from typing import Final, Generic, TypeVar

import msgspec

from stage_engine.condition import Condition, ConditionError
from stage_engine.model_file import (
    EVENTS_MAX,
    SILENCE_MAX_MS,
    EntryFile,
    ModelError,
    ModelFile,
    MoveFile,
    Problems,
    SignalFile,
    nearest,
    read_model_file,
    silence_ms,
)
from stage_engine.yaml_source import Path

__all__ = ["SHIPPED", "Model", "ModelError", "load_model", "parse_model"]

FOLD_VERSION: Final = 2
"""Part of every model's version: raise it when the same model and touchpoints begin to give another journey, and all
rows are folded again."""
ANY: Final = "any"
BUILT_IN_STATE: Final = (
    "stage",
    "label",
    "highest_stage",
    "silence_s",
    "touchpoints",
    "purchases",
    "revenue",
)
SHIPPED: Final = FilePath(__file__).parent / "models"
"""Where the shipped models are."""

Way = TypeVar("Way")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a touchpoint must say. Tests of None are not asked."""

    name: str
    types: frozenset[str] | None
    events: frozenset[str] | None
    channels: frozenset[str] | None
    score_kinds: frozenset[str] | None
    when: Condition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A way out of one stage, or into the first (``from_stage`` is then ``""``)."""

    from_stage: str
    signal: Signal | None
    """None: whatever the touchpoint says (the last entry)."""
    when: Condition | None
    to: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """A move on silence, ``offset_ms`` after the last touchpoint."""

    offset_ms: int
    from_stage: str
    to: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways(Generic[Way]):
    """Ways in the file's order, found by the touchpoint's event."""

    by_event: Mapping[str, tuple[Way, ...]]
    otherwise: tuple[Way, ...]
    """For an event that no signal names."""

    def of(self, event: str) -> tuple[Way, ...]:
        """Those that a touchpoint with this event can take, as far as the event says."""
        return self.by_event.get(event, self.otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A journey model. Immutable; safe to share."""

    name: str
    version: str
    """Hash of what the model means: comments, texts for people and the order of keys do not change it."""
    stages: tuple[str, ...]
    rank: Mapping[str, int]
    """Place of each stage in ``stages``."""
    entry: Ways[Move]
    moves: Mapping[str, Ways[Move]]
    """By stage."""
    silence: Mapping[str, tuple[Lapse, ...]]
    """By stage: all that silence brings to somebody who is in that stage after their last touchpoint, in order."""
    counters: Ways[tuple[str, Signal]]
    """By name: the touchpoints with this signal are counted."""


def load_model(path: FilePath | str) -> Model:
    """The model in the file at ``path``; a bare name (``seven_stage``) means a shipped one. Raises ``ModelError``."""
    file = FilePath(path)
    if not file.suffix and file.name == str(path):
        file = SHIPPED / f"{path}.yaml"
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        shipped = ", ".join(sorted(known.stem for known in SHIPPED.glob("*.yaml")))
        raise ModelError([f"{path}: cannot be read ({error}); shipped models: {shipped}"]) from error
    return parse_model(text, file.name)


def parse_model(text: str, filename: str = "model.yaml") -> Model:
    """The model that ``text`` describes; ``filename`` is for the messages. Raises ``ModelError`` with all problems
    found."""
    file, problems = read_model_file(text, filename)
    return _Compilation(file, problems).model()


class _Compilation:
    """Turns a file into a model, and gathers what does not fit together."""

    def __init__(self, file: ModelFile, problems: Problems) -> None:
        self.file = file
        self.problems = problems
        self.stages = tuple(stage.name for stage in file.stages)
        self.rank = {stage: self.stages.index(stage) for stage in self.stages}
        self.state_fields = {*BUILT_IN_STATE, *file.counters}

    def model(self) -> Model:
        self._check_stages()
        self._check_events()
        signals = {name: self._signal(name, signal) for name, signal in self.file.signals.items()}
        counters = [
            (counter.count, (name, self._known_signal(signals, counter.count, ("counters", name, "count"))))
            for name, counter in self.file.counters.items()
        ]
        entry = [self._entry(signals, place, way) for place, way in enumerate(self.file.entry)]
        moves = [pair for place, move in enumerate(self.file.moves) for pair in self._moves(signals, place, move)]
        lapses = [pair for place, move in enumerate(self.file.moves) for pair in self._lapses(place, move)]
        self._check_counters()
        self.problems.raise_any()
        silence = {stage: self._silence(stage, lapses) for stage in self.stages}
        self.problems.raise_any()
        return Model(
            name=self.file.name,
            version=_version(self.file),
            stages=self.stages,
            rank=self.rank,
            entry=_ways([(move.signal, move) for move in entry]),
            moves={
                stage: _ways([(move.signal, move) for move in moves if move.from_stage == stage])
                for stage in self.stages
            },
            silence=silence,
            counters=_ways([(signal, (name, signal)) for _, (name, signal) in counters if signal is not None]),
        )

    def _check_stages(self) -> None:
        for place, stage in enumerate(self.stages):
            if stage == ANY:
                self.problems.add(("stages", place, "name"), "'any' means every stage: give this one another name")
            if self.rank[stage] != place:
                self.problems.add(("stages", place, "name"), "a stage of this name is already there")

    def _check_events(self) -> None:
        events = sum(len(signal.event or ()) for signal in self.file.signals.values())
        if events > EVENTS_MAX:
            self.problems.add(("signals",), f"the signals name {events} events; at most {EVENTS_MAX} are allowed")

    def _check_counters(self) -> None:
        for name in self.file.counters:
            if name in BUILT_IN_STATE:
                self.problems.add(("counters", name), f"state.{name} is built in: give the counter another name")

    def _signal(self, name: str, signal: SignalFile) -> Signal:
        path: Path = ("signals", name)
        return Signal(
            name=name,
            types=frozenset(signal.type) if signal.type else None,
            events=frozenset(signal.event) if signal.event else None,
            channels=frozenset(signal.channel) if signal.channel else None,
            score_kinds=frozenset(signal.score_kind) if signal.score_kind else None,
            when=self._condition(signal.when, f"signal {name}", (*path, "when"), frozenset()),
        )

    def _entry(self, signals: Mapping[str, Signal], place: int, way: EntryFile) -> Move:
        path: Path = ("entry", place)
        last = place == len(self.file.entry) - 1
        if last and (way.on or way.when):
            self.problems.add(path, "the last entry is for all other touchpoints: end with '- to: <stage>' alone")
        if not last and way.on is None:
            self.problems.add(path, "only the last entry goes without 'on': the ones behind it could never be taken")
        return Move(
            from_stage="",
            signal=self._known_signal(signals, way.on, (*path, "on")) if way.on else None,
            when=self._condition(way.when, f"entry {place + 1} to {way.to}", (*path, "when"), frozenset()),
            to=self._known_stage(way.to, (*path, "to")),
            label=way.label or "",
        )

    def _moves(self, signals: Mapping[str, Signal], place: int, move: MoveFile) -> Iterator[Move]:
        if move.on is None:
            return
        path: Path = ("moves", place)
        signal = self._known_signal(signals, move.on, (*path, "on"))
        name = f"move {place + 1} to {move.to or move.label}"
        condition = self._condition(move.when, name, (*path, "when"), frozenset(self.state_fields))
        for stage, to in self._pairs(place, move):
            yield Move(from_stage=stage, signal=signal, when=condition, to=to, label=move.label or "")

    def _lapses(self, place: int, move: MoveFile) -> Iterator[Lapse]:
        if move.after is None:
            return
        for stage, to in self._pairs(place, move):
            yield Lapse(offset_ms=silence_ms(move.after), from_stage=stage, to=to, label=move.label or "")

    def _pairs(self, place: int, move: MoveFile) -> list[tuple[str, str]]:
        """From and to, for every stage that the move leaves."""
        path: Path = ("moves", place)
        to = self._known_stage(move.to, (*path, "to")) if move.to else ""
        if ANY in move.from_:
            if len(move.from_) > 1:
                self.problems.add((*path, "from"), "'any' is already every stage: leave the others out")
            pairs = [(stage, to or stage) for stage in self.stages if stage != to]
        else:
            pairs = [(self._known_stage(stage, (*path, "from")), to or stage) for stage in dict.fromkeys(move.from_)]
        if self.file.forward_only:
            pairs = [(stage, to) for stage, to in pairs if self.rank.get(to, 0) >= self.rank.get(stage, 0)]
        if not pairs:
            self.problems.add(path, "this move can never be made: it only leads back, and the model is forward_only")
        return pairs

    def _silence(self, stage: str, lapses: list[Lapse]) -> tuple[Lapse, ...]:
        """The chain of lapses from ``stage``, each at its offset from the last touchpoint: of a stage's lapses in order
        of length, those that stay fire one after another, and the first that leaves begins the next stage's."""
        chain: list[Lapse] = []
        passed = [stage]
        entered_ms = 0
        while lapse := self._leave(passed[-1], entered_ms, lapses, chain):
            if lapse.to in passed:
                circle = " to ".join([*passed, lapse.to])
                self.problems.add(("moves",), f"silence leads in a circle ({circle}): take one 'after' out")
                return ()
            passed.append(lapse.to)
            entered_ms = lapse.offset_ms
        if chain and chain[-1].offset_ms > SILENCE_MAX_MS:
            self.problems.add(("moves",), f"the time-outs from '{stage}' on add up to more than ten years")
        return tuple(chain)

    def _leave(self, stage: str, entered_ms: int, lapses: list[Lapse], chain: list[Lapse]) -> Lapse | None:
        """Append what silence does in ``stage`` to ``chain``; return the lapse that leaves it."""
        for lapse in sorted((each for each in lapses if each.from_stage == stage), key=lambda each: each.offset_ms):
            chain.append(
                Lapse(offset_ms=entered_ms + lapse.offset_ms, from_stage=stage, to=lapse.to, label=lapse.label),
            )
            if lapse.to != stage:
                return chain[-1]
        return None

    def _known_stage(self, name: str, path: Path) -> str:
        if name not in self.rank:
            self.problems.add(path, f"there is no stage '{name}'{nearest(name, list(self.stages))}")
        return name

    def _known_signal(self, signals: Mapping[str, Signal], name: str, path: Path) -> Signal | None:
        signal = signals.get(name)
        if signal is None:
            self.problems.add(path, f"there is no signal '{name}'{nearest(name, list(signals))}")
        return signal

    def _condition(self, text: str | None, name: str, path: Path, state_fields: frozenset[str]) -> Condition | None:
        if text is None:
            return None
        try:
            condition = Condition(text, name)
        except ConditionError as error:
            self.problems.add(path, str(error))
            return None
        for field in condition.state_fields:
            if not state_fields:
                self.problems.add(path, f"state.{field}: only a move's condition may ask for the state")
            elif field not in state_fields:
                known = sorted(state_fields)
                hint = f"{nearest(field, known)}; there are: {', '.join(known)}"
                self.problems.add(path, f"state.{field} does not exist{hint}")
        return condition


def _ways(ways: list[tuple[Signal | None, Way]]) -> Ways[Way]:
    events = {event for signal, _ in ways if signal and signal.events for event in signal.events}
    return Ways(
        by_event={event: tuple(way for signal, way in ways if _can_be(signal, event)) for event in events},
        otherwise=tuple(way for signal, way in ways if _can_be(signal, None)),
    )


def _can_be(signal: Signal | None, event: str | None) -> bool:
    return signal is None or signal.events is None or event in signal.events


def _version(file: ModelFile) -> str:
    """Hash of the file's meaning: what is only for people is left out, and what is a set is sorted."""
    meaning = file.model_dump(exclude={"name": True, "title": True, "summary": True, "source": True, "stages": True})
    meaning["stages"] = [stage.name for stage in file.stages]
    for signal in meaning["signals"].values():
        for test in ("type", "event", "channel", "score_kind"):
            signal[test] = sorted(set(signal[test])) if signal[test] else None
    for move in meaning["moves"]:
        move["from_"] = sorted(set(move["from_"]))
        move["after"] = silence_ms(move["after"]) if move["after"] else None
    text = msgspec.json.encode([FOLD_VERSION, meaning], order="deterministic")
    return blake2b(text, digest_size=8).hexdigest()
