"""A changed model file: time-outs that fit a shop's own gaps, and signals for events that it did not know."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stage_engine.model_file import SIGNALS_MAX, ModelFile, SignalFile
from stage_engine.silence import silence_ms
from stage_engine.yaml_source import Source, read_source

DAY_MS: Final = 86_400_000
TIMEOUT_DAYS_MAX: Final = 1_800
"""Of what is proposed: a chain of two stays within the ten years that a model may plan."""

_AFTER: Final = re.compile(r"""(["']?after["']?\s*:\s*["']?)(P[0-9DTHM]+)""")
_NO_NAME: Final = re.compile(r"[^a-z0-9]+")
_NAME_CHARS_MAX: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOut:
    """A time-out of the model, and the one that fits."""

    place: int
    """Index of the move in the file."""
    after: str
    proposed: str


def time_outs(file: ModelFile, sale_events: frozenset[str], usual_days: int) -> tuple[TimeOut, ...]:
    """The time-outs that say a customer is falling silent, fitted: the shortest becomes ``usual_days``, the others keep
    their proportion to it. Those are the moves ``after`` a day or more out of a stage to which a purchase leads, or a
    later one, that do not lead further on: silence that takes somebody further is no dormancy."""
    ranks = {stage.name: rank for rank, stage in enumerate(file.stages)}
    bought = min((ranks[stage] for stage in _buying(file, sale_events)), default=len(ranks))
    lengths = {
        place: silence_ms(move.after)
        for place, move in enumerate(file.moves)
        if move.after
        and silence_ms(move.after) >= DAY_MS
        and file.steps(move)
        and all(bought <= ranks[origin] >= ranks[to] for origin, to in file.steps(move))
    }
    shortest = min(lengths.values(), default=0)
    return tuple(
        TimeOut(place=place, after=str(file.moves[place].after), proposed=_days(usual_days * length / shortest))
        for place, length in lengths.items()
    )


def changed(text: str, proposed: Iterable[TimeOut], signals: Mapping[str, str]) -> str:
    """The file's text with the time-outs and, where they are written one below the other, the signals (name to event)
    in it; all else, comments too, as it was."""
    source = read_source(text)
    lines = text.splitlines(keepends=True)
    for one in proposed:
        line, column = source.place(("moves", one.place, "after"))
        before, rest = "".join(lines[: line - 1]), "".join(lines[line - 1 :])
        rest = rest[: column - 1] + _AFTER.sub(rf"\g<1>{one.proposed}", rest[column - 1 :], count=1)
        lines = (before + rest).splitlines(keepends=True)
    return "".join(_with_signals(lines, source, signals))


def _with_signals(lines: list[str], source: Source, signals: Mapping[str, str]) -> list[str]:
    known = source.data.get("signals") if isinstance(source.data, dict) else None
    if not signals or not isinstance(known, dict) or not known:
        return lines
    line, column = source.place(("signals", next(iter(known))))
    margin = lines[line - 1][: column - 1]
    if margin.strip():  # all in one line
        return lines
    added = [f"{margin}{name}: {{event: {json.dumps(event, ensure_ascii=False)}}}\n" for name, event in signals.items()]
    return [*lines[: line - 1], *added, *lines[line - 1 :]]


def patch(before: str, after: str, filename: str) -> str:
    """What changes, as ``patch`` and ``git apply`` take it; ``""`` for nothing."""
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), filename, filename
        )
    )


def signal_names(events: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """A name for the signal of each event, none of them ``taken``, as far as a model has room."""
    names: dict[str, str] = {}
    for event in events[: SIGNALS_MAX - len(taken)]:
        word = _NO_NAME.sub("_", event.lower()).strip("_")[:_NAME_CHARS_MAX].rstrip("_")
        base = word if word[:1].isalpha() else f"event_{word}".rstrip("_")
        name = next(name for name in _numbered(base) if name not in taken and name not in names)
        names[name] = event
    return names


def _numbered(base: str) -> Iterator[str]:
    yield base
    number = 1
    while True:
        number += 1
        yield f"{base}_{number}"


def _buying(file: ModelFile, sale_events: frozenset[str]) -> Iterator[str]:
    """The stages to which a purchase leads."""
    buying = {name for name, signal in file.signals.items() if _is_sale(signal, sale_events)}
    yield from (entry.to for entry in file.entry if entry.on in buying)
    yield from (to for move in file.moves if move.on in buying for _, to in file.steps(move))


def _is_sale(signal: SignalFile, sale_events: frozenset[str]) -> bool:
    if signal.event is None:
        return signal.type is not None and "receipt" in signal.type
    return not sale_events.isdisjoint(signal.event)


def _days(days: float) -> str:
    return f"P{min(max(round(days), 1), TIMEOUT_DAYS_MAX)}D"
