"""What is to be said when a customer's visits are no longer those that were said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from stage_engine.journey import Journey, Visit
from store.stage_change import Kind, order_of

Said = tuple[Kind, Visit, Visit | None]
"""What is said, of which visit, and which one it stands in for."""


class Difference(msgspec.Struct, frozen=True, gc=False):
    """Between the visits that were said and those that are true."""

    removed: Sequence[Visit]
    added: Sequence[Visit]
    """Both in their order."""


def difference(before: Sequence[Visit], after: Sequence[Visit]) -> Difference:
    """``before`` and ``after`` without what they share."""
    if after[: len(before)] == before:
        return Difference((), after[len(before) :])
    shared = set(before).intersection(after)
    return Difference([one for one in before if one not in shared], [one for one in after if one not in shared])


def sayings(before: Sequence[Visit], after: Sequence[Visit]) -> list[Said]:
    """What to say so that ``after`` is known where ``before`` was: retractions first. A visit is news (``entered``) if
    it comes behind all that was known, and else a correction, in favour of which a visit of the same cause is
    retracted, or else the first one of the same stage."""
    found = difference(before, after)
    said: list[Said] = [("retracted", one, None) for one in found.removed]
    last = order_of(before[-1]) if before else None
    left = list(found.removed)
    for one in found.added:
        if last is None or order_of(one) > last:
            said.append(("entered", one, None))
        else:
            other = _stood_in(one, left)
            if other is not None:
                left.remove(other)
            said.append(("corrected", one, other))
    return said


def added_by_step(before: Journey, after: Journey) -> Sequence[Visit] | None:
    """The visits that are new in a journey which went on from another one; None where it may be another journey."""
    known, visits = before.recent, after.recent
    if visits is known:
        return ()
    if after.earlier is before.earlier and visits[: len(known)] == known:
        return visits[len(known) :]
    return None


def _stood_in(visit: Visit, removed: Iterable[Visit]) -> Visit | None:
    """Which of the removed ones this visit takes the place of."""
    first = None
    for one in removed:
        if visit.cause_message_id and order_of(one)[1:] == order_of(visit)[1:]:
            return one
        if first is None and one.stage == visit.stage:
            first = one
    return first
