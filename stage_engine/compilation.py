"""From a model file to the pieces of a model, each of which fits to the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from stage_engine.condition import Condition, ConditionError, Expression
from stage_engine.counter import ModelCounter
from stage_engine.model_file import ANY, EVENTS_MAX, EntryFile, ModelFile, MoveFile, SignalFile
from stage_engine.problem import Problems, nearest
from stage_engine.shortcut import predicate
from stage_engine.silence import SILENCE_MAX_MS, CircleError, chain_from, silence_ms
from stage_engine.state import Predicate
from stage_engine.way import Lapse, Move, Signal
from stage_engine.yaml_source import Path

BUILT_IN_STATE: Final = (
    "stage",
    "label",
    "highest_stage",
    "silence_s",
    "touchpoints",
    "purchases",
    "revenue",
)
Compiled = TypeVar("Compiled", bound=Expression)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """What a model is put together from, in the file's order."""

    counters: list[ModelCounter]
    entry: list[Move]
    moves: list[Move]
    """One for each stage that a move leaves."""
    lapses: list[Lapse]
    """As written: each at its offset from the entry into its stage."""
    silence: dict[str, tuple[Lapse, ...]]
    """By stage: the chain from it, each at its offset from the last touchpoint."""


class Compilation:
    """Turns a file into a model, and gathers what does not fit together."""

    def __init__(self, file: ModelFile, problems: Problems) -> None:
        self.file = file
        self.problems = problems
        self.stages = tuple(stage.name for stage in file.stages)
        self.rank = {stage: self.stages.index(stage) for stage in self.stages}
        self.state_fields = {*BUILT_IN_STATE, *file.counters}

    def pieces(self) -> Pieces:
        """Raises ``ModelError``."""
        self._check_stages()
        self._check_events()
        signals = {name: self._signal(name, signal) for name, signal in self.file.signals.items()}
        counters = [counter for name in self.file.counters if (counter := self._counter(signals, name))]
        entry = [self._entry(signals, place, way) for place, way in enumerate(self.file.entry)]
        moves = [pair for place, move in enumerate(self.file.moves) for pair in self._moves(signals, place, move)]
        lapses = [pair for place, move in enumerate(self.file.moves) for pair in self._lapses(place, move)]
        self.problems.raise_any()
        silence = {stage: self._silence(stage, lapses) for stage in self.stages}
        self.problems.raise_any()
        return Pieces(counters=counters, entry=entry, moves=moves, lapses=lapses, silence=silence)

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

    def _signal(self, name: str, signal: SignalFile) -> Signal:
        path: Path = ("signals", name)
        channels = frozenset(signal.channel) if signal.channel else None
        score_kinds = frozenset(signal.score_kind) if signal.score_kind else None
        when = self._expression(signal.when, f"signal {name}", (*path, "when"), frozenset(), Condition)
        return Signal(
            name=name,
            types=frozenset(signal.type) if signal.type else None,
            events=frozenset(signal.event) if signal.event else None,
            channels=channels,
            score_kinds=score_kinds,
            when=when,
            asks=(*_memberships(channels, score_kinds), *self._predicates(when)),
        )

    def _counter(self, signals: Mapping[str, Signal], name: str) -> ModelCounter | None:
        counter = self.file.counters[name]
        path: Path = ("counters", name)
        if name in BUILT_IN_STATE:
            self.problems.add(path, f"state.{name} is built in: give the counter another name")
        text = str(getattr(counter, counter.kind))
        if counter.on is None:
            signal, value = self._known_signal(signals, text, (*path, counter.kind)), None
        else:
            signal = self._known_signal(signals, counter.on, (*path, "on"))
            value = self._expression(text, f"counter {name}", (*path, counter.kind), frozenset(), Expression)
        if signal is None:
            return None
        return ModelCounter(name=name, kind=counter.kind, signal=signal, value=value, most=counter.max or 0)

    def _entry(self, signals: Mapping[str, Signal], place: int, way: EntryFile) -> Move:
        path: Path = ("entry", place)
        last = place == len(self.file.entry) - 1
        signal = self._known_signal(signals, way.on, (*path, "on")) if way.on else None
        when = self._expression(way.when, f"entry {place + 1} to {way.to}", (*path, "when"), frozenset(), Condition)
        if last and (way.on or way.when):
            self.problems.add(path, "the last entry is for all other touchpoints: end with '- to: <stage>' alone")
        if not last and way.on is None:
            self.problems.add(path, "only the last entry goes without 'on': the ones behind it could never be taken")
        return Move(
            place=place,
            from_stage="",
            signal=signal,
            when=when,
            types=signal.types if signal else None,
            asks=(*(signal.asks if signal else ()), *self._predicates(when)),
            to=self._known_stage(way.to, (*path, "to")),
            label=way.label or "",
        )

    def _moves(self, signals: Mapping[str, Signal], place: int, move: MoveFile) -> Iterator[Move]:
        if move.on is None:
            return
        path: Path = ("moves", place)
        signal = self._known_signal(signals, move.on, (*path, "on"))
        name = f"move {place + 1} to {move.to or move.label}"
        when = self._expression(move.when, name, (*path, "when"), frozenset(self.state_fields), Condition)
        asks = (*(signal.asks if signal else ()), *self._predicates(when))
        for stage, to in self._pairs(place, move):
            yield Move(
                place=place,
                from_stage=stage,
                signal=signal,
                when=when,
                types=signal.types if signal else None,
                asks=asks,
                to=to,
                label=move.label or "",
            )

    def _lapses(self, place: int, move: MoveFile) -> Iterator[Lapse]:
        if move.after is None:
            return
        for stage, to in self._pairs(place, move):
            yield Lapse(place=place, offset_ms=silence_ms(move.after), from_stage=stage, to=to, label=move.label or "")

    def _pairs(self, place: int, move: MoveFile) -> list[tuple[str, str]]:
        """From and to, for every stage that the move leaves."""
        path: Path = ("moves", place)
        if move.to:
            self._known_stage(move.to, (*path, "to"))
        if move.from_ != [ANY]:
            if ANY in move.from_:
                self.problems.add((*path, "from"), "'any' is already every stage: leave the others out")
            for stage in move.from_:
                self._known_stage(stage, (*path, "from"))
        pairs = self.file.steps(move)
        if not pairs:
            self.problems.add(path, "this move can never be made: it only leads back, and the model is forward_only")
        return pairs

    def _silence(self, stage: str, lapses: list[Lapse]) -> tuple[Lapse, ...]:
        try:
            chain = chain_from(stage, lapses)
        except CircleError as error:
            self.problems.add(("moves", error.place, "after"), str(error))
            return ()
        if chain and chain[-1].offset_ms > SILENCE_MAX_MS:
            path: Path = ("moves", chain[-1].place, "after")
            self.problems.add(path, f"the time-outs from '{stage}' on add up to more than ten years")
        return chain

    def _known_stage(self, name: str, path: Path) -> str:
        if name not in self.rank:
            self.problems.add(path, f"there is no stage '{name}'{nearest(name, list(self.stages))}")
        return name

    def _known_signal(self, signals: Mapping[str, Signal], name: str, path: Path) -> Signal | None:
        signal = signals.get(name)
        if signal is None:
            self.problems.add(path, f"there is no signal '{name}'{nearest(name, list(signals))}")
        return signal

    def _predicates(self, condition: Condition | None) -> tuple[Predicate, ...]:
        kinds = {name: counter.kind for name, counter in self.file.counters.items()}
        return () if condition is None else (predicate(condition, kinds),)

    def _expression(
        self, text: str | None, name: str, path: Path, state_fields: frozenset[str], kind: type[Compiled]
    ) -> Compiled | None:
        if text is None:
            return None
        try:
            expression = kind(text, name)
        except ConditionError as error:
            self.problems.add(path, str(error))
            return None
        for field in expression.state_fields:
            if not state_fields:
                self.problems.add(path, f"state.{field}: only a move's condition may ask for the state")
            elif field not in state_fields:
                known = sorted(state_fields)
                hint = f"{nearest(field, known)}; there are: {', '.join(known)}"
                self.problems.add(path, f"state.{field} does not exist{hint}")
        return expression


def _memberships(channels: frozenset[str] | None, score_kinds: frozenset[str] | None) -> Iterator[Predicate]:
    if channels is not None:
        yield lambda touchpoint, _: touchpoint.channel in channels
    if score_kinds is not None:
        yield lambda touchpoint, _: touchpoint.score_kind in score_kinds
