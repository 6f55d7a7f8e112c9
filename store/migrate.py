"""Brings the database to what this code needs: at every start of whatever writes to it."""

# ruff: noqa: S608 - text goes into statements as literals only

from __future__ import annotations

from typing import Final

from store.clickhouse import ClickHouseStore, connect
from store.cluster import faults
from store.interface import StoreError
from store.schema_text import Migration, View, checksum, migrations, views
from store.settings import StoreSettings
from store.sql import literal

_BOOKKEEPING: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number UInt32 COMMENT 'Number of the step',
    name String COMMENT 'Its name',
    checksum String COMMENT 'Hash of its text',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When it was applied'
)
ENGINE = ReplacingMergeTree
ORDER BY number
COMMENT 'The steps by which these tables came to be, kept by Tappa'
"""


class SchemaError(StoreError):
    """The database is not one that this code may change."""


async def migrate(settings: StoreSettings, *, default_model: str, reporting_currency: str) -> None:
    """Create the database, apply the migrations that it lacks, in order, and bring its views up to date with these two
    settings.

    May be run at any time, also by several processes, and again after a crash at any instruction. Raises
    ``SchemaError`` for a database of newer code or of migrations with another text, and for servers whose clusters
    are not those of the settings, without having touched it.
    """
    await _create_database(settings)
    store = connect(settings)
    try:
        applied = await _applied(store)
        known = migrations()
        _judge(applied, known, settings.database)
        await store.change(_BOOKKEEPING)
        for migration in known:
            if migration.number not in applied:
                await _apply(store, migration)
        for view in views(default_model, reporting_currency):
            await _refresh(store, view)
    finally:
        await store.close()


async def _create_database(settings: StoreSettings) -> None:
    server = ClickHouseStore(settings, database="default")
    try:
        if settings.cluster.name:
            nodes = await server.rows("SELECT cluster, shard_num, shard_weight, replica_num FROM system.clusters")
            if said := faults([(name, *numbers) for name, *numbers in nodes], settings.cluster):
                raise SchemaError(f"the cluster of [store.cluster] cannot be used: {'; '.join(said)}")
        await server.change(f"CREATE DATABASE IF NOT EXISTS `{settings.database}`")
    finally:
        await server.close()


async def _applied(store: ClickHouseStore) -> dict[int, str]:
    if not await _exists(store, "schema_migrations"):
        return {}
    return dict(await store.rows("SELECT number, checksum FROM schema_migrations FINAL"))


def _judge(applied: dict[int, str], known: list[Migration], database: str) -> None:
    newest = max(applied, default=0)
    if newest > known[-1].number:
        raise SchemaError(
            f"the database {database} is at step {newest}, this version of Tappa knows {known[-1].number}: "
            "start the version that wrote it, or a newer one"
        )
    for migration in known:
        if applied.get(migration.number, checksum(migration.text)) != checksum(migration.text):
            raise SchemaError(
                f"step {migration.number} ({migration.name}) was applied to the database {database} with another text: "
                "a step that was released must never be edited, add a new one"
            )


async def _apply(store: ClickHouseStore, migration: Migration) -> None:
    for statement in migration.statements:
        await store.change(statement)
    values = f"{migration.number:d}, {literal(migration.name)}, {literal(checksum(migration.text))}"
    await store.execute(f"INSERT INTO schema_migrations (number, name, checksum) VALUES ({values})")


async def _refresh(store: ClickHouseStore, view: View) -> None:
    key = f"view {view.name}"
    if await store.read_note(key) == checksum(view.text) and await _exists(store, view.name):
        return
    await store.change(view.text)
    await store.write_note(key, checksum(view.text))


async def _exists(store: ClickHouseStore, table: str) -> bool:
    return bool(
        await store.rows(f"SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = {literal(table)}")
    )
