"""What is doubtful about a model that can be used: what nobody will ever reach, and what nothing ever asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stage_engine.compilation import Compilation, Pieces
from stage_engine.model_file import ModelFile, read_model_file
from stage_engine.problem import Problem, Problems, nearest
from stage_engine.way import Lapse, Move, Signal
from stage_engine.yaml_source import Path


def doubts(text: str, filename: str) -> list[Problem]:
    """The doubts about the model that ``text`` describes. Raises ``ModelError`` when it describes none."""
    file, problems = read_model_file(text, filename)
    pieces = Compilation(file, problems).pieces()
    return sorted(_Adviser(file, pieces, problems).doubts())


class _Adviser:
    def __init__(self, file: ModelFile, pieces: Pieces, problems: Problems) -> None:
        self.file = file
        self.pieces = pieces
        self.problem = problems.problem
        self.stages = [stage.name for stage in file.stages]

    def doubts(self) -> Iterator[Problem]:
        yield from self._ways("entry", self.pieces.entry)
        yield from self._ways("moves", self.pieces.moves)
        yield from self._lapses()
        yield from self._stages()
        yield from self._unused()
        yield from self._examples()

    def _ways(self, key: str, ways: Sequence[Move]) -> Iterator[Problem]:
        """Of each way the one that always wins, if that is so from every stage that it leaves."""
        winners: dict[int, list[Move | None]] = {}
        before: dict[str, list[Move]] = {}
        for way in ways:
            here = before.setdefault(way.from_stage, [])
            winners.setdefault(way.place, []).append(_winner(way, here))
            here.append(way)
        for place, won in winners.items():
            if won[0] and all(won):
                line = self.problem((key, won[0].place), "").line
                what = f"this is never taken: line {line} comes first and takes every touchpoint that it would"
                yield self.problem((key, place), what)

    def _lapses(self) -> Iterator[Problem]:
        left: dict[int, list[Lapse | None]] = {}
        for lapse in self.pieces.lapses:
            left.setdefault(lapse.place, []).append(self._leaver(lapse))
        for place, leavers in left.items():
            if leavers[0] and all(leavers):
                line = self.problem(("moves", leavers[0].place), "").line
                yield self.problem(
                    ("moves", place), f"this is never made: by line {line} silence has left the stage before"
                )

    def _leaver(self, lapse: Lapse) -> Lapse | None:
        """The time-out by which silence leaves the stage before ``lapse`` is due."""
        here = [other for other in self.pieces.lapses if other.from_stage == lapse.from_stage]
        first = min((other for other in here if other.to != other.from_stage), key=_by_length, default=None)
        return first if first and _by_length(first) < _by_length(lapse) else None

    def _stages(self) -> Iterator[Problem]:
        reached = {move.to for move in self.pieces.entry}
        steps = [(move.from_stage, move.to) for move in self.pieces.moves]
        steps += [(lapse.from_stage, lapse.to) for chain in self.pieces.silence.values() for lapse in chain]
        while more := {to for origin, to in steps if origin in reached} - reached:
            reached |= more
        for place, stage in enumerate(self.stages):
            if stage not in reached:
                yield self.problem(
                    ("stages", place, "name"), "no way leads here: add an entry or a move to it, or take it out"
                )

    def _unused(self) -> Iterator[Problem]:
        used = {entry.on for entry in self.file.entry} | {move.on for move in self.file.moves}
        used |= {counter.signal.name for counter in self.pieces.counters}
        for name in self.file.signals:
            if name not in used:
                path: Path = ("signals", name)
                yield self.problem(path, f"no entry, move or counter uses the signal '{name}': use it, or take it out")
        asked = {field for move in self.pieces.moves if move.when for field in move.when.state_fields}
        for name in self.file.counters:
            if name not in asked:
                yield self.problem(
                    ("counters", name), f"no condition asks for state.{name}: use it, or take the counter out"
                )

    def _examples(self) -> Iterator[Problem]:
        for place, example in enumerate(self.file.examples):
            for at, visit in enumerate(example.visits):
                if visit.stage not in self.stages:
                    what = f"there is no stage '{visit.stage}'{nearest(visit.stage, self.stages)}"
                    yield self.problem(("examples", place, "visits", at), what)


def _by_length(lapse: Lapse) -> tuple[int, int]:
    return lapse.offset_ms, lapse.place


def _winner(way: Move, before: Sequence[Move]) -> Move | None:
    """The first way among those ``before`` that takes every touchpoint that ``way`` would."""
    for other in before:
        same_condition = other.when is None or (way.when is not None and other.when.text == way.when.text)
        if same_condition and other.signal and way.signal and _covers(other.signal, way.signal):
            return other
    return None


def _covers(wide: Signal, narrow: Signal) -> bool:
    """Whether every touchpoint with ``narrow`` has ``wide``, as far as one can see."""
    pairs = (
        (wide.events, narrow.events),
        (wide.types, narrow.types),
        (wide.channels, narrow.channels),
        (wide.score_kinds, narrow.score_kinds),
    )
    return all(one is None or (other is not None and other <= one) for one, other in pairs) and (
        wide.when is None or (narrow.when is not None and wide.when.text == narrow.when.text)
    )
