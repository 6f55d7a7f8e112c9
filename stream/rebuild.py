"""A rebuild, in the partitions of one worker: everybody who lives there is folded under the new versions, some at a
time, between the batches.

The worker folds what arrives under old and new versions alike from the message on that began the rebuild in a
partition, and so does whoever reads that partition behind it. So a customer who was folded once from the facts, at the
position that the worker has reached, stays right: the same rows replace the same rows as under the old version.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace

from stage_engine.reads import fields_read
from store.asking import Asking
from store.histories import History, Slice, read_resolved, read_slice
from store.interface import PROGRESS_END, Progress, Standing, Store
from stream.customers import Customers
from stream.folding import Folding
from stream.log.message import partition_of
from stream.metrics import WorkerMetrics
from stream.patience import Patience
from stream.settings import WorkerSettings

logger = logging.getLogger(__name__)

PAUSED_NOTE: Final = "rebuild paused {generation}"
"""Not empty as long as it is to rest."""
WAITING_TIMES: Final = 4
"""So many times as many customers as are folded again at once in a batch are gathered before it is asked where their
histories are: the more at once, the less each costs."""


class Rebuild:
    """What is left to be folded. All of it is in the store, too: after a crash it goes on from there."""

    def __init__(
        self,
        store: Store,
        customers: Customers,
        settings: WorkerSettings,
        patience: Patience,
        metrics: WorkerMetrics,
        partitions_count: int,
    ) -> None:
        self._metrics = metrics
        self._store = store
        self._customers = customers
        self._settings = settings
        self._patiently = patience
        self._partitions_count = partitions_count
        self._new: Sequence[Folding] = ()
        self._progress: dict[int, Progress] = {}
        self._touchpoints = 1
        self._paused = False
        self._waiting: list[str] = []
        """Customers who were come by, and whose histories have yet to be looked for."""
        self._waiting_max = settings.refold_customers_max * WAITING_TIMES

    @property
    def generation(self) -> int | None:
        """Number of the generations that are being folded; None when none are."""
        return self._new[0].generation.number if self._new else None

    async def use(self, serving: Sequence[Folding], new: Sequence[Folding]) -> None:
        """Take up where the store says: fold under ``new`` whoever has a row under what is ``serving``."""
        self._new, self._progress, self._paused, self._waiting = new, {}, False, []
        if self.generation is None:
            return
        self._base = serving[0].fold
        self._reads = fields_read(one.model for one in new)
        _, touchpoints = await self._patiently(partial(self._store.count_standings, self._base))
        self._touchpoints = max(touchpoints, 1)
        found = await self._patiently(partial(self._store.read_progress, self.generation))
        self._progress = {one.partition: one for one in found}

    async def begin(self, begun_at: Mapping[int, int]) -> None:
        """From these positions on, by partition, everybody folds under the new versions: keep that, durably, unless it
        has begun there before."""
        await self._keep({at: offset for at, offset in begun_at.items() if at not in self._progress})

    async def begin_anew(self, partitions: Sequence[int]) -> None:
        """As ``begin``, whatever the position, because nobody else writes under the epoch of these partitions."""
        await self._keep(dict.fromkeys(partitions, 0))

    async def _keep(self, begun_at: Mapping[int, int]) -> None:
        if self.generation is None or not begun_at:
            return
        rows = []
        for partition, position in begun_at.items():
            nothing = Progress(generation=self.generation, partition=partition, begun_at=0, done=0, customers=0)
            rows.append(replace(self._progress.get(partition, nothing), begun_at=position))
        await self._patiently(partial(self._store.write_progress, rows))
        self._progress |= {one.partition: one for one in rows}

    def due(self, positions: Mapping[int, int]) -> list[Progress]:
        """Of the partitions that are owned, by the positions reached there: those in which somebody is left."""
        return [
            one
            for one in self._progress.values()
            if one.done < PROGRESS_END and positions.get(one.partition, -1) >= one.begun_at
        ]

    def is_busy(self, positions: Mapping[int, int]) -> bool:
        """Whether ``slice`` has something to do, as far as is known."""
        return not self._paused and bool(self.due(positions))

    async def slice(
        self,
        positions: Mapping[int, int],
        version_of: Callable[[str], int],
        ask: Callable[[], Awaitable[Asking]],
    ) -> bool:
        """Fold some customers more; False when there is nobody, or it rests. Rows before progress, and progress only
        when nobody waits: after a crash the same customers are folded again."""
        due = self.due(positions)
        if not due or await self._is_paused():
            return False
        begin = min(one.done for one in due)
        here = {one.partition: one for one in due if one.done == begin}
        share = self._touchpoints * len(here) // self._partitions_count
        width = max(1, PROGRESS_END * self._settings.rebuild_touchpoints_max // max(share, 1))
        end = min(begin + width, *(one.done for one in due if one.done > begin), PROGRESS_END)
        standings, histories = await self._read(Slice(begin, end, tuple(here), self._partitions_count), ask)
        rows, letters = self._customers.folded(self._new, histories, version_of)
        if letters:
            await self._patiently(partial(self._store.write_rejected, letters))
        if rows:
            await self._patiently(partial(self._store.write_customers, rows))
        count = Counter(partition_of(one.customer_id, self._partitions_count) for one in standings if not one.gone)
        further = {at: replace(one, done=end, customers=one.customers + count[at]) for at, one in here.items()}
        self._progress |= further
        self._metrics.rebuilt.inc(sum(count.values()))
        if not self._waiting:
            mine = [one for at, one in self._progress.items() if at in positions]
            await self._patiently(partial(self._store.write_progress, mine))
        if end == PROGRESS_END:
            logger.info("the rebuild is done in partitions %s", ", ".join(map(str, sorted(here))))
        return True

    async def _read(self, among: Slice, ask: Callable[[], Awaitable[Asking]]) -> tuple[list[Standing], list[History]]:
        """How the customers of a slice stand; and histories, of some of them and of some who waited, empty for
        tombstones."""
        standings, histories = await read_slice(self._store, self._base, among, self._reads, self._patiently)
        histories += [(one.customer_id, [], False) for one in standings if one.gone]
        self._waiting += [one.customer_id for one in standings if not (one.own or one.gone)]
        if len(self._waiting) >= self._waiting_max or among.end == PROGRESS_END:
            resolving = read_resolved(self._store, self._waiting, await ask(), self._waiting_max, self._patiently)
            histories += [one async for one in resolving]
            self._waiting = []
        return standings, histories

    async def _is_paused(self) -> bool:
        note = await self._patiently(partial(self._store.read_note, PAUSED_NOTE.format(generation=self.generation)))
        self._paused = bool(note)
        return self._paused
