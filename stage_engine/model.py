"""The journey model, compiled: everything the fold asks, in the shape in which it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from stage_engine.compilation import Compilation
from stage_engine.counter import ModelCounter
from stage_engine.model_file import ModelFile, read_model_file
from stage_engine.problem import ModelError, Problem, Problems
from stage_engine.silence import silence_ms
from stage_engine.way import Lapse, Move, Signal, Way, Ways
from stage_engine.yaml_source import SOURCE_CHARS_MAX

__all__ = ["SHIPPED", "Model", "ModelError", "load_model", "parse_model"]

FOLD_VERSION: Final = 2
"""Part of every model's version: raise it when the same model and touchpoints begin to give another journey, and all
rows are folded again."""
SHIPPED: Final = Path(__file__).parent / "models"
"""Where the shipped models are."""


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
    counters: Ways[ModelCounter]
    counter_of: Mapping[str, ModelCounter]
    """By name."""
    text: str = field(default="", compare=False, repr=False)
    """What it was read from, if that is known."""


def load_model(path: Path | str) -> Model:
    """The model in the file at ``path``; a bare name (``seven_stage``) means a shipped one. Raises ``ModelError``."""
    return parse_model(*model_text(path))


def model_text(path: Path | str) -> tuple[str, str]:
    """The text of the file at ``path``, or of the shipped model of that name, and what messages call it. Raises
    ``ModelError``."""
    file = Path(path)
    if str(path) in shipped_models():
        file = SHIPPED / f"{path}.yaml"
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(SOURCE_CHARS_MAX + 1), file.name if file.parent == SHIPPED else str(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        what = f"cannot be read ({reason}); shipped models: {', '.join(shipped_models())}"
        raise ModelError([Problem(str(path), 1, 1, "", what)]) from error


def shipped_models() -> list[str]:
    """Their names, sorted."""
    return sorted(file.stem for file in SHIPPED.glob("*.yaml"))


def parse_model(text: str, filename: str = "model.yaml") -> Model:
    """The model that ``text`` describes; ``filename`` is for the messages. Raises ``ModelError`` with all problems
    found."""
    file, problems = read_model_file(text, filename)
    return replace(compiled(file, problems), text=text)


def compiled(file: ModelFile, problems: Problems) -> Model:
    """The model that a file describes. Raises ``ModelError`` with all ``problems`` found."""
    pieces = Compilation(file, problems).pieces()
    stages = tuple(stage.name for stage in file.stages)
    return Model(
        name=file.name,
        version=_version(file),
        stages=stages,
        rank={stage: place for place, stage in enumerate(stages)},
        entry=_ways([(move.signal, move) for move in pieces.entry]),
        moves={
            stage: _ways([(move.signal, move) for move in pieces.moves if move.from_stage == stage]) for stage in stages
        },
        silence=pieces.silence,
        counters=_ways([(counter.signal, counter) for counter in pieces.counters]),
        counter_of={counter.name: counter for counter in pieces.counters},
    )


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
    meaning = file.model_dump(exclude={"name", "title", "summary", "source", "stages", "examples"})
    meaning["stages"] = [stage.name for stage in file.stages]
    for signal in meaning["signals"].values():
        for test in ("type", "event", "channel", "score_kind"):
            signal[test] = sorted(set(signal[test])) if signal[test] else None
    for move in meaning["moves"]:
        move["from_"] = sorted(set(move["from_"]))
        move["after"] = silence_ms(move["after"]) if move["after"] else None
    meaning["counters"] = {
        name: {key: said for key, said in counter.items() if said is not None}
        for name, counter in meaning["counters"].items()
    }
    text = msgspec.json.encode([FOLD_VERSION, meaning], order="deterministic")
    return blake2b(text, digest_size=8).hexdigest()
