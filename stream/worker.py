"""The worker: reads the log, writes facts, derives what follows, commits.

Whatever happens to it, reading the same records again leads to the same rows (DESIGN 3.1). All state is in the store;
what it holds is a cache.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Final
from uuid import uuid4

import msgspec

from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link, link_of
from stage_engine.identity.news import News
from stage_engine.identity.resolve import Stretches
from stage_engine.model import Model
from store.asking import Asking, chunks
from store.interface import OFFSET_BITS, CustomerRow, IdentityRow, Position, State, Store
from stream.advance import Journeys
from stream.announcer import Announcer, Topic
from stream.batch import Batch, gather
from stream.customers import Customers, Due
from stream.facts import write_facts
from stream.folding import Folding, first_generations, foldings
from stream.identities import Identities
from stream.log.interface import Log, LogError, Record
from stream.log.message import partition_of
from stream.metrics import WorkerMetrics
from stream.patience import LogPatience, Patience
from stream.rebuild import Rebuild
from stream.routing import Changes, foresee, look_again, route
from stream.settings import WorkerSettings
from stream.together import together
from stream.used_up import require_more
from stream.words import Words

logger = logging.getLogger(__name__)

LIMITS: Final = Limits()
PAGE: Final = 50_000
"""Identifiers in one answer of the store, which reads all of them for every answer."""
DATABASE_NOTE: Final = "database_id"
DATABASE_WAIT_S: Final = 0.05
FOLDED_NOTE: Final = "folded {partition} {epoch}"


class StartAnewError(Exception):
    """A worker was told to begin as if it had just been started, under a later epoch."""


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """Under what all rows of one partition were folded under an epoch: a note in the store, once they are."""

    topic_id: str
    models: dict[str, str]
    """Versions by generation (``Generation.key``)."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A batch whose facts are in the store."""

    batch: Batch
    began: float
    """``time.monotonic()`` when its records had been read."""


