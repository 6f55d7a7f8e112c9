"""A model in words: a table of its stages and of what leads out of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stage_engine.file_parts import Text, Texts, in_language
from stage_engine.model_file import CounterFile, ModelFile, MoveFile, SignalFile, StageFile

Row = tuple[str, str]


def in_words(file: ModelFile, language: str = "en") -> str:
    """Texts for people are in ``language``, where the model has it; the rest is in English."""
    told = [
        *_paragraph(file.title, language, f"{file.name}: "),
        *_paragraph(file.summary, language),
        *_paragraph(file.source, language, "Source: "),
        "",
        "A journey begins",
        *_table([(f"in {way.to}", _cause(way.on or "anything else", way.when, way.label)) for way in file.entry]),
    ]
    for stage in file.stages:
        told += ["", *_stage(file, stage, language)]
    told += ["", "Signals", *_table([(name, _signal(signal)) for name, signal in file.signals.items()])]
    if file.counters:
        told += ["", "Counters", *_table([(name, _counter(counter)) for name, counter in file.counters.items()])]
    return "\n".join(told)


def _stage(file: ModelFile, stage: StageFile, language: str) -> Iterator[str]:
    yield from _paragraph(stage.title or stage.name, language, f"{stage.name}: ")
    texts: dict[str, Texts | None] = {
        "": stage.summary,
        "Wants: ": stage.wants,
        "Does: ": stage.does,
        "Feels: ": stage.feels,
        "Barriers: ": stage.barriers,
        "Channels: ": stage.channels,
        "Help: ": stage.help,
        "Objective: ": stage.objective,
    }
    for heading, text in texts.items():
        yield from _paragraph(text, language, f"  {heading}")
    ways = [(move, to) for move in file.moves for origin, to in file.steps(move) if origin == stage.name]
    yield from _table(
        [
            ("stays" if to == stage.name else f"to {to}", _cause(_trigger(move), move.when, move.label))
            for move, to in ways
        ]
    )


def _trigger(move: MoveFile) -> str:
    return move.on or f"silence of {move.after}"


def _cause(trigger: str, when: str | None, label: str | None) -> str:
    condition = f", if {' '.join(when.split())}" if when else ""
    return f"on {trigger}{condition}" + (f"  ({label})" if label else "")


def _signal(signal: SignalFile) -> str:
    tests = {
        "type": signal.type,
        "event": signal.event,
        "channel": signal.channel,
        "score": signal.score_kind,
    }
    said = [f"{test} {' or '.join(words)}" for test, words in tests.items() if words]
    return "; ".join([*said, *([f"if {' '.join(signal.when.split())}"] if signal.when else [])])


def _counter(counter: CounterFile) -> str:
    value = getattr(counter, counter.kind)
    bound = f", up to {counter.max}" if counter.max else ""
    return f"{counter.kind} {value}" + (f" on {counter.on}" if counter.on else "") + bound


def _paragraph(text: Text | Texts | None, language: str, heading: str = "") -> list[str]:
    said = ", ".join(" ".join(one.split()) for one in in_language(text, language))
    return [heading + said] if said else []


def _table(rows: Sequence[Row]) -> list[str]:
    width = max((len(left) for left, _ in rows), default=0)
    return [f"  {left:<{width}}  {right}" for left, right in rows]
