"""Says which stages customers have entered, and takes back what is no longer true (``docs/stage-changes.md``).

Two things together keep what was said equal to what the rows of customers say. Whatever a batch changes is said just
before the rows are written: of a row that is in the store, everything has been said. And what nobody writes a row for
is looked for: visits that silence brings, when they are due, and, in a circle over all customers, whatever a crash or a
worker that did not know that it had lost its partitions left behind.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import Final, Protocol

import msgspec

from stage_engine.journey import Journey, Visit
from store.asking import chunks
from store.interface import OFFSET_BITS, CustomerRow, Fold, Store
from store.stage_change import Kind, StageChange, visit_id
from stream.advance import Journeys
from stream.difference import added_by_step, sayings
from stream.folding import Folding
from stream.log.message import partition_of
from stream.metrics import WorkerMetrics
from stream.patience import LogPatience, Patience
from stream.settings import WorkerSettings

logger = logging.getLogger(__name__)

TOLD_NOTE: Final = "stage changes {partition}"
TELL_NOTE: Final = "rebuild tells {generation}"
"""Not empty when a rebuild is to say what it changes."""
PAGE: Final = 5_000
"""Customers to whom silence brings something, looked at at once."""
LISTED: Final = 20_000
"""Customers who are listed at once for the circle: the store looks at all of a partition's for each list."""
LOUD_TIMES: Final = 10
"""So many times as fast the circle goes when a rebuild is to say what it changed."""
LOOK_BACK_MS: Final = 60_000
"""What was said in the last moments before a crash is looked for again."""

FIRST_VERSION: Final = 1 << OFFSET_BITS
"""Of the log's beginning, in the first epoch."""

Key = tuple[str, str]
"""Customer, and generation (``Generation.key``)."""
Clock = Callable[[], int]
VersionOf = Callable[[str], int]


def microseconds() -> int:
    """Since 1970 UTC."""
    return time.time_ns() // 1_000


class Topic(Protocol):
    """Where what is said goes, beside the store."""

    async def publish(self, changes: Sequence[StageChange]) -> None:
        """In this order for each customer; durable on return. Raises ``LogError``, and may then be done in part."""


