"""The customers whose journeys a worker keeps: from touchpoints that are theirs to the rows that follow from all
facts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec

from stage_engine.fold import one_per_identity
from stage_engine.journey import Journey
from stage_engine.touchpoint import Placed, Touchpoint, place
from store.asking import Asking, chunks
from store.histories import History, read_histories
from store.interface import CustomerRow, Store
from store.rejected import Refused
from stream.advance import Journeys, advance, fold_all
from stream.cache import Cache
from stream.folding import Folding
from stream.log.message import encode_frame, encode_message
from stream.metrics import WorkerMetrics
from stream.patience import Patience
from stream.settings import WorkerSettings

logger = logging.getLogger(__name__)

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(dict[str, Journey | None]).decode
GONE_MAX: Final = 200_000
"""Tombstones that are remembered; about 150 bytes each."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """Which customers' rows follow from a batch."""

    steps: dict[str, list[Placed]]
    """Touchpoints that are theirs, in total order, if what is known of the customer suffices; where there are none, the
    rows are written again as they are."""
    refolds: set[str]
    """Who is folded again from the facts in any case."""
    mixed: frozenset[str] = frozenset()
    """Of the first those some of whose touchpoints are filed under others' identifiers."""
    ahead: Mapping[str, Sequence[Placed]] = {}
    """Those among their touchpoints whose word, ``assigned``, is yet to come."""
    gone: frozenset[str] | set[str] = frozenset()
    """Identifiers whose touchpoints, all of them, went to others."""


