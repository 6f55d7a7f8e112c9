"""One customer, one batch: step what is new, skip what is known, and say when only the whole history can tell. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from stage_engine.fold import Bearing, bearing_of, fold_placed, steps
from stage_engine.journey import Journey
from stage_engine.model import Model
from stage_engine.touchpoint import Placed

Journeys = Mapping[str, Journey | None]
"""A customer's journeys by model and generation (``Generation.key``); None where the history leaves nothing."""

Models = Mapping[str, Model]
"""By the same."""

Errors = Mapping[str, Counter[str]]
"""By the same: conditions that could not be evaluated, which means no, by name."""

_NEW: Final = Bearing.NEW
_DOUBT: Final = Bearing.DOUBT


class Advance(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where a batch leaves a customer."""

    journeys: dict[str, Journey | None] | None
    """None: fold the whole history again."""
    steps: int = 0
    known: int = 0
    doubtful: int = 0


def advance(
    models: Models, journeys: Journeys | None, placed: Sequence[Placed], errors: Errors, *, own: bool = False
) -> Advance:
    """Apply a customer's touchpoints (in total order, no copies among them) to ``journeys``; None means that this
    customer has no facts but these. ``own``: whether all of them are filed under the customer's own identifier."""
    if journeys is None:
        begun = {key: fold_placed(model, placed, errors[key], own=own) for key, model in models.items()}
        return Advance(journeys=begun, steps=len(placed))
    moved: dict[str, Journey | None] = {}
    new: list[Placed] = []
    for key, model in models.items():
        journey = journeys.get(key)
        if journey is None:
            return Advance(journeys=None, doubtful=len(placed))
        new, doubtful = [], 0
        for one in placed:
            bearing = bearing_of(journey, one)
            if bearing is _NEW:
                new.append(one)
            elif bearing is _DOUBT:
                doubtful += 1
        if doubtful:
            return Advance(journeys=None, known=len(placed) - len(new) - doubtful, doubtful=doubtful)
        moved[key] = steps(model, journey, new, errors[key], own=own and journey.own) if new else journey
    return Advance(journeys=moved, steps=len(new), known=len(placed) - len(new))


def fold_all(models: Models, placed: Sequence[Placed], errors: Errors, *, own: bool) -> dict[str, Journey | None]:
    """A whole history (in total order, no copies in it) under every model; ``own`` as for ``advance``."""
    return {key: fold_placed(model, placed, errors[key], own=own) for key, model in models.items()}


def is_own(journeys: Journeys | None) -> bool:
    """Whether a customer has journeys, of touchpoints that are filed under their own identifier alone."""
    return journeys is not None and all(journey is not None and journey.own for journey in journeys.values())
