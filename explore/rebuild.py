"""What a rebuild would change: everybody folded under other models, compared with the rows that serve. Writes
nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from stage_engine.fold import fold_placed
from stage_engine.identity.limits import Limits
from stage_engine.journey import Journey
from stage_engine.model import Model
from stage_engine.reads import fields_read
from store.asking import fresh_asking
from store.histories import Slice, read_resolved, read_slice
from store.interface import PROGRESS_END, Fold, Store

TOUCHPOINTS_AT_ONCE: Final = 50_000
HISTORIES_AT_ONCE: Final = 2_000
PARTITIONS: Final = 1
"""All customers, wherever they live."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A model that would be rebuilt, and what serves now."""

    model: Model
    serving: Fold | None
    """None for a model that is new."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Customers who would be in another stage now."""

    from_stage: str
    """Empty under a model that is new."""
    to_stage: str
    customers: int
    samples: tuple[str, ...]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What the rebuild of one model would change."""

    model: str
    version: str
    customers: int
    changed_stage: int
    changed_visits: int
    """Customers with any other visit, past or planned; those of a new stage included."""
    turns: tuple[Turn, ...]
    """The most frequent first."""


async def preview(
    store: Store,
    limits: Limits,
    compared: Sequence[Compared],
    everybody: Fold,
    *,
    samples_max: int,
    now_ms: int,
    report: Callable[[int, int], None],
) -> list[Preview]:
    """For each model what its rebuild would change as of ``now_ms``, with some of the customers. ``everybody`` is a
    fold that serves; ``report`` is told how many customers of how many are done. What arrives meanwhile may count or
    not. Raises ``StoreError``."""
    total, touchpoints = await store.count_standings(everybody)
    width = max(1, PROGRESS_END * TOUCHPOINTS_AT_ONCE // max(touchpoints, 1))
    found = [_Finding(one, samples_max, now_ms) for one in compared]
    reads = fields_read(one.model for one in compared)
    known = [one.serving for one in compared if one.serving]
    done = 0
    for begin in range(0, PROGRESS_END, width):
        among = Slice(begin, min(begin + width, PROGRESS_END), range(PARTITIONS), PARTITIONS)
        standings, histories = await read_slice(store, everybody, among, reads)
        others = [one.customer_id for one in standings if not (one.own or one.gone)]
        resolving = read_resolved(store, others, await fresh_asking(store, limits), HISTORIES_AT_ONCE)
        histories += [one async for one in resolving]
        journeys = await store.read_journeys([one.customer_id for one in standings if not one.gone], known)
        for customer_id, placed, _ in histories:
            for one in found:
                serving = one.compared.serving
                before = journeys.get((customer_id, serving)) if serving else None
                one.add(customer_id, before, fold_placed(one.compared.model, placed))
        done += sum(not one.gone for one in standings)
        report(done, total)
    return [one.preview() for one in found]


class _Finding:
    """Counts, for one model."""

    def __init__(self, compared: Compared, samples_max: int, now_ms: int) -> None:
        self.compared = compared
        self._samples_max = samples_max
        self._now_ms = now_ms
        self._customers = 0
        self._changed_visits = 0
        self._turns: Counter[tuple[str, str]] = Counter()
        self._samples: dict[tuple[str, str], list[str]] = {}

    def add(self, customer_id: str, before: Journey | None, after: Journey | None) -> None:
        if before is None and after is None:
            return
        self._customers += 1
        self._changed_visits += _visits(before) != _visits(after)
        turn = (_stage(before, self._now_ms), _stage(after, self._now_ms))
        if turn[0] != turn[1]:
            self._turns[turn] += 1
            samples = self._samples.setdefault(turn, [])
            if len(samples) < self._samples_max:
                samples.append(customer_id)

    def preview(self) -> Preview:
        return Preview(
            model=self.compared.model.name,
            version=self.compared.model.version,
            customers=self._customers,
            changed_stage=self._turns.total(),
            changed_visits=self._changed_visits,
            turns=tuple(
                Turn(from_stage=turn[0], to_stage=turn[1], customers=count, samples=tuple(self._samples[turn]))
                for turn, count in self._turns.most_common()
            ),
        )


def _visits(journey: Journey | None) -> list[tuple[str, int, str]]:
    if journey is None:
        return []
    return [(visit.stage, visit.entered_at, visit.label) for visit in (*journey.visits, *journey.planned)]


def _stage(journey: Journey | None, now_ms: int) -> str:
    """As ``v_customers`` shows it: the last past visit, or the last planned one whose time has come."""
    if journey is None:
        return ""
    come = [visit.stage for visit in journey.planned if visit.entered_at <= now_ms]
    return (come or [journey.visits[-1].stage])[-1]