class Since(msgspec.Struct, frozen=True, array_like=True):
    """From when on it is said what happens under a generation: what its rows have from before nobody is told."""

    version: int
    at_ms: int

    @property
    def is_beginning(self) -> bool:
        """Whether there was nothing before: no touchpoint had ever been worked off."""
        return self.version == FIRST_VERSION


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How far the customers of a partition have been told of: a note in the store."""

    silence_ms: int
    """Every visit that silence brought up to then was said."""
    since: dict[str, Since]
    """By generation."""
    rebuilt: tuple[str, ...] = ()
    """The generations of rebuilds that have said what they changed."""


class Announcer:
    """Belongs to one worker, like its cache. Without partitions of its own to look after it only says what it is
    given."""

    def __init__(
        self,
        store: Store,
        settings: WorkerSettings,
        patience: Patience,
        steadily: LogPatience,
        metrics: WorkerMetrics,
        topic: Topic | None = None,
        clock: Clock = microseconds,
    ) -> None:
        self._store = store
        self._settings = settings
        self._patiently = patience
        self._steadily = steadily
        self._metrics = metrics
        self._topic = topic
        self._clock = clock
        self._serving: dict[str, Folding] = {}
        self._told: dict[int, Told] = {}
        self._partitions_count = 1
        self._loud: set[str] = set()
        """Generations of rebuilds that are to say what they change: all that their rows have is to be said."""
        self._unsaid: set[str] = set()
        """Those of them that have not been once round yet."""
        self._last_said_at = 0
        self._horizon_ms = 0
        """Whom silence brings a visit until then is among ``_waiting``."""
        self._waiting: dict[Key, int] = {}
        """Of whom visits that silence brings have yet to be said: when (milliseconds)."""
        self._queue: list[tuple[int, Key]] = []
        """The same by time, with entries that no longer count."""
        self._looked_ms = 0
        self._circle: str | None = None
        """The last customer who was listed for the circle; None when all are."""
        self._coming: list[str] = []
        """Whom it has yet to come by, of those."""
        self._circled_ms = 0

    async def use(self, serving: Iterable[Folding], version_of: Mapping[int, int], partitions_count: int) -> None:
        """From now on say what happens under these models in these partitions, whose positions are given as versions.
        Where nothing has ever been said that begins now."""
        self._serving = {one.key: one for one in serving}
        self._partitions_count = partitions_count
        self._waiting, self._queue, self._looked_ms = {}, [], 0
        self._circle, self._coming, self._circled_ms = None, [], 0
        now_ms = self._now_ms()
        self._horizon_ms = self._horizon(now_ms)
        self._told = {}
        notes = await self._notes()
        # Where the log has more partitions than before, customers have come from others.
        silence_ms = min((note.silence_ms for note in notes.values()), default=now_ms)
        for partition, version in version_of.items():
            note = notes.get(partition)
            told = msgspec.structs.replace(note or Told(silence_ms=now_ms, since={}), silence_ms=silence_ms)
            # Under a new generation of a model, and when everybody was folded again under another epoch, nothing is
            # said that was so before.
            fresh = {
                key: Since(version, now_ms)
                for key in self._serving
                if key not in told.since or told.since[key].version >> OFFSET_BITS != version >> OFFSET_BITS
            }
            self._told[partition] = msgspec.structs.replace(told, since=told.since | fresh)
            if fresh or not note:
                await self._note(partition)
        self._loud, self._unsaid = set(), set()
        for key, one in self._serving.items():
            tells = await self._patiently(
                partial(self._store.read_note, TELL_NOTE.format(generation=one.generation.number))
            )
            if tells:
                self._loud.add(key)
                self._unsaid.update([key] if any(key not in told.rebuilt for told in self._told.values()) else [])

    async def _notes(self) -> dict[int, Told]:
        """Of all partitions, also of those of others."""
        found = {}
        for partition in range(self._partitions_count):
            if note := await self._patiently(partial(self._store.read_note, TOLD_NOTE.format(partition=partition))):
                found[partition] = msgspec.json.decode(note, type=Told)
        return found

    async def say(self, rows: Sequence[CustomerRow], known: Mapping[str, Journeys]) -> None:
        """Say how these rows, which are yet to be written, differ from what is ``known``, and was said. On return it is
        durable; whoever does it again says it again."""
        now_ms = self._now_ms()
        changes: list[StageChange] = []
        for row in rows:
            if row.key in self._serving:
                before = known.get(row.customer_id)
                self._compare(row, before.get(row.key) if before else None, now_ms, changes)
        await self._publish(changes)

    def _compare(self, row: CustomerRow, before: Journey | None, now_ms: int, changes: list[StageChange]) -> None:
        after, key = row.journey, (row.customer_id, row.key)
        was = _due(before, now_ms) if before and before.planned else ()
        perhaps: tuple[Visit, ...] = was if was and key not in self._waiting else ()
        planned = after.planned if after else ()
        added = added_by_step(before, after) if before and after and not perhaps else None
        if added is not None:
            # What nearly always happens, and should cost nothing where nothing does.
            changes += [
                self._change(row.customer_id, row.model, row.generation, row.version, "entered", visit, None)
                for visit in added
            ]
        else:
            then = after.visits + tuple(one for one in planned if one in perhaps) if after else ()
            changes += [
                self._change(row.customer_id, row.model, row.generation, row.version, *said)
                for said in sayings((before.visits if before else ()) + perhaps, then)
            ]
        if planned and planned[0].entered_at <= self._horizon_ms:
            if before is None or before.planned != planned or key in self._waiting:
                self._wait(key, max(planned[0].entered_at, now_ms + int(self._settings.silence_wait_s * 1000)))
        elif key in self._waiting:
            del self._waiting[key]

    async def review(self, version_of: VersionOf) -> None:
        """Between two batches: say what silence has brought, look ahead for what it will bring, and go on in the circle
        if its time has come. Rows of a version above ``version_of`` their customer are somebody else's still."""
        now_ms = self._now_ms()
        await self._say_due(now_ms, version_of)
        if now_ms - self._looked_ms >= self._settings.silence_look_s * 1000:
            self._looked_ms = now_ms
            await self._look_ahead(now_ms, version_of)
        await self._go_round(now_ms, version_of)

    async def _say_due(self, now_ms: int, version_of: VersionOf) -> None:
        while self._queue and self._queue[0][0] <= now_ms:
            due: set[Key] = set()
            while self._queue and self._queue[0][0] <= now_ms and len(due) < PAGE:
                at, key = heapq.heappop(self._queue)
                if self._waiting.get(key) == at:
                    due.add(key)
                    del self._waiting[key]
            changes: list[StageChange] = []
            rows = await self._rows({customer_id for customer_id, _ in due})
            for (customer_id, one), (row_version, journey) in rows.items():
                if (customer_id, one) in due and journey is not None:
                    changes += self._silence(customer_id, one, row_version, journey, now_ms, version_of(customer_id))
            await self._publish(changes)

    def _silence(
        self, customer_id: str, key: str, row_version: int, journey: Journey, now_ms: int, version: int
    ) -> Iterable[StageChange]:
        due, one = _due(journey, now_ms), self._serving[key]
        later = journey.planned[len(due) :]
        if later and later[0].entered_at <= self._horizon_ms:
            self._wait((customer_id, key), later[0].entered_at)
        model, number = one.model.name, one.generation.number
        return [
            self._change(customer_id, model, number, version, "entered", visit, None)
            for visit in due
            if self._is_news(customer_id, key, row_version, visit)
        ]

    async def _look_ahead(self, now_ms: int, version_of: VersionOf) -> None:
        """Find whom silence brings something until the next look but one, and since the last one."""
        since = min((told.silence_ms for told in self._told.values()), default=now_ms)
        horizon_ms = self._horizon_ms = self._horizon(now_ms)
        after = ""
        while page := await self._patiently(
            partial(self._store.read_due, since, horizon_ms, self._told.keys(), self._partitions_count, after, PAGE)
        ):
            after = page[-1]
            for (customer_id, key), (_, journey) in (await self._rows(page)).items():
                found = [one.entered_at for one in journey.planned if one.entered_at > since] if journey else []
                if found and found[0] <= horizon_ms and (customer_id, key) not in self._waiting:
                    self._wait((customer_id, key), found[0])
            await self._say_due(now_ms, version_of)
            if len(page) < PAGE:
                break
        for partition, told in self._told.items():
            self._told[partition] = msgspec.structs.replace(told, silence_ms=now_ms)
            await self._note(partition)

    async def _go_round(self, now_ms: int, version_of: VersionOf) -> None:
        """Some customers more."""
        if self._circle is None and not self._coming:
            if now_ms - self._circled_ms < self._settings.changes_review_s * 1000 and not self._unsaid:
                return
            self._circle, self._circled_ms = "", now_ms
        if not self._coming:
            self._coming = await self._patiently(
                partial(
                    self._store.read_customers, self._told.keys(), self._partitions_count, self._circle or "", LISTED
                )
            )
            self._circle = self._coming[-1] if len(self._coming) == LISTED else None
        size = self._settings.changes_review_customers_max * (LOUD_TIMES if self._unsaid else 1)
        some, self._coming = self._coming[:size], self._coming[size:]
        await self._publish(await self._amends(some, now_ms, version_of))
        if self._coming or self._circle is not None:
            return
        if self._unsaid:
            for partition, told in self._told.items():
                rebuilt = tuple(sorted(self._unsaid.union(told.rebuilt)))
                self._told[partition] = msgspec.structs.replace(told, rebuilt=rebuilt)
                await self._note(partition)
            self._unsaid = set()

    async def _amends(self, customers: Sequence[str], now_ms: int, version_of: VersionOf) -> list[StageChange]:
        """What has to be said so that what was said of these customers is what their rows say."""
        if not customers:
            return []
        rows = await self._rows(customers)
        said = await self._patiently(partial(self._store.read_last_said, customers))
        changes: list[StageChange] = []
        for customer_id in customers:
            version = version_of(customer_id)
            for key, one in self._serving.items():
                row_version, journey = rows.get((customer_id, key), (0, None))
                of_whom = said.get((customer_id, one.model.name), {})
                if row_version <= version and (of_whom or journey):
                    changes += self._amend(customer_id, one, journey, row_version, of_whom, now_ms, version)
        return changes

    def _amend(
        self,
        customer_id: str,
        one: Folding,
        journey: Journey | None,
        row_version: int,
        said: Mapping[str, StageChange],
        now_ms: int,
        version: int,
    ) -> Iterable[StageChange]:
        model, number = one.model.name, one.generation.number
        loud = one.key in self._loud
        due = _due(journey, now_ms) if journey else ()
        is_so = {visit_id(customer_id, model, visit): visit for visit in (*(journey.visits if journey else ()), *due)}
        change = partial(self._change, customer_id, model, number, version)
        for name, last in said.items():
            if last.version > version or (last.generation != number and not loud):
                continue  # somebody's who is ahead, and will be come by again; or told of another fold
            self._last_said_at = max(self._last_said_at, last.said_at)
            if last.is_there and name not in is_so:
                yield change("retracted", last.visit, None)
            elif not last.is_there and name in is_so:
                yield change("corrected", last.visit, None)
        tells_all = loud or self._told_of(customer_id).since[one.key].is_beginning
        is_told = tells_all  # of the visit before: what silence brings follows from that
        for name, visit in is_so.items():
            if name in said:
                is_told = True
                continue
            is_due = visit in due
            if is_due and not loud and (customer_id, one.key) in self._waiting:
                return
            news = partial(self._is_news, customer_id, one.key, row_version if is_due else 0, visit)
            is_told = tells_all or (not visit.cause_message_id and (is_told or news()))
            if is_told:
                yield change("entered" if is_due and not loud else "corrected", visit, None)

    def _is_news(self, customer_id: str, key: str, row_version: int, visit: Visit) -> bool:
        """Whether a visit that silence brought is not from before anything was said."""
        since = self._told_of(customer_id).since[key]
        return row_version > since.version or visit.entered_at > since.at_ms

    def _told_of(self, customer_id: str) -> Told:
        return self._told[partition_of(customer_id, self._partitions_count)]

    async def _rows(self, customers: Collection[str]) -> dict[Key, tuple[int, Journey | None]]:
        found: dict[Key, tuple[int, Journey | None]] = {}
        folds: dict[Fold, str] = {one.fold: key for key, one in self._serving.items()}
        for some in chunks(sorted(customers), PAGE):
            read = await self._patiently(partial(self._store.read_versioned, some, folds))
            found |= {(customer_id, folds[fold]): row for (customer_id, fold), row in read.items()}
        return found

    def _wait(self, key: Key, at_ms: int) -> None:
        if self._waiting.get(key) != at_ms:
            self._waiting[key] = at_ms
            heapq.heappush(self._queue, (at_ms, key))

    def _change(
        self,
        customer_id: str,
        model: str,
        generation: int,
        version: int,
        kind: Kind,
        visit: Visit,
        other: Visit | None,
    ) -> StageChange:
        self._last_said_at += 1
        return StageChange(
            customer_id=customer_id,
            model=model,
            generation=generation,
            kind=kind,
            visit_id=visit_id(customer_id, model, visit),
            visit=visit,
            corrects=visit_id(customer_id, model, other) if other else "",
            version=version,
            said_at=self._last_said_at,
        )

    async def _publish(self, changes: Sequence[StageChange]) -> None:
        if not changes:
            return
        if self._topic is not None:
            await self._steadily(partial(self._topic.publish, changes))
        await self._patiently(partial(self._store.write_stage_changes, changes))
        self._metrics.stage_changes.inc(len(changes))

    async def _note(self, partition: int) -> None:
        told = self._told[partition]
        text = msgspec.json.encode(msgspec.structs.replace(told, silence_ms=told.silence_ms - LOOK_BACK_MS)).decode()
        await self._patiently(partial(self._store.write_note, TOLD_NOTE.format(partition=partition), text))

    def _horizon(self, now_ms: int) -> int:
        return now_ms + int(self._settings.silence_look_s * 2_000)

    def _now_ms(self) -> int:
        """Milliseconds since 1970 UTC. What is said from now on was said now, or, if that is later, a moment after what
        was said last."""
        now = self._clock()
        self._last_said_at = max(self._last_said_at, now)
        return now // 1_000


def _due(journey: Journey, now_ms: int) -> tuple[Visit, ...]:
    """The visits that silence has brought since the last touchpoint."""
    return tuple(takewhile(lambda one: one.entered_at <= now_ms, journey.planned))
