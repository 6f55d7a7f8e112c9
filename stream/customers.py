"""The customers whose journeys a worker keeps: from the touchpoints of a batch to the rows that follow from all
facts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Final

from stage_engine.journey import Journey
from stage_engine.model import Model
from stage_engine.touchpoint import Touchpoint
from store.interface import CustomerRow, Store
from store.rejected import Refused
from stream.advance import Journeys, advance, fold_all
from stream.batch import Batch, is_customer
from stream.cache import JourneyCache
from stream.log.message import encode_frame, encode_message, partition_of
from stream.metrics import WorkerMetrics
from stream.patience import Patience
from stream.settings import WorkerSettings

logger = logging.getLogger(__name__)

HOMES_PAGE: Final = 50_000
"""Homes in one answer of the store, which reads all of them for every answer."""


class Customers:
    """Derives rows. Holds nothing but a cache: every answer could be given again from the store."""

    def __init__(
        self,
        store: Store,
        models: Sequence[Model],
        settings: WorkerSettings,
        patience: Patience,
        metrics: WorkerMetrics,
    ) -> None:
        self._store = store
        self._models = models
        self.model_versions = {model.name: model.version for model in models}
        self._stages = {model.name: tuple(model.stages) for model in models}
        self._settings = settings
        self._patiently = patience
        self._metrics = metrics
        self._errors = {model.name: Counter[str]() for model in models}
        self._cache = JourneyCache(settings.cache_customers_max)

    async def derive(self, batch: Batch, versions: Mapping[int, int]) -> tuple[list[CustomerRow], list[Refused]]:
        """What follows from the batch, whose facts must be in the store: the rows of its customers, at the version of
        their partition, and a dead letter for each customer whose fold failed. Steps the customers whose journeys suffice; the others are folded again from the facts."""
        known = await self._load(batch.customers)
        rows: list[CustomerRow] = []
        letters: list[Refused] = []
        doubtful: dict[str, int] = {}
        steps = copies = late = 0
        for customer_id, placed in batch.customers.items():
            version = versions[batch.partitions[customer_id]]
            try:
                outcome = advance(self._models, known.get(customer_id), placed, self._errors)
            except Exception as error:
                letters.append(self._failed(customer_id, placed[-1][2], error))
                continue
            steps += outcome.steps
            copies += outcome.known
            late += outcome.doubtful
            if outcome.journeys is None:
                doubtful[customer_id] = version
            else:
                rows += self._rows(customer_id, outcome.journeys, version)
        self._metrics.steps.inc(steps)
        self._metrics.duplicates.inc(copies)
        self._metrics.late.inc(late)
        async for customer_id, journeys in self._refold(list(doubtful), letters):
            rows += self._rows(customer_id, journeys, doubtful[customer_id])
        self._count_errors()
        return rows, letters

    async def derive_everybody(
        self, versions: Mapping[int, int], partitions: int
    ) -> AsyncIterator[tuple[list[CustomerRow], list[Refused]]]:
        """The rows of everybody who has facts and lives in a partition (of so many) that has a version, folded from the
        beginning, some at a time."""
        after = ""
        while homes := await self._patiently(partial(self._store.read_homes, after, HOMES_PAGE)):
            after = homes[-1]
            places = {home: partition_of(home, partitions) for home in homes if is_customer(home)}
            here = [home for home, partition in places.items() if partition in versions]
            for some in chunks(here, self._settings.refold_customers_max):
                letters: list[Refused] = []
                rows: list[CustomerRow] = []
                async for customer_id, journeys in self._refold(some, letters):
                    rows += self._rows(customer_id, journeys, versions[places[customer_id]])
                yield rows, letters

    def remember(self, rows: Sequence[CustomerRow]) -> None:
        """Keep in the cache what has been written. A customer's rows follow each other."""
        for customer_id, theirs in groupby(rows, attrgetter("customer_id")):
            self._cache.keep(customer_id, {row.model: row.journey for row in theirs})
        self._metrics.cached_customers.set(len(self._cache))

    async def _load(self, customers: Collection[str]) -> dict[str, Journeys]:
        """What is known of these customers; who is absent has no facts but those of the batch."""
        cached = {customer_id: journeys for customer_id in customers if (journeys := self._cache.get(customer_id))}
        missing = [customer_id for customer_id in customers if customer_id not in cached]
        self._metrics.state_misses.inc(len(missing))
        read: dict[str, dict[str, Journey | None]] = {}
        for some in chunks(missing, self._settings.load_customers_max):
            found = await self._patiently(partial(self._store.read_journeys, some, self.model_versions))
            for (customer_id, model), journey in found.items():
                read.setdefault(customer_id, {})[model] = journey
        return {**cached, **read}

    async def _refold(
        self, customers: Sequence[str], letters: list[Refused]
    ) -> AsyncIterator[tuple[str, dict[str, Journey | None]]]:
        """Their journeys from all facts; a failure goes to ``letters``."""
        for some in chunks(customers, self._settings.refold_customers_max):
            histories = await self._patiently(partial(self._store.read_touchpoints, some))
            for customer_id in some:
                history = histories.get(customer_id, [])
                self._metrics.refolds.inc()
                self._metrics.refolded_touchpoints.inc(len(history))
                try:
                    journeys = fold_all(self._models, history, self._errors)
                except Exception as error:
                    letters.append(self._failed(customer_id, history[-1], error))
                else:
                    yield customer_id, journeys

    def _count_errors(self) -> None:
        for model, errors in self._errors.items():
            for place, count in errors.items():
                self._metrics.condition_errors.labels(model, place).inc(count)
            errors.clear()

    def _rows(self, customer_id: str, journeys: Journeys, version: int) -> Iterator[CustomerRow]:
        for model, journey in journeys.items():
            yield CustomerRow(
                customer_id=customer_id,
                model=model,
                model_version=self.model_versions[model],
                stages=self._stages[model],
                version=version,
                journey=journey,
            )

    def _failed(self, customer_id: str, last: Touchpoint, error: Exception) -> Refused:
        """Facts and last rows stay as they are; the dead letter holds the last touchpoint, to try again with."""
        self._cache.forget(customer_id)
        self._metrics.fold_errors.inc()
        logger.error(
            "the fold of a customer failed (%s); a dead letter says which", type(error).__name__, exc_info=error
        )
        return dead_letter(
            last,
            code="fold_failed",
            reason=f"The journey of {customer_id} could not be folded ({type(error).__name__}). "
            "The touchpoint is kept; replay it once the model or the program is mended.",
        )


def dead_letter(touchpoint: Touchpoint, *, code: str, reason: str) -> Refused:
    """A dead letter for a touchpoint that ingest accepted; its body is a frame for the log."""
    frame = encode_frame([encode_message(touchpoint)])
    return Refused(
        rejected_id=blake2b(code.encode() + frame, digest_size=16).hexdigest(),
        source=touchpoint.source,
        received_at=touchpoint.received_at,
        code=code,
        reason=reason,
        message_id=touchpoint.message_id,
        body=frame,
        endpoint="log",
    )


def chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """``items`` in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