class Customers:
    """Derives rows. Holds nothing but a cache: every answer could be given again from the store."""

    def __init__(
        self,
        store: Store,
        settings: WorkerSettings,
        patience: Patience,
        metrics: WorkerMetrics,
    ) -> None:
        self._store = store
        self._settings = settings
        self._patiently = patience
        self._metrics = metrics
        self._resting: dict[str, int] = {}
        """Customers with so many touchpoints that they are not folded again in the next so many batches."""
        self.use(())

    def use(self, foldings: Iterable[Folding]) -> None:
        """From now on fold everybody under these models, which the store lists."""
        self._foldings = {one.key: one for one in foldings}
        self._models = {key: one.model for key, one in self._foldings.items()}
        self._errors = {key: Counter[str]() for key in self._foldings}
        self._cache: Cache[str, bytes] = Cache(self._settings.cache_customers_max)
        """Journeys encoded: a quarter of the memory, for 5 µs a customer and batch."""
        self._gone: Cache[str, Journeys] = Cache(GONE_MAX)
        """Identifiers of which there are tombstones only: apart, so that they take no room from journeys."""
        self._ahead: Cache[str, dict[bytes, tuple[int, bytes]]] = Cache(self._settings.cache_customers_max)
        """By customer: identity and precedence of touchpoints that the journey in the cache has ahead of their word. By
        the time of the word so many more may have been applied that the tail has forgotten them."""
        self._nothing: Journeys = dict.fromkeys(self._foldings)

    async def derive(
        self, due: Due, known: Mapping[str, Journeys], asking: Asking, version_of: Callable[[str], int]
    ) -> tuple[list[CustomerRow], list[Refused], set[str]]:
        """The rows of the customers that are due, each at its version, and a dead letter for each customer whose fold
        failed. ``known`` is what ``load`` said of them. Steps the customers whose journeys suffice; the others are
        folded again from the facts, which must be in the store. Last: who has to be folded again and was not, because
        they are many touchpoints and were just folded; they must be named again."""
        self._resting = {customer: batches - 1 for customer, batches in self._resting.items() if batches > 1}
        rows: list[CustomerRow] = []
        letters: list[Refused] = []
        refolds = set(due.refolds)
        steps = copies = late = 0
        for customer_id, placed in due.steps.items():
            if customer_id in refolds:
                continue
            try:
                own = customer_id not in due.mixed
                outcome = advance(self._models, known.get(customer_id), placed, self._errors, own=own)
            except Exception as error:
                letters.append(self._failed(customer_id, placed[-1][2], error))
                continue
            steps += outcome.steps
            copies += outcome.known
            late += outcome.doubtful
            if outcome.journeys is None:
                refolds.add(customer_id)
            else:
                rows += self._rows(customer_id, outcome.journeys, version_of(customer_id))
                self._note_ahead(customer_id, due.ahead.get(customer_id, ()))
        self._metrics.steps.inc(steps)
        self._metrics.duplicates.inc(copies)
        self._metrics.late.inc(late)
        later = refolds & self._resting.keys()
        self._metrics.refolds_put_off.inc(len(later))
        async for customer_id, journeys in self._refold(sorted(refolds - later), asking, letters):
            rows += self._rows(customer_id, journeys, version_of(customer_id))
            if customer_id in due.steps and any(journeys.values()):
                self._note_ahead(customer_id, due.ahead.get(customer_id, ()))
        self._count_errors()
        return rows, letters, later

    def _note_ahead(self, customer_id: str, placed: Sequence[Placed]) -> None:
        if placed:
            noted = {identity: touchpoint.precedence for _, identity, touchpoint in placed}
            self._ahead.keep(customer_id, (self._ahead.get(customer_id) or {}) | noted)

    def tombstones(self, identifiers: Iterable[str], version_of: Callable[[str], int]) -> list[CustomerRow]:
        """Rows that say that nothing is there, for identifiers without facts."""
        return [row for one in identifiers for row in self._rows(one, self._nothing, version_of(one))]

    def remember(self, rows: Sequence[CustomerRow]) -> None:
        """Keep in the cache what has been written. A customer's rows follow each other."""
        for customer_id, theirs in groupby(rows, attrgetter("customer_id")):
            journeys = {row.key: row.journey for row in theirs}
            if any(journeys.values()):
                self._cache.keep(customer_id, _encode(journeys))
                self._gone.forget(customer_id)
            else:
                self._gone.keep(customer_id, self._nothing)
                self._cache.forget(customer_id)
        self._metrics.cached_customers.set(len(self._cache))

    def forget(self, customer_id: str) -> None:
        """Read this customer's journeys again next time."""
        self._cache.forget(customer_id)
        self._gone.forget(customer_id)
        self._ahead.forget(customer_id)

    def unapplied(self, customer_id: str, assigned: Sequence[Placed]) -> list[Placed]:
        """Without those that the customer's journey in the cache has ahead of this word; to be asked after ``load``,
        and once."""
        ahead = self._ahead.get(customer_id)
        if not ahead:
            return list(assigned)
        left: list[Placed] = []
        for one in assigned:
            applied = ahead.pop(one[1], None)
            if applied is None or applied > one[2].precedence:
                left.append(one)
        return left

    def is_cached(self, customer_id: str) -> bool:
        """Whether something is known of a customer without a question to the store."""
        return self._cache.get(customer_id) is not None or self._gone.get(customer_id) is not None

    async def load(self, customers: Iterable[str]) -> dict[str, Journeys]:
        """What is known of these customers: of who is absent nothing was ever derived."""
        customers = list(customers)
        cached: dict[str, Journeys] = {}
        for customer_id in customers:
            if encoded := self._cache.get(customer_id):
                cached[customer_id] = _decode(encoded)
            elif nothing := self._gone.get(customer_id):
                cached[customer_id] = nothing
        missing = [customer_id for customer_id in customers if customer_id not in cached]
        for customer_id in missing:
            self._ahead.forget(customer_id)
        self._metrics.state_misses.inc(len(missing))
        read: dict[str, dict[str, Journey | None]] = {}
        keys = {one.fold: key for key, one in self._foldings.items()}
        for some in chunks(missing, self._settings.load_customers_max):
            found = await self._patiently(partial(self._store.read_journeys, some, keys))
            for (customer_id, fold), journey in found.items():
                read.setdefault(customer_id, {})[keys[fold]] = journey
        return {**cached, **read}

    def folded(
        self, foldings: Sequence[Folding], histories: Iterable[History], version_of: Callable[[str], int]
    ) -> tuple[list[CustomerRow], list[Refused]]:
        """The rows of customers under some models, from their histories, and a dead letter for each customer whose fold
        failed. Without a touchpoint it is a tombstone."""
        models = {one.key: one.model for one in foldings}
        rows: list[CustomerRow] = []
        letters: list[Refused] = []
        for customer_id, placed, own in histories:
            try:
                journeys = fold_all(models, placed, self._errors, own=own)
            except Exception as error:
                letters.append(self._failed(customer_id, placed[-1][2], error))
            else:
                rows += self._rows(customer_id, journeys, version_of(customer_id))
        self._count_errors()
        return rows, letters

    async def _refold(
        self, customers: Sequence[str], asking: Asking, letters: list[Refused]
    ) -> AsyncIterator[tuple[str, dict[str, Journey | None]]]:
        """Their journeys from all facts; a failure goes to ``letters``."""
        for some in chunks(customers, self._settings.refold_customers_max):
            histories = await read_histories(self._store, some, asking, self._patiently)
            for customer_id in some:
                history = histories.get(customer_id, [])
                self._metrics.refolds.inc()
                self._metrics.refolded_touchpoints.inc(len(history))
                if rest := len(history) // self._settings.rest_touchpoints:
                    self._resting[customer_id] = rest
                try:
                    own = all(one.home == customer_id for one in history)
                    placed = one_per_identity(map(place, history))
                    journeys = fold_all(self._models, placed, self._errors, own=own)
                except Exception as error:
                    letters.append(self._failed(customer_id, history[-1], error))
                else:
                    yield customer_id, journeys

    def _count_errors(self) -> None:
        for key, errors in self._errors.items():
            for condition, count in errors.items():
                self._metrics.condition_errors.labels(self._models[key].name, condition).inc(count)
            errors.clear()

    def _rows(self, customer_id: str, journeys: Journeys, version: int) -> Iterator[CustomerRow]:
        for key, journey in journeys.items():
            model = self._models[key]
            yield CustomerRow(
                customer_id=customer_id,
                model=model.name,
                generation=self._foldings[key].generation.number,
                model_version=model.version,
                stages=model.stages,
                version=version,
                journey=journey,
            )

    def _failed(self, customer_id: str, last: Touchpoint, error: Exception) -> Refused:
        """Facts and last rows stay as they are; the dead letter holds the last touchpoint, to try again with."""
        self.forget(customer_id)
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
