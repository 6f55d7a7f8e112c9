"""The ``Store`` on ClickHouse: clickhouse-connect is known here and in ``native``, and HTTP the only way it takes.

Rows go in as one Native block a statement, put together from columns of integers and strings: a block is written
whole or not at all, and what cannot be encoded fails before anything is sent. Requests run in threads.
"""

# ruff: noqa: D102, S608 - the interface has the docstrings; text goes into statements as literals only (``literal``)

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.exceptions import Error as DriverError
from clickhouse_connect.driver.httputil import get_pool_manager

from stage_engine.identity.carried import carried
from stage_engine.identity.identifier import is_device
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link
from stage_engine.identity.reading import NOTHING, Pair, Reading, bounded, reading_of
from stage_engine.journey import Journey
from stage_engine.reads import Reads
from stage_engine.touchpoint import Placed, Touchpoint, identity_of
from store.cluster import of_this_shard, on_cluster, settings_of
from store.column import Column
from store.customer_columns import STORED, customer_columns, stored_journeys
from store.identity_columns import (
    LENT,
    deciding,
    decision_columns,
    few_of,
    few_statement,
    identity_columns,
    link_columns,
    marks_of,
    marks_statement,
    pairs_of,
    pairs_statement,
    rank,
)
from store.interface import (
    CustomerRow,
    Decision,
    Decisions,
    Fold,
    Generation,
    IdentityRow,
    Position,
    Progress,
    Sighting,
    Standing,
    State,
    StoreError,
    StoreUnavailableError,
    UnwritableRowError,
)
from store.listing import ListingChange, listing_columns
from store.native import native_block
from store.packed_touchpoints import PACKED_FORMAT, PACKED_SETTINGS, packed, unpacked
from store.rejected import Refused
from store.settings import StoreSettings
from store.small_columns import model_columns, note_columns, position_columns, progress_columns, rejected_columns
from store.sql import arrays, literal
from store.stage_change import LAST_SAID, StageChange, last_said, stage_change_columns, stage_change_of
from store.touchpoint_columns import (
    FETCHED,
    FETCHED_BYTES,
    FETCHED_TIMES,
    counting_touchpoints,
    is_nobody,
    touchpoint_columns,
)

T = TypeVar("T")

_PASSING: Final = frozenset({
    159,  # TIMEOUT_EXCEEDED
    202,  # TOO_MANY_SIMULTANEOUS_QUERIES
    203,  # NO_FREE_CONNECTION
    209,  # SOCKET_TIMEOUT
    210,  # NETWORK_ERROR
    225,  # NO_ZOOKEEPER
    236,  # ABORTED
    241,  # MEMORY_LIMIT_EXCEEDED
    242,  # TABLE_IS_READ_ONLY
    243,  # NOT_ENOUGH_SPACE
    252,  # TOO_MANY_PARTS
    279,  # ALL_CONNECTION_TRIES_FAILED
    285,  # TOO_FEW_LIVE_REPLICAS
    286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319,  # UNKNOWN_STATUS_OF_INSERT
    394,  # QUERY_WAS_CANCELLED
    425,  # SYSTEM_ERROR
    439,  # CANNOT_SCHEDULE_TASK
    745,  # SERVER_OVERLOADED
    999,  # KEEPER_EXCEPTION
})  # fmt: skip
"""Codes of errors that go away by themselves."""

_LITERAL: Final = re.compile(r"'(?:[^'\\]|\\.)*'")
_ERROR_CHARS_MAX: Final = 500
"""Of what ClickHouse said, in our own error: enough to know what it is."""

_QUERY_BYTES_MAX: Final = 1_000_000
"""The longest statement; ClickHouse's own limit is 256 KiB."""

