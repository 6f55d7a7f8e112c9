"""What a model reads of a touchpoint: where many are fetched for it, the rest need not be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from stage_engine.condition import EVENT_FIELDS, Expression
from stage_engine.model import Model


def fields_read(model: Model) -> frozenset[str]:
    """The fields of touchpoints that the model's conditions and counters may read, by name; some more, if their texts
    mention them otherwise. What every fold reads is not among them unless a condition does, too."""
    texts = {expression.text for expression in _expressions(model)}
    return frozenset(field for field in EVENT_FIELDS if any(field in text for text in texts))


def _expressions(model: Model) -> Iterator[Expression]:
    for ways in (model.entry, *model.moves.values()):
        for move in chain(ways.otherwise, *ways.by_event.values()):
            if move.when:
                yield move.when
            if move.signal and move.signal.when:
                yield move.signal.when
    for counter in chain(model.counters.otherwise, *model.counters.by_event.values()):
        if counter.value:
            yield counter.value
        if counter.signal and counter.signal.when:
            yield counter.signal.when
