"""One customer, one batch: step what is new, skip what is known, and say when only the whole history can tell. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from stage_engine.fold import Bearing, bearing, fold, step
from stage_engine.journey import Journey
from stage_engine.model import Model
from stage_engine.touchpoint import Touchpoint

Journeys = Mapping[str, Journey | None]
"""A customer's journeys by model; None where the history leaves nothing."""


Errors = Mapping[str, Counter[str]]
"""By model: conditions that could not be evaluated, which means no, by name."""


class Advance(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where a batch leaves a customer."""

    journeys: dict[str, Journey | None] | None
    """None: fold the whole history again."""
    steps: int = 0
    known: int = 0
    doubtful: int = 0


def advance(
    models: Sequence[Model], journeys: Journeys | None, touchpoints: Sequence[Touchpoint], errors: Errors
) -> Advance:
    """Apply a customer's ``touchpoints`` (in total order, no copies among them) to ``journeys``; None means that this
    customer has no facts but these."""
    if journeys is None:
        return Advance(journeys=fold_all(models, touchpoints, errors), steps=len(touchpoints))
    moved: dict[str, Journey | None] = {}
    steps = known = doubtful = 0
    for model in models:
        journey = journeys.get(model.name)
        if journey is None:
            return Advance(journeys=None, doubtful=len(touchpoints))
        steps = known = doubtful = 0
        for touchpoint in touchpoints:
            where = bearing(journey, touchpoint)
            if where is Bearing.NEW and not doubtful:
                journey = step(model, journey, touchpoint, errors[model.name])
                steps += 1
            elif where is Bearing.KNOWN:
                known += 1
            elif where is Bearing.DOUBT:
                doubtful += 1
        if doubtful:
            return Advance(journeys=None, known=known, doubtful=doubtful)
        moved[model.name] = journey
    return Advance(journeys=moved, steps=steps, known=known)


def fold_all(models: Sequence[Model], touchpoints: Sequence[Touchpoint], errors: Errors) -> dict[str, Journey | None]:
    """A whole history under every model."""
    return {model.name: fold(model, touchpoints, errors[model.name]) for model in models}