_SETTINGS: Final = {
    "async_insert": 0,
    # The worker has let copies collapse; what is left the merges find. Looking again takes a third of an insert.
    "optimize_on_insert": 0,
    # A repeated row may be meant (a note set back to what it was): keys and versions take care of copies.
    "insert_deduplicate": 0,
    "max_query_size": _QUERY_BYTES_MAX,
}


def connect(settings: StoreSettings) -> ClickHouseStore:
    """A store at the address in ``settings``. Connects when it is first asked for something, so it never fails."""
    return ClickHouseStore(settings)


class ClickHouseStore:
    """Implements ``store.interface.Store``. May be used by several tasks at once."""

    def __init__(
        self,
        settings: StoreSettings,
        *,
        database: str | None = None,
        asked_for: Mapping[str, int | str] = MappingProxyType({}),
    ) -> None:
        """``asked_for`` are settings of ClickHouse's that go along with every statement, beside our own."""
        self._settings = settings
        self._cluster = settings.cluster
        self._asked_for = {**_SETTINGS, **settings_of(settings.cluster), **asked_for}
        self._database = settings.database if database is None else database
        self._client: Client | None = None
        self._connecting = threading.Lock()
        self._pool = get_pool_manager(maxsize=settings.connections_max)

    async def write_touchpoints(self, placed: Sequence[Placed]) -> None:
        await asyncio.to_thread(self._write, "touchpoints", touchpoint_columns, placed)

    async def write_rejected(self, refused: Sequence[Refused]) -> None:
        await asyncio.to_thread(self._write, "rejected", rejected_columns, refused)

    async def write_customers(self, rows: Sequence[CustomerRow]) -> None:
        await asyncio.to_thread(self._write, "customers", customer_columns, rows)

    async def write_positions(self, positions: Sequence[Position]) -> None:
        await asyncio.to_thread(self._write, "positions", position_columns, positions)

    async def write_note(self, key: str, value: str) -> None:
        await asyncio.to_thread(self._write, "settings", note_columns, [(key, value)])

    async def read_journeys(
        self, customer_ids: Collection[str], wanted: Collection[Fold]
    ) -> dict[tuple[str, Fold], Journey | None]:
        return await asyncio.to_thread(self._read_journeys, customer_ids, wanted)

    async def read_standings(
        self, of: Fold, begin: int, end: int, partitions: Collection[int], partitions_count: int
    ) -> list[Standing]:
        # Without FINAL, and the place first: most rows are read no further than their customer.
        lives = ", ".join(f"{partition:d}" for partition in sorted(partitions))
        rows = await self.rows(
            "SELECT customer_id, argMax((is_deleted, own), version) AS last FROM customers "
            f"PREWHERE bitShiftRight(sipHash64(customer_id), 32) >= {begin:d} "
            f"AND bitShiftRight(sipHash64(customer_id), 32) < {end:d} "
            f"WHERE {_of_generation(of)} AND CRC32(customer_id) % {partitions_count:d} IN ({lives}) "
            "GROUP BY customer_id ORDER BY sipHash64(customer_id)"
        )
        return [Standing(customer_id=customer_id, gone=bool(gone), own=bool(own)) for customer_id, (gone, own) in rows]

    async def read_filed_between(
        self, begin: int, end: int, partitions: Collection[int], partitions_count: int, reads: Reads
    ) -> dict[str, list[Placed]]:
        lives = ", ".join(f"{partition:d}" for partition in sorted(partitions))
        statement = (
            f"SELECT {packed(reads)} FROM touchpoints "
            f"PREWHERE sipHash64(filed_under) >= {begin << 32:d} AND sipHash64(filed_under) <= {(end << 32) - 1:d} "
            f"WHERE filed_under != '' AND CRC32(filed_under) % {partitions_count:d} IN ({lives})"
        )
        return await asyncio.to_thread(self._read_packed, statement)

    async def count_standings(self, of: Fold) -> tuple[int, int]:
        [(customers, touchpoints)] = await self.rows(
            f"SELECT count(), sum(touchpoints) FROM customers FINAL WHERE {_of_generation(of)} AND NOT is_deleted"
        )
        return customers, touchpoints

    async def read_models(self) -> list[Generation]:
        rows = await self.rows("SELECT model, generation, model_version, text, state FROM models FINAL ORDER BY ALL")
        return [
            Generation(model=model, number=number, version=version, text=text, state=State(state))
            for model, number, version, text, state in rows
        ]

    async def write_models(self, generations: Sequence[Generation]) -> None:
        await asyncio.to_thread(self._write, "models", model_columns, generations)

    async def drop_generations(self, gone: Sequence[Generation]) -> None:
        places = ", ".join(f"({literal(one.model)}, {one.number:d})" for one in gone)
        if places:
            await self.change(
                f"ALTER TABLE customers DELETE WHERE (model, generation) IN ({places}) SETTINGS mutations_sync = 1"
            )

    async def read_modelled(self) -> set[tuple[str, int]]:
        rows = await self.rows("SELECT DISTINCT model, generation FROM customers")
        return {(model, generation) for model, generation in rows}

    async def read_progress(self, generation: int) -> list[Progress]:
        rows = await self.rows(
            "SELECT partition, begun_at, done, customers FROM rebuild_progress FINAL "
            f"WHERE generation = {generation:d} ORDER BY partition"
        )
        return [
            Progress(generation=generation, partition=partition, begun_at=begun_at, done=done, customers=customers)
            for partition, begun_at, done, customers in rows
        ]

    async def write_progress(self, progress: Sequence[Progress]) -> None:
        await asyncio.to_thread(self._write, "rebuild_progress", progress_columns, progress)

    async def read_touchpoints(self, homes: Collection[str]) -> dict[str, list[Touchpoint]]:
        return await asyncio.to_thread(self._read_touchpoints, homes)

    async def write_stage_changes(self, changes: Sequence[StageChange]) -> None:
        await asyncio.to_thread(self._write, "stage_changes", stage_change_columns, changes)

    async def read_last_said(self, customer_ids: Collection[str]) -> dict[tuple[str, str], dict[str, StageChange]]:
        found: dict[tuple[str, str], list[StageChange]] = {}
        for ids in self._arrays(customer_ids):
            # Without FINAL: what counts is found here.
            statement = f"SELECT {', '.join(LAST_SAID)} FROM stage_changes PREWHERE customer_id IN ({ids})"
            for row in await self.rows(statement):
                change = stage_change_of(row)
                found.setdefault((change.customer_id, change.model), []).append(change)
        return {key: last_said(some) for key, some in found.items()}

    async def read_versioned(
        self, customer_ids: Collection[str], wanted: Collection[Fold]
    ) -> dict[tuple[str, Fold], tuple[int, Journey | None]]:
        return await asyncio.to_thread(self._read_versioned, customer_ids, wanted)

    async def read_due(
        self, since: int, until: int, partitions: Collection[int], partitions_count: int, after: str, limit: int
    ) -> list[str]:
        # Without FINAL: who is looked at in vain was written a moment ago.
        planned = "arraySlice(arrayMap(at -> toUnixTimestamp64Milli(at), visits.entered_at), visits_past + 1)"
        rows = await self.rows(
            f"SELECT DISTINCT customer_id FROM customers WHERE customer_id > {literal(after)} "
            f"AND {_lives(partitions, partitions_count)} "
            f"AND arrayExists(at -> at > {since:d} AND at <= {until:d}, {planned}) "
            f"ORDER BY customer_id LIMIT {limit:d}"
        )
        return [customer_id for (customer_id,) in rows]

    async def read_customers(
        self, partitions: Collection[int], partitions_count: int, after: str, limit: int
    ) -> list[str]:
        tables = " UNION ALL ".join(
            f"SELECT * FROM (SELECT DISTINCT customer_id FROM {table} WHERE customer_id > {literal(after)} "
            f"AND {_lives(partitions, partitions_count)} ORDER BY customer_id LIMIT {limit:d})"
            for table in ("customers", "stage_changes")
        )
        rows = await self.rows(f"SELECT DISTINCT customer_id FROM ({tables}) ORDER BY customer_id LIMIT {limit:d}")
        return [customer_id for (customer_id,) in rows]

    async def write_links(self, sightings: Sequence[Sighting]) -> None:
        await asyncio.to_thread(self._write, "identity_links", link_columns, sightings)

    async def read_readings(self, identifiers: Collection[str], limits: Limits) -> dict[str, Reading]:
        found = dict.fromkeys(identifiers, NOTHING)
        more: list[str] = []
        for ids in self._arrays(identifiers):
            links, others = few_of(await self.rows(few_statement(ids)))
            found |= {one: bounded(one, reading_of(one, some), limits) for one, some in links.items()}
            more += others
        return found | (await self._long_readings(more, limits) if more else {})

    async def _long_readings(self, identifiers: Collection[str], limits: Limits) -> dict[str, Reading]:
        """Of identifiers with so many links that the store had better sort them out."""
        allowed = ", ".join(map(literal, sorted(limits.allowed & set(identifiers)))) or "''"
        pairs: dict[str, dict[str, Pair]] = {}
        for ids in self._arrays(identifiers):
            pairs |= pairs_of(await self.rows(pairs_statement(ids, allowed, limits)))
        found = {one: bounded(one, Reading(pairs=some, lent=True), limits) for one, some in pairs.items()}
        # A device that settled pairs make shared needs no marks.
        devices = [one for one, reading in found.items() if is_device(one) and len(reading.pairs) == len(pairs[one])]
        for ids in self._arrays(devices):
            for device, marks in marks_of(await self.rows(marks_statement(ids))).items():
                found[device] = bounded(device, Reading(pairs=pairs[device], marks=marks, lent=True), limits)
        return found

    async def read_neighbours(self, identifiers: Collection[str]) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = dict.fromkeys(identifiers, frozenset())
        for ids in self._arrays(identifiers):
            statement = (
                "SELECT identifier, groupUniqArray(identifiers) FROM identity_links "
                f"WHERE identifier IN ({ids}) GROUP BY identifier"
            )
            for identifier, some in await self.rows(statement):
                about = (carried(tuple(one)).about for one in some)
                found[identifier] = frozenset(chain.from_iterable(about)) - {identifier}
        return found

    async def read_linked(self, identifiers: Collection[str]) -> list[Touchpoint]:
        return await asyncio.to_thread(self._read_linked, identifiers)

    async def read_corrected(self, links: Sequence[Link]) -> set[bytes]:
        keys = ", ".join(map(_key_under_device, links))
        statement = (
            "SELECT DISTINCT hex(identity) FROM identity_links "
            f"WHERE (sipHash64(identifier), original_timestamp, identity) IN ({keys}) "
            "AND occurred_at != original_timestamp"
        )
        return {bytes.fromhex(identity) for (identity,) in await self.rows(statement)} if keys else set()

    async def read_filed(self, identifiers: Collection[str]) -> set[str]:
        found: set[str] = set()
        for ids in self._arrays(identifiers):
            statement = (
                f"SELECT DISTINCT home FROM touchpoints PREWHERE filed_under IN ({ids}) "
                f"UNION ALL SELECT DISTINCT identifier FROM identity_links {_userless(ids)}"
            )
            found.update(one for (one,) in await self.rows(statement))
        for ids in self._arrays([one for one in identifiers if is_nobody(one)]):
            hashes = f"arrayMap(id -> sipHash64(id), {ids})"
            condition = f"PREWHERE filed_under = '' AND home_hash IN ({hashes}) WHERE home IN ({ids})"
            found.update(one for (one,) in await self.rows(f"SELECT DISTINCT home FROM touchpoints {condition}"))
        return found

    async def read_identifiers(self, after: str, limit: int) -> list[str]:
        key, last = "sipHash64(identifier), identifier", literal(after)
        behind = f"WHERE ({key}) > (sipHash64({last}), {last})" if after else ""
        statement = f"SELECT identifier FROM identity_links {behind} GROUP BY {key} ORDER BY {key} LIMIT {limit:d}"
        return [identifier for (identifier,) in await self.rows(statement)]

    async def write_identities(self, rows: Sequence[IdentityRow]) -> None:
        await asyncio.to_thread(self._write, "identities", identity_columns, rows)

    async def write_decisions(self, decisions: Sequence[Decision]) -> None:
        await asyncio.to_thread(self._write, "splits", decision_columns, decisions)

    async def read_decisions(self) -> Decisions:
        # Not by v_splits, which takes twice as long: a worker asks before every batch.
        columns = ("kind", "one", "other", "revoked", "toUnixTimestamp64Milli(decided_at)", "decided_by", "reason")
        last: dict[tuple[str, ...], Decision] = {}
        for kind, one, other, revoked, at, by, reason in await self.rows(f"SELECT {', '.join(columns)} FROM splits"):
            decision = Decision(
                kind=kind, one=one, other=other, revoked=bool(revoked), decided_at=at, decided_by=by, reason=reason
            )
            last[kind, one, other] = max(last.get((kind, one, other), decision), decision, key=rank)
        return deciding(last.values())

    async def read_positions(self) -> list[Position]:
        statement = "SELECT topic_id, epoch, partition, offset FROM positions FINAL"
        return [
            Position(topic_id=topic_id, epoch=epoch, partition=partition, offset=offset)
            for topic_id, epoch, partition, offset in await self.rows(statement)
        ]

    async def read_homes(self, after: str, limit: int) -> list[str]:
        # In the order of the table's key, so that the facts of the homes of a page lie side by side.
        key = "sipHash64(filed_under), home_hash, home"
        first, last = literal("" if is_nobody(after) else after), literal(after)
        place = f"(sipHash64({first}), sipHash64({last}), {last})"
        behind = f"WHERE sipHash64(filed_under) >= sipHash64({first}) AND ({key}) > {place}" if after else ""
        statement = (
            f"SELECT home FROM touchpoints {behind} GROUP BY {key} ORDER BY {key} LIMIT {limit:d} "
            "SETTINGS optimize_aggregation_in_order = 1"
        )
        return [home for (home,) in await self.rows(statement)]

    async def read_note(self, key: str) -> str | None:
        rows = await self.rows(f"SELECT value FROM settings FINAL WHERE key = {literal(key)}")
        return rows[0][0] if rows else None

    async def close(self) -> None:
        if self._client is not None:
            await asyncio.to_thread(self._client.close)
            self._client = None
        self._pool.clear()

    async def write_listings(self, changes: Sequence[ListingChange]) -> None:
        """Insert rows of the store directory, all or none; not for workers, and so not of the contract."""
        await asyncio.to_thread(self._write, "stores", listing_columns, changes)

    async def rows(self, statement: str, *, formats: Mapping[str, str] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a SELECT whose result is small; ``formats`` are clickhouse-connect's (``bytes``, ``int``), by
        column."""
        return await asyncio.to_thread(self._rows, statement, formats)

    async def execute(self, statement: str) -> None:
        """Run a statement that has no result (DDL)."""
        await asyncio.to_thread(self._asking, "statement", lambda client: client.command(statement))

    async def change(self, statement: str) -> None:
        """Run a statement that changes tables or views: on a cluster, on all of it."""
        for one in on_cluster(statement, self._cluster, self._settings.database) if self._cluster.name else [statement]:
            await self.execute(one)

    def _arrays(self, ids: Collection[str]) -> Iterator[str]:
        """As ``arrays``, for the identifiers that the table is sharded by."""
        return map(of_this_shard, arrays(ids)) if self._cluster.name else arrays(ids)

    def _write(self, table: str, columns_of: Any, rows: Sequence[Any]) -> None:
        if not rows:
            return
        try:
            columns: list[Column] = columns_of(rows)
            block = native_block(columns, len(rows))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, DriverError) as error:
            raise UnwritableRowError(f"a row for {table} cannot be written: {type(error).__name__}") from error
        names = [column.name for column in columns]
        self._asking(f"insert into {table}", lambda client: client.raw_insert(table, names, block, fmt="Native"))

    def _rows(self, statement: str, formats: Mapping[str, str] | None) -> list[tuple[Any, ...]]:
        def ask(client: Client) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in client.query(statement, column_formats=dict(formats or {})).result_rows]

        return self._asking("query", ask)

    def _read_journeys(
        self, customer_ids: Collection[str], wanted: Collection[Fold]
    ) -> dict[tuple[str, Fold], Journey | None]:
        found: dict[tuple[str, Fold], Journey | None] = {}
        by_place = {(one.model, one.generation): one for one in wanted}
        for block in self._stored(customer_ids, by_place, STORED):
            for (customer_id, model, generation), journey in stored_journeys(block):
                found[customer_id, by_place[model, generation]] = journey
        return found

    def _read_versioned(
        self, customer_ids: Collection[str], wanted: Collection[Fold]
    ) -> dict[tuple[str, Fold], tuple[int, Journey | None]]:
        found: dict[tuple[str, Fold], tuple[int, Journey | None]] = {}
        by_place = {(one.model, one.generation): one for one in wanted}
        for *block, versions in self._stored(customer_ids, by_place, (*STORED, "version")):
            for ((customer_id, model, generation), journey), version in zip(
                stored_journeys(block), versions, strict=True
            ):
                found[customer_id, by_place[model, generation]] = (version, journey)
        return found

    def _stored(
        self, customer_ids: Collection[str], by_place: Mapping[tuple[str, int], Fold], columns: Sequence[str]
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """Blocks of the rows of customers, of these folds."""
        places = ", ".join(f"({literal(model)}, {number:d})" for model, number in by_place)
        versions = ", ".join(
            f"({literal(one.model)}, {one.generation:d}, {literal(one.version)})" for one in by_place.values()
        )
        for ids in self._arrays(customer_ids if by_place else ()):
            statement = (
                f"SELECT {', '.join(columns)} FROM customers FINAL "
                f"PREWHERE customer_id IN ({ids}) AND (model, generation) IN ({places}) "
                f"WHERE is_deleted OR (model, generation, model_version) IN ({versions})"
            )
            yield from self._blocks("customers", statement, {"state": "bytes"})

    def _read_touchpoints(self, homes: Collection[str]) -> dict[str, list[Touchpoint]]:
        formats = dict.fromkeys(FETCHED_BYTES, "bytes") | dict.fromkeys(FETCHED_TIMES, "int")
        found: dict[str, dict[bytes, Touchpoint]] = {}
        conditions = [
            f"PREWHERE filed_under IN ({ids})" for ids in self._arrays([h for h in homes if not is_nobody(h)])
        ]
        for ids in self._arrays([home for home in homes if is_nobody(home)]):
            hashes = f"arrayMap(id -> sipHash64(id), {ids})"
            conditions.append(f"PREWHERE filed_under = '' AND home_hash IN ({hashes}) WHERE home IN ({ids})")
        for condition in conditions:
            # Without FINAL: the copies are sorted out here.
            statement = f"SELECT {', '.join(FETCHED)} FROM touchpoints {condition}"
            for block in self._blocks("touchpoints", statement, formats):
                counting_touchpoints(block, found)
        return {home: list(touchpoints.values()) for home, touchpoints in found.items()}

    def _read_packed(self, statement: str) -> dict[str, list[Placed]]:
        answer = self._asking(
            "query of touchpoints",
            lambda client: client.raw_query(statement, fmt=PACKED_FORMAT, settings=PACKED_SETTINGS),
        )
        return unpacked(answer)

    def _read_linked(self, identifiers: Collection[str]) -> list[Touchpoint]:
        formats = dict.fromkeys(FETCHED_BYTES, "bytes") | dict.fromkeys(FETCHED_TIMES, "int")
        found: dict[str, dict[bytes, Touchpoint]] = {}
        for ids in self._arrays(identifiers):
            keys = (
                "SELECT sipHash64(if(startsWith(home, 'receipt:'), '', home)), sipHash64(home), original_timestamp, "
                f"identity FROM identity_links {_userless(ids)}"
            )
            statement = (
                f"SELECT {', '.join(FETCHED)} FROM touchpoints "
                f"WHERE (sipHash64(filed_under), home_hash, original_timestamp, identity) GLOBAL IN ({keys})"
            )
            for block in self._blocks("touchpoints", statement, formats):
                counting_touchpoints(block, found)
        return [touchpoint for some in found.values() for touchpoint in some.values()]

    def _blocks(self, table: str, statement: str, formats: Mapping[str, str]) -> Iterator[Sequence[Sequence[Any]]]:
        def ask(client: Client) -> list[Sequence[Sequence[Any]]]:
            with client.query_column_block_stream(statement, column_formats=dict(formats)) as blocks:
                return list(blocks)

        yield from self._asking(f"query of {table}", ask)

    def _asking(self, what: str, ask: Callable[[Client], T]) -> T:
        try:
            return ask(self._connected())
        except DriverError as error:
            raise _translated(what, error) from error
        except (OSError, ClickHouseError) as error:
            raise StoreUnavailableError(f"{what}: {type(error).__name__} at {self._address}") from error

    @property
    def _address(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _connected(self) -> Client:
        with self._connecting:
            if self._client is None:
                self._client = clickhouse_connect.get_client(
                    host=self._settings.host,
                    port=self._settings.port,
                    secure=self._settings.secure,
                    username=self._settings.user,
                    password=self._settings.password.get_secret_value(),
                    database=self._database,
                    compress=False,
                    connect_timeout=self._settings.connect_timeout_s,
                    send_receive_timeout=self._settings.request_timeout_s,
                    autogenerate_session_id=False,
                    settings=self._asked_for,
                    client_name="tappa",
                    pool_mgr=self._pool,
                )
            return self._client


def _userless(ids: str) -> str:
    """Links of these identifiers whose touchpoints carry no user and are filed under another identifier."""
    return f"WHERE identifier IN ({ids}) AND {LENT}"


def _key_under_device(link: Link) -> str:
    """The place of a link under its touchpoint's device in the order of the links."""
    device, identity = carried(link.identifiers).device, identity_of(link.order)
    at = f"fromUnixTimestamp64Milli({link.original_timestamp:d}, 'UTC')"
    return f"(sipHash64({literal(device)}), {at}, unhex('{identity.hex()}'))"


def _translated(what: str, error: DriverError) -> StoreError:
    said = _LITERAL.sub("'…'", str(error))[:_ERROR_CHARS_MAX]
    if error.code is None or error.code in _PASSING:
        return StoreUnavailableError(f"{what}: {said}")
    return StoreError(f"{what}: ClickHouse refused it: {said}")


def _of_generation(of: Fold) -> str:
    return f"model = {literal(of.model)} AND generation = {of.generation:d}"


def _lives(partitions: Collection[int], partitions_count: int) -> str:
    """A condition: that a customer lives in one of these partitions of the log."""
    wanted = ", ".join(f"{partition:d}" for partition in sorted(partitions))
    return f"CRC32(customer_id) % {partitions_count:d} IN ({wanted})"