class Worker:
    """Owns some partitions of one log, or all. After a crash, make a new one."""

    def __init__(
        self,
        log: Log,
        store: Store,
        models: Sequence[Model],
        settings: WorkerSettings,
        metrics: WorkerMetrics,
        partitions: Collection[int] | None = None,
        limits: Limits = LIMITS,
        topic: Topic | None = None,
    ) -> None:
        self._log = log
        self._store = store
        self._partitions = tuple(range(log.partitions) if partitions is None else partitions)
        self._database = ""
        self._settings = settings
        self._metrics = metrics
        self._patiently = Patience(settings.retry_s_max, metrics)
        self._steadily = LogPatience("used", settings.retry_s_max, self._patiently)
        self._reading = LogPatience("read", settings.retry_s_max, self._patiently)
        self._models = models
        self._serving: Sequence[Folding] = ()
        self._customers = Customers(store, settings, self._patiently, metrics)
        self._rebuild = Rebuild(store, self._customers, settings, self._patiently, metrics, log.partitions)
        self._identities = Identities(store, limits, self._patiently)
        self._announcer = (
            Announcer(store, settings, self._patiently, self._steadily, metrics, topic)
            if settings.stage_changes
            else None
        )
        self._epochs: dict[int, int] = {}
        self._positions: dict[int, int] = {}
        """Behind the last record whose rows are written and committed."""
        self._read_to: dict[int, int] = {}
        self._took_at = 0.0
        self._noted: dict[int, int] = {}
        self._tidied_at = 0.0
        self._trimmed_at = 0.0

    @property
    def progress_at(self) -> float:
        """``time.monotonic()`` of the last sign of life."""
        return self._patiently.progress_at

    async def run(self, stop: asyncio.Event) -> None:
        """Start where the last worker left off; once ``stop`` is set finish what has been read and return. While the
        rows of one batch are derived and written the next is read and its facts inserted: of a batch whose facts are
        there too early nothing is said but what its own turn will say again."""
        await self.start()
        taken = await self._take()
        while taken or not stop.is_set():
            following = asyncio.create_task(self._following(stop))
            try:
                await self._settle(taken)
                while await self._slice() and not (following.done() or stop.is_set()):
                    pass
            except BaseException:
                following.cancel()
                raise
            taken = await following
        await self._note_positions()

    async def _following(self, stop: asyncio.Event) -> Taken | None:
        await linger(stop, self._took_at + self._settings.batch_wait_s - time.monotonic())
        return None if stop.is_set() else await self._take()

    async def start(self) -> None:
        """Find where to begin. Where rows may be missing or be of another fold (another log, a store older than the
        log's head, a program that folds otherwise), fold everybody again under the next epoch, so that the new rows
        replace all others."""
        self._database = await self._find_database()
        await self._use_listed_models()
        committed, heads = await self._steadily(self._log.positions), await self._steadily(self._log.heads)
        noted = sorted(await self._patiently(self._store.read_positions), key=attrgetter("epoch"))
        here = {one.partition: one.offset for one in noted if one.topic_id == self._log.topic_id}
        inherits = await self._inherits(noted)
        ends = await self._steadily(self._log.ends)
        self._positions = {owned: min(committed[owned], here.get(owned, 0)) for owned in self._partitions}
        wanted = Folded(topic_id=self._log.topic_id, models={one.key: one.model.version for one in self._serving})
        stale: set[int] = set()
        unlinked: set[int] = set()
        begun: set[int] = set()
        for partition in self._partitions:
            lost = max(0, heads[partition] - self._positions[partition])
            if lost:
                logger.error("the store ends %d records before the log begins: was an old backup restored?", lost)
            if gone := max(0, self._positions[partition] - ends[partition]):
                logger.error("the log has lost the last %d records that were read: were brokers lost?", gone)
                self._positions[partition] = ends[partition]
            before = [one.epoch for one in noted if one.partition == partition or one.topic_id != self._log.topic_id]
            epoch = max(before, default=self._log.epoch - 1)
            folded = await self._folded(partition, epoch)
            if inherits and partition not in here and not lost and not gone:
                begun.add(partition)
                epoch += 1
            elif lost or gone or not self._is_folded(folded, self._log.topic_id):
                stale.add(partition)
                epoch += 1
                if folded is None:
                    unlinked.add(partition)
            self._epochs[partition] = epoch
        self._read_to = dict(self._positions)
        if stale:
            await self._link_facts(unlinked)
            await self._fold_everybody(stale - unlinked)
            await self._fold_everybody(unlinked, rows_wrong=True)
            await self._rebuild.begin_anew(sorted(stale))
        for partition in sorted(stale | begun):
            key = FOLDED_NOTE.format(partition=partition, epoch=self._epochs[partition])
            note = msgspec.json.encode(wanted).decode()
            await self._patiently(partial(self._store.write_note, key, note))
        if stale or begun:
            # Only now: whoever starts before, or after a crash, folds under the same epoch, and nobody's rows get a
            # higher one than the owner's.
            await self._note_positions()
            await self._steadily(partial(self._log.commit, self._positions))
        await self._announce_from_now()

    async def _inherits(self, noted: Sequence[Position]) -> bool:
        """Whether the rows that are there are those of today's fold, of everything in the topic that the log's own
        follows. Then nobody is folded again: rows of the next epoch replace them one by one. Not while a rebuild is
        under way: how far it is was kept by the partitions of that topic. ``noted`` is in the order of epochs."""
        if self._rebuild.generation is not None:
            return False
        before = {one.partition: one.epoch for one in noted if one.topic_id == self._log.follows}
        folded = [await self._folded(partition, epoch) for partition, epoch in before.items()]
        return bool(folded) and all(self._is_folded(one, self._log.follows) for one in folded)

    def _is_folded(self, noted: Folded | None, topic_id: str) -> bool:
        """Whether all rows of a partition of a topic are of today's fold. Of what serves only since the note was
        written, the list of models says the version."""
        return (
            noted is not None
            and noted.topic_id == topic_id
            and all(noted.models.get(one.key, one.generation.version) == one.model.version for one in self._serving)
        )

    async def _use_listed_models(self) -> None:
        """Fold by what the store lists. Where that is nothing, what this worker was given serves."""
        if not (listed := await self._patiently(self._store.read_models)):
            modelled = await self._patiently(self._store.read_modelled)
            await self._patiently(partial(self._store.write_models, first_generations(self._models, modelled)))
            listed = await self._patiently(self._store.read_models)
        self._serving, new = foldings(listed, State.SERVING), foldings(listed, State.REBUILDING)
        self._customers.use([*self._serving, *new])
        await self._rebuild.use(self._serving, new)

    async def _announce_from_now(self) -> None:
        if self._announcer:
            await self._announcer.use(self._serving, self._versions(self._positions), self._log.partitions)

    def _versions(self, positions: Mapping[int, int]) -> dict[int, int]:
        return {at: self._version(at, offset) for at, offset in positions.items()}

    def _version_of(self) -> Callable[[str], int]:
        """The versions of the position reached, by identifier."""
        versions = self._versions(self._positions)
        return lambda identifier: versions[partition_of(identifier, self._log.partitions)]

    async def _slice(self) -> bool:
        """Between two batches, if a rebuild is under way: fold some customers more, as of the position reached."""
        sliced = await self._rebuild.slice(self._positions, self._version_of(), self._identities.asking)
        self._patiently.progress_at = time.monotonic()
        return sliced

    async def _folded(self, partition: int, epoch: int) -> Folded | None:
        key = FOLDED_NOTE.format(partition=partition, epoch=epoch)
        note = await self._patiently(partial(self._store.read_note, key))
        return msgspec.json.decode(note, type=Folded) if note else None

    async def batch(self) -> bool:
        """Read, write and commit one batch, and go on with a rebuild; False when there was nothing to do.

        1. read records; 2. insert the facts, dead letters, decisions and links; 3. see what the links say that is new,
        and whose identifiers have changed; 4. find out whose touchpoints these are; 5. step the customers whose
        journeys suffice, and refold the others from the facts; 6. insert the rows; 7. append what others must be told,
        and then mark the links as settled; 8. commit. A crash anywhere, and the same records are read again.
        """
        taken = await self._take()
        await self._settle(taken)
        return await self._slice() or taken is not None

    async def _take(self) -> Taken | None:
        """1. and 2. None when there was nothing to read."""
        self._took_at = time.monotonic()
        records = await self._read()
        if not records:
            return None
        began = time.monotonic()
        batch = gather(records, self._database)
        self._read_to |= batch.positions
        batch = await write_facts(batch, self._store, self._patiently)
        if sightings := self._identities.sightings(batch.links) + self._identities.traces(batch.touchpoints):
            await self._patiently(partial(self._store.write_links, sightings))
        return Taken(batch=batch, began=began)

    async def _settle(self, taken: Taken | None) -> None:
        """3. to 8."""
        if taken is not None:
            batch = taken.batch
            if any(epoch >= self._epochs[partition] for partition, epoch in batch.anew.items()):
                raise StartAnewError("everybody is to be folded again from the facts")
            if batch.rebuilds:
                await self._use_listed_models()
                await self._announce_from_now()
                await self._rebuild.begin(
                    {
                        partition: position
                        for (partition, generation), position in batch.rebuilds.items()
                        if generation == self._rebuild.generation
                    }
                )
            words = Words(self._database, self._log.partitions)
            asking = await self._identities.asking()
            foreseen = self._identities.heard(batch.changed)
            for _, device in batch.met:
                self._identities.forget_alone(device)
            unknown = self._identities.unknown(batch.links)
            foreseen_now, changes, (due, known) = await together(
                self._tell(batch, unknown, asking, words),
                self._look_again(batch.changed, foreseen, asking, words),
                route(
                    batch,
                    self._identities,
                    self._customers.load,
                    self._customers.unapplied,
                    asking,
                    words,
                    self._partitions,
                ),
            )
            due.refolds.update(changes.refolds)
            for one, journeys in changes.unmoved.items():
                due.steps.setdefault(one, [])
                known.setdefault(one, journeys)
            positions = self._positions | batch.positions
            versions = self._versions(positions)

            def version_of(identifier: str) -> int:
                return versions[words.partition_of(identifier)]

            if self._announcer and (unknown_refolds := due.refolds - known.keys()):
                known |= await self._customers.load(sorted(unknown_refolds))
            rows = await self._write_rows(due, known, changes, asking, words, version_of, self._announcer)
            self._customers.remember(rows)
            self._identities.lives(row.customer_id for row in rows if row.journey)
            self._identities.stepped(due.steps)
            await self._append(words, foreseen_now)
            await self._identities.settle(unknown, asking)
            self._positions |= batch.positions
            await self._steadily(partial(self._log.commit, batch.positions))
            self._count(batch, words, time.monotonic() - taken.began)
        if self._announcer:
            await self._announcer.review(self._version_of())
        await self._tidy()

    async def _tell(self, batch: Batch, unknown: Sequence[Link], asking: Asking, words: Words) -> set[str]:
        """3. Whom the batch's links, decisions and messages concern. Returns those for whom it is foreseen what will
        follow."""
        words.changed(device for _, device in batch.met)
        if batch.decisions:
            about = [one.about for one in batch.decisions]
            before = await self._identities.asking(unshared=set(chain.from_iterable(about)))
            for identifiers in await before.answers([partial(before.herald.decided, some) for some in about]):
                words.changed(sorted(identifiers))
        news = await self._news(unknown, asking)
        words.tell(news)
        new = news.changed - batch.changed.keys()
        customers = self._customers
        return await foresee(
            new, customers.is_cached, customers.load, self._identities, asking, words, self._partitions
        )

    async def _news(self, unknown: Sequence[Link], asking: Asking) -> News:
        news = await self._identities.news(unknown, asking)
        for device in news.devices:
            self._identities.forget_alone(device)
        return news

    async def _look_again(
        self,
        changed: Mapping[str, int],
        foreseen: Mapping[str, Stretches],
        asking: Asking,
        words: Words,
        *,
        rows_missing: bool = False,
        rows_wrong: bool = False,
    ) -> Changes:
        return await look_again(
            changed,
            foreseen,
            self._store,
            self._patiently,
            self._customers.load,
            self._identities,
            asking,
            words,
            rows_missing=rows_missing,
            rows_wrong=rows_wrong,
        )

    async def _write_rows(
        self,
        due: Due,
        known: Mapping[str, Journeys],
        changes: Changes,
        asking: Asking,
        words: Words,
        version_of: Callable[[str], int],
        announcer: Announcer | None = None,
    ) -> list[CustomerRow]:
        """5. and 6. Returns the rows of customers. Before they are written, it is said what is new in them."""
        rows, letters, later = await self._customers.derive(due, known, asking, version_of)
        words.refold(sorted(later))
        rows += self._customers.tombstones((changes.gone | due.gone) - due.refolds - due.steps.keys(), version_of)
        identities = [
            IdentityRow(
                identifier=one, version=version_of(one), stretches=on, stands_alone=one in changes.standing_alone
            )
            for one, on in changes.whose.items()
        ]
        self._say_who_stands_alone(changes.standing_alone)
        if letters:
            await self._patiently(partial(self._store.write_rejected, letters))
        if rows and announcer:
            await announcer.say(rows, known)
        if rows:
            await self._patiently(partial(self._store.write_customers, rows))
        if identities:
            await self._patiently(partial(self._store.write_identities, identities))
        return rows

    def _say_who_stands_alone(self, identifiers: Collection[str]) -> None:
        self._metrics.too_large.inc(len(identifiers))
        if identifiers:
            logger.warning(
                "%d identifiers stand alone, because more than group_max are held together by their links: "
                "identities.stands_alone says which; tappa why A B says by what",
                len(identifiers),
            )

    async def _append(self, words: Words, foreseen: Collection[str] = ()) -> None:
        """However long the log is away: nothing of the batch is said to be done before."""
        messages = words.by_partition()
        to_itself = [one for one in words.said_changed if words.partition_of(one) in self._partitions]
        self._identities.said(to_itself, foreseen)
        if messages:
            await self._steadily(partial(self._log.append, messages, internal=True))

    async def _read(self) -> list[Record]:
        settings = self._settings
        try:
            records = await self._log.read(
                self._read_to,
                messages_max=settings.batch_messages_max,
                wait_s=0 if self._rebuild.is_busy(self._positions) else settings.poll_wait_s,
            )
        except LogError as trouble:
            await self._reading.wait(trouble)
            return []
        self._reading.answered()
        return records

    def _version(self, partition: int, offset: int) -> int:
        return (self._epochs[partition] << OFFSET_BITS) + offset

    async def _fold_everybody(self, partitions: Collection[int], *, rows_wrong: bool = False) -> None:
        """Look again at every identifier that lives in these partitions: rows may be missing, or wrong, too."""
        done = 0
        for read in (self._store.read_homes, self._store.read_identifiers):
            async for some in self._pages(read, partitions):
                await self._fold_again(some, rows_wrong=rows_wrong)
                done += len(some)
                logger.info("folded again from the facts: %d identifiers so far", done)

    async def _link_facts(self, partitions: Collection[int]) -> None:
        """Insert and tell the links of facts that were written before there were links, or whose links may be lost."""
        async for some in self._pages(self._store.read_homes, partitions):
            facts = await self._patiently(partial(self._store.read_touchpoints, some))
            links = [link for one in chain.from_iterable(facts.values()) if (link := link_of(one))]
            if not links:
                continue
            await self._patiently(partial(self._store.write_links, self._identities.sightings(links)))
            words, asking = Words(self._database, self._log.partitions), await self._identities.asking()
            unknown = self._identities.unknown(links)
            words.tell(await self._news(unknown, asking))
            await self._append(words)
            await self._identities.settle(unknown, asking)

    async def _pages(
        self, read: Callable[[str, int], Awaitable[list[str]]], partitions: Collection[int]
    ) -> AsyncIterator[Sequence[str]]:
        """All that ``read`` lists and lives in these partitions, some at a time."""
        after = ""
        while partitions and (page := await self._patiently(partial(read, after, PAGE))):
            after = page[-1]
            here = [one for one in page if partition_of(one, self._log.partitions) in partitions]
            for some in chunks(here, self._settings.refold_customers_max):
                yield some

    async def _fold_again(self, identifiers: Sequence[str], *, rows_wrong: bool) -> None:
        words = Words(self._database, self._log.partitions)
        asking = await self._identities.asking()
        changes = await self._look_again(
            dict.fromkeys(identifiers, 1), {}, asking, words, rows_missing=True, rows_wrong=rows_wrong
        )

        def version_of(identifier: str) -> int:
            return self._version(words.partition_of(identifier), 0)

        await self._write_rows(Due(steps={}, refolds=changes.refolds), {}, changes, asking, words, version_of)
        await self._append(words)

    async def _find_database(self) -> str:
        """The id of the database, which the worker of the first partition gives it."""
        while not (found := await self._patiently(partial(self._store.read_note, DATABASE_NOTE))):
            if 0 in self._partitions:
                await self._patiently(partial(self._store.write_note, DATABASE_NOTE, uuid4().hex))
            else:
                await asyncio.sleep(DATABASE_WAIT_S)
        return found

    async def _tidy(self) -> None:
        """Now and then: the positions beside the data, the lag, and out of the log what is no longer needed."""
        now = time.monotonic()
        if now - self._tidied_at < self._settings.tidy_interval_s:
            return
        self._tidied_at = now
        self._metrics.lag.set((await self._steadily(partial(self._log.lag, self._partitions))).messages)
        if self._noted != self._positions:
            await self._note_positions()
        if await self._steadily(partial(self._log.is_used_up, self._positions)):
            await self._steadily(partial(self._patiently, partial(require_more, self._log, self._store)))
        if now - self._trimmed_at >= self._settings.trim_interval_s:
            self._trimmed_at = now
            older_than_s, keep_bytes = self._settings.retention_s, self._settings.retention_bytes
            await self._steadily(partial(self._log.trim, older_than_s=older_than_s, keep_bytes=keep_bytes))

    async def _note_positions(self) -> None:
        """Keep the positions beside the data. They may be behind the log's own: who starts there reads some records
        twice."""
        noted = dict(self._positions)
        rows = [
            Position(topic_id=self._log.topic_id, epoch=self._epochs[partition], partition=partition, offset=offset)
            for partition, offset in noted.items()
        ]
        await self._patiently(partial(self._store.write_positions, rows))
        self._noted = noted

    def _count(self, batch: Batch, words: Words, seconds: float) -> None:
        metrics = self._metrics
        metrics.links.inc(len(batch.links))
        for kind, count in words.counts.items():
            metrics.messages.labels(kind).inc(count)
        metrics.touchpoints.inc(len(batch.touchpoints) + batch.copies)
        metrics.duplicates.inc(batch.copies)
        metrics.rejected.inc(len(batch.refused))
        metrics.poison.inc(batch.poison)
        metrics.batches.inc()
        metrics.batch_seconds.observe(seconds)
        metrics.visible_seconds.observe(max(0.0, time.time() - batch.oldest_at / 1000))


async def linger(stop: asyncio.Event, seconds: float) -> None:
    """Let touchpoints gather: an insert has a fixed price, so few large batches beat many small ones."""
    if seconds > 0:
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return
