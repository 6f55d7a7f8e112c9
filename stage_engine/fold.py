"""The fold: from touchpoints to a journey, all at once or step by step, always with the same answer.

The journey is a function of the set of touchpoints: one per identity (of copies the one with the smallest precedence),
in their total order, without voids and without the sales that these take back. The first touchpoint opens the first
visit; each later one makes at most one move, the first in the file's order that fits. Silence moves too, at its exact
time, and a time-out due at a touchpoint's own time comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from operator import itemgetter
from typing import Final

from stage_engine.course import EXCHANGE, SALE, Course
from stage_engine.journey import Journey
from stage_engine.model import Model
from stage_engine.tail import FULL, remembered
from stage_engine.touchpoint import OrderKey, Placed, Touchpoint, place

VOID: Final = "void"
VOIDABLE: Final = frozenset({SALE, EXCHANGE})
"""What a void takes back."""

_BEGINNING: Final = Journey()


class Bearing(Enum):
    """Where a touchpoint stands to a journey."""

    NEW = auto()
    """Never seen, and newer than all that was applied: ``step`` gives the journey with it."""
    KNOWN = auto()
    """A copy that changes nothing."""
    DOUBT = auto()
    """Late, or a copy with a smaller precedence, or a void, or perhaps a copy of something forgotten: fold the history
    again."""


def bearing(journey: Journey, touchpoint: Touchpoint) -> Bearing:
    """How ``touchpoint`` bears on ``journey``, the fold of a customer's history. Never wrong: where the journey alone
    cannot tell, it says DOUBT."""
    return bearing_of(journey, place(touchpoint))


def bearing_of(journey: Journey, placed: Placed) -> Bearing:
    """``bearing`` of a touchpoint whose place is at hand."""
    order, identity, touchpoint = placed
    if identity in journey.tail and (applied := remembered(journey.tail, identity)) is not None:
        return Bearing.KNOWN if applied <= touchpoint.precedence else Bearing.DOUBT
    last = journey.last_order
    if last is None or order <= last or touchpoint.transaction == VOID or touchpoint.message_id in journey.voided:
        return Bearing.DOUBT
    if len(journey.tail) == FULL and _may_be_forgotten(journey, order):
        return Bearing.DOUBT
    return Bearing.NEW


def _may_be_forgotten(journey: Journey, order: OrderKey) -> bool:
    """Whether a touchpoint newer than all others may yet be a copy of one that the tail no longer holds. Copies share
    the original timestamp. A forgotten one came earlier, so the clock of one of the two was corrected: either the
    forgotten one's, whose original timestamp then lies between the smallest and the largest of those, or else this
    one's."""
    occurred_at, original = order[0], order[4]
    corrected = journey.forgotten_corrected
    if corrected is not None and corrected[0] <= original <= corrected[1]:
        return True
    return original != occurred_at and original <= journey.forgotten_plain_max


def step(model: Model, journey: Journey, touchpoint: Touchpoint, errors: Counter[str] | None = None) -> Journey:
    """``journey`` after a touchpoint whose bearing is NEW. ``errors`` counts the conditions that could not be
    evaluated, by their name."""
    return steps(model, journey, [place(touchpoint)], errors)


def steps(
    model: Model,
    journey: Journey,
    placed: Iterable[Placed],
    errors: Counter[str] | None = None,
    *,
    own: bool | None = None,
) -> Journey:
    """``journey`` after several touchpoints, no copies among them, in total order, each of whose bearing on ``journey``
    is NEW: what comes before it among them cannot change that. ``errors`` as for ``step``; ``own``: what to note, if
    it is not as before."""
    course = Course(model, journey, errors)
    for one in placed:
        course.apply(one)
    return course.journey(journey.own if own is None else own)


def fold(
    model: Model, touchpoints: Iterable[Touchpoint], errors: Counter[str] | None = None, *, own: bool = False
) -> Journey | None:
    """The journey from scratch: any order, copies and voids. None when nothing is left of it. ``errors`` and ``own`` as
    for ``steps``."""
    return fold_placed(model, one_per_identity(map(place, touchpoints)), errors, own=own)


def fold_placed(
    model: Model, placed: Sequence[Placed], errors: Counter[str] | None = None, *, own: bool = False
) -> Journey | None:
    """``fold`` of touchpoints that are in total order, no copies among them."""
    kept, voided = without_voids(placed)
    return steps(model, Journey(voided=voided) if voided else _BEGINNING, kept, errors, own=own) if kept else None


def without_voids(placed: Sequence[Placed]) -> tuple[Sequence[Placed], frozenset[str]]:
    """What is left when voids and the sales that they take back are taken out; and the ``message_id`` of all these, for
    ``Journey.voided``."""
    voids = [touchpoint for _, _, touchpoint in placed if touchpoint.transaction == VOID]
    if not voids:
        return placed, frozenset()
    taken_back = {void.refers_to for void in voids if void.refers_to}
    kept = [
        one
        for one in placed
        if one[2].transaction != VOID and not (one[2].transaction in VOIDABLE and one[2].message_id in taken_back)
    ]
    return kept, frozenset(taken_back.union(void.message_id for void in voids))


def one_per_identity(placed: Iterable[Placed]) -> list[Placed]:
    """Of copies the one with the smallest precedence; in total order."""
    kept: dict[bytes, Placed] = {}
    for one in placed:
        other = kept.get(one[1])
        if other is None or one[2].precedence < other[2].precedence:
            kept[one[1]] = one
    return sorted(kept.values(), key=itemgetter(0))
