"""What models read of a touchpoint: where many are fetched for them, the rest need not be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from stage_engine.condition import EVENT_FIELDS, Expression
from stage_engine.model import Model
from stage_engine.way import Signal

Events = frozenset[str] | None
"""Of the touchpoints that are meant; None: of all."""

Reads = Mapping[str, Events]
"""By name the fields of touchpoints that are read, and of which touchpoints."""


def fields_read(models: Iterable[Model]) -> Reads:
    """What the models' conditions and counters may read; some more, if their texts mention it otherwise. What every
    fold reads is not among it unless a condition does, too."""
    found: dict[str, Events] = {}
    for expression, events in chain.from_iterable(map(_asked, models)):
        for field in EVENT_FIELDS:
            if field in expression.text:
                before = found.get(field, frozenset())
                found[field] = None if before is None or events is None else before | events
    return found


def _asked(model: Model) -> Iterator[tuple[Expression, Events]]:
    """The expressions, and the events of the touchpoints of which each is asked."""
    for ways in (model.entry, *model.moves.values()):
        for move in chain(ways.otherwise, *ways.by_event.values()):
            yield from _of(move.signal, move.when)
    for counter in chain(model.counters.otherwise, *model.counters.by_event.values()):
        yield from _of(counter.signal, counter.value)


def _of(signal: Signal | None, then: Expression | None) -> Iterator[tuple[Expression, Events]]:
    events = signal.events if signal else None
    for expression in (signal.when if signal else None, then):
        if expression:
            yield expression, events
