"""A store process whose tables are those of a cluster of two shards, as far as one process can have them: Distributed
tables over two shards, which are both this process and share their rows out by what each may see.

What is not real: replicas, Keeper, the network, and that a row on a wrong shard would be missed.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from store.clickhouse import ClickHouseStore
from store.cluster import FIRST_SHARD, SHARDED_BY, local, on_cluster
from store.schema_text import migrations, views
from store.settings import ClusterSettings, StoreSettings
from tests.running_store import RunningStore

CLUSTER: Final = ClusterSettings(name="all_of_us", designated="two_of_us", replicas_written_min=1)
SHARDS: Final = "127.0.0.1,localhost"

_OVER_SHARDS: Final = re.compile(r"(?:CREATE|ALTER) TABLE (?:IF NOT EXISTS )?+\w+(?<!_local)\s")

_PROGRAM: Final = """
import json, sys
from chdb import connect
data, database, statements = json.load(sys.stdin)
connection = connect(data)
for statement in (f"CREATE DATABASE {database}", f"USE {database}", *statements):
    connection.query(statement)
connection.close()
"""


def filters(database: str) -> str:
    """The value of ``additional_table_filters`` by which each shard sees the rows that it would have."""
    tables = {table: SHARDED_BY.get(table, FIRST_SHARD) for table in table_names()}
    pairs = (
        f"'{database}.{local(table)}': '{key} % shardCount() = shardNum() - 1'" for table, key in sorted(tables.items())
    )
    return f"{{{', '.join(pairs)}}}"


def table_names() -> list[str]:
    """All tables that migrations make."""
    text = "".join(migration.text for migration in migrations())
    return re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", text)


def statements_here(database: str, default_model: str) -> list[str]:
    """Those of a cluster, with engines that one process has: first the rows' tables, then those over the shards."""
    written = [one for migration in migrations() for one in migration.statements if not one.startswith("INSERT ")]
    written += [view.text for view in views(default_model, "EUR")]
    asked = [single(one) for statement in written for one in on_cluster(statement, CLUSTER, database)]
    rows = [one for one in asked if not _OVER_SHARDS.match(one)]
    keys = {table: SHARDED_BY.get(table, FIRST_SHARD) for table in table_names()}
    distributed = [
        f"CREATE TABLE {table} AS remote('{SHARDS}', '{database}', '{local(table)}', {key})"
        for table, key in keys.items()
    ]
    tables = [one for one in rows if not one.startswith("CREATE OR REPLACE VIEW ")]
    return [*tables, *distributed, *rows[len(tables) :]]


def single(statement: str) -> str:
    """The statement without what only a cluster has."""
    bare = statement.replace(f" ON CLUSTER `{CLUSTER.name}`", "")
    return re.sub(
        r"ReplicatedReplacingMergeTree\('[^']*', '[^']*'(?:, (\w+))?\)",
        lambda found: f"ReplacingMergeTree({found[1] or ''})",
        bare,
    )


@contextlib.contextmanager
def running_shards(database: str, default_model: str) -> Iterator[StoreSettings]:
    """Settings of a store process that has all tables and views in ``database``."""
    with tempfile.TemporaryDirectory(prefix="tappa-shards-") as folder:
        data = Path(folder)
        given = json.dumps([str(data / "store"), database, statements_here(database, default_model)])
        made = subprocess.run([sys.executable, "-c", _PROGRAM], input=given, capture_output=True, text=True, timeout=60)
        assert made.returncode == 0, made.stderr[-2_000:]
        with RunningStore(data) as store:
            yield store.settings.model_copy(update={"database": database, "cluster": CLUSTER})


class StoreOfShards(ClickHouseStore):
    """The adapter as a cluster has it, but for what only a cluster has. A table is emptied where its rows are."""

    def __init__(self, settings: StoreSettings) -> None:
        super().__init__(settings, asked_for={"additional_table_filters": filters(settings.database)})

    async def execute(self, statement: str) -> None:
        await super().execute(re.sub(r"^TRUNCATE TABLE (\w+)$", r"TRUNCATE TABLE \1_local", single(statement)))


@contextlib.asynccontextmanager
async def emptied_shards(settings: StoreSettings) -> AsyncIterator[ClickHouseStore]:
    """The store of ``running_shards``, whatever was in it; closed in the end."""
    store = StoreOfShards(settings)
    try:
        for table in table_names():
            await store.execute(f"TRUNCATE TABLE {table}")
        yield store
    finally:
        await store.close()
