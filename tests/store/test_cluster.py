"""The tables of a cluster. No server and no Keeper runs here: the engine reads every statement and makes what it can,
and ``tests/running_shards.py`` has the contract and the views on two shards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from pydantic import ValidationError

from store.clickhouse import connect
from store.cluster import SHARDED_BY, Node, faults, on_cluster, settings_of
from store.migrate import SchemaError, migrate
from store.schema_text import migrations, views
from store.settings import ClusterSettings, StoreSettings
from store.sql import literal
from stream.log.message import partition_of

CLUSTER: Final = ClusterSettings(name="tappa", designated="tappa_designated")
EXAMPLE: Final = Path(__file__).parents[2] / "deploy" / "clickhouse" / "cluster.xml"
"""What the servers of a cluster are given."""

_MAKE: Final = """
import json, sys
from chdb import connect
data, statements = json.load(sys.stdin)
connection = connect(data)
said = []
for statement in statements:
    try:
        said.append(str(connection.query(statement, "TSVRaw")))
    except Exception as error:
        said.append(str(error))
print(json.dumps(said))
connection.close()
"""


def engine(folder: Path, statements: list[str]) -> list[str]:
    """What an engine with the example's settings answers to each."""
    given = json.dumps([f"{folder / 'data'}?config-file={EXAMPLE}", statements])
    made = subprocess.run([sys.executable, "-c", _MAKE], input=given, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    answers: list[str] = json.loads(made.stdout)
    return answers


def written() -> list[str]:
    """Every statement of a single server."""
    steps = [statement for migration in migrations() for statement in migration.statements]
    return [*steps, *(view.text for view in views("seven_stage", "EUR"))]


def everywhere() -> list[str]:
    """Every statement of a cluster."""
    return [one for statement in written() for one in on_cluster(statement, CLUSTER, "tappa")]


async def test_the_engine_reads_every_statement_of_both_variants(embedded_store: StoreSettings) -> None:
    store = connect(embedded_store)
    for statement in [*written(), *everywhere()]:
        [(read,)] = await store.rows(f"SELECT formatQuery({literal(statement)})")
        assert ("ON CLUSTER" in read) == ("ON CLUSTER" in statement)
    await store.close()


def test_every_statement_but_inserts_is_for_all_nodes() -> None:
    alone = [one for one in everywhere() if " ON CLUSTER `tappa`" not in one]
    assert [one.split()[0] for one in alone] == ["INSERT"]


def test_a_table_is_one_of_rows_on_every_replica_and_one_over_the_designated_ones() -> None:
    columns, order = "\n(\n    a UInt8\n)\n", "\nORDER BY a\nCOMMENT 'c'"
    statement = f"CREATE TABLE IF NOT EXISTS customers{columns}ENGINE = ReplacingMergeTree(a){order}"
    assert on_cluster(statement, CLUSTER, "shop") == [
        "CREATE TABLE IF NOT EXISTS customers_local ON CLUSTER `tappa`"
        + columns
        + "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', a)"
        + order,
        "CREATE TABLE IF NOT EXISTS customers ON CLUSTER `tappa` AS `shop`.customers_local "
        "ENGINE = Distributed('tappa_designated', 'shop', 'customers_local', CRC32(customer_id)) COMMENT 'c'",
    ]


def test_rows_are_deleted_where_they_are_and_an_order_is_theirs_alone() -> None:
    deletion = on_cluster("ALTER TABLE customers DELETE WHERE 1", CLUSTER, "tappa")
    assert deletion == ["ALTER TABLE customers_local ON CLUSTER `tappa` DELETE WHERE 1"]
    order = on_cluster("ALTER TABLE t ADD COLUMN b UInt8, MODIFY ORDER BY (a, b), MODIFY COMMENT 'c'", CLUSTER, "tappa")
    assert order == [
        "ALTER TABLE t_local ON CLUSTER `tappa` ADD COLUMN b UInt8, MODIFY ORDER BY (a, b), MODIFY COMMENT 'c'",
        "ALTER TABLE t ON CLUSTER `tappa` ADD COLUMN b UInt8, MODIFY COMMENT 'c'",
    ]


def test_a_statement_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="not known on a cluster: RENAME TABLE"):
        on_cluster("RENAME TABLE a TO b", CLUSTER, "tappa")


def test_what_tables_are_sharded_by_are_their_columns() -> None:
    text = "".join(migration.text for migration in migrations())
    for table, key in SHARDED_BY.items():
        columns = re.search(rf"CREATE TABLE IF NOT EXISTS {table}\n\((.*?)\n\)", text, re.DOTALL)
        assert columns is not None
        assert f"\n    {key[len('CRC32(') : -1]} String" in columns[1]


async def test_a_partition_of_the_log_has_one_shard_where_there_are_a_multiple_of_the_shards(
    embedded_store: StoreSettings,
) -> None:
    names = [f"user:{number}" for number in range(200)]
    shards, partitions = 4, 12
    store = connect(embedded_store)
    key = SHARDED_BY["customers"].replace("customer_id", "name")
    rows = await store.rows(f"SELECT name, {key} % {shards} FROM (SELECT arrayJoin({names}) AS name)")
    await store.close()
    assert len(rows) == len(names)
    assert {shard == partition_of(name, partitions) % shards for name, shard in rows} == {True}


def test_the_engine_makes_the_distributed_tables_and_every_view_asks_them_without_a_join_within_a_shard(
    tmp_path: Path,
) -> None:
    bare = [one.replace(" ON CLUSTER `tappa`", "") for one in everywhere() if not one.startswith("INSERT ")]
    # Without a Keeper the rows' tables are not replicated.
    alone = [re.sub(r"ReplicatedReplacingMergeTree\('.*?', '.*?'(?:, )?", "ReplacingMergeTree(", one) for one in bare]
    made = engine(tmp_path, ["CREATE DATABASE tappa", "USE tappa", *alone])
    assert [answer for answer in made if answer] == []
    names = [view.name + ("(at = now64(3))" if view.name == "v_customers_at" else "") for view in views("m", "EUR")]
    asked = engine(tmp_path, ["USE tappa", *(f"EXPLAIN SELECT * FROM {name}" for name in names)])
    # A GLOBAL IN is asked for first, of shards that are not there; without the word the engine refuses (code 288).
    codes = [re.findall(r"Code: (\d+)\.", answer)[:1] for answer in asked[1:] if "ReadFromRemote" not in answer]
    assert {code for found in codes for code in found} == {"279"}
    assert len(codes) < len(names)


def test_the_engine_takes_the_replicated_tables_up_to_the_keeper_that_is_missing(tmp_path: Path) -> None:
    rows = [one.replace(" ON CLUSTER `tappa`", "") for one in everywhere() if "ReplicatedReplacing" in one]
    assert len(rows) > len(SHARDED_BY)
    _, _, *said = engine(tmp_path, ["CREATE DATABASE tappa", "USE tappa", *rows])
    assert {re.sub(r".*\((\w+)\).*", r"\1", answer.strip(), flags=re.DOTALL) for answer in said} == {"KEEPER_EXCEPTION"}


def test_the_example_for_servers_fits(tmp_path: Path) -> None:
    [answer] = engine(tmp_path, ["SELECT cluster, shard_num, shard_weight, replica_num FROM system.clusters"])
    parts = [line.split() for line in answer.splitlines()]
    known = [(name, int(shard), int(weight), int(replica)) for name, shard, weight, replica in parts]
    assert faults(known, CLUSTER) == []
    assert len([node for node in known if node[0] == "tappa_designated"]) == 2


def nodes(*designated: tuple[int, int, int]) -> list[Node]:
    """A cluster of two shards with two replicas each, and these designated ones: shard, weight, replica."""
    all_of_them = [("tappa", shard, 1, replica) for shard in (1, 2) for replica in (1, 2)]
    return [*all_of_them, *(("tappa_designated", *one) for one in designated)]


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        ([], "there is no cluster 'tappa' in remote_servers"),
        (nodes((1, 1, 1), (1, 1, 2), (2, 1, 1)), "exactly one replica of each shard"),
        (nodes((1, 1, 1)), "must have the same shards"),
        (nodes((1, 1, 1), (2, 3, 1)), "must have the weight 1"),
    ],
)
def test_servers_that_do_not_fit_are_told_why(servers: list[Node], said: str) -> None:
    assert said in faults(servers, CLUSTER)[0]


async def test_a_server_that_knows_no_such_cluster_is_left_as_it_was(embedded_store: StoreSettings) -> None:
    asked = embedded_store.model_copy(update={"database": "tappa_on_no_cluster", "cluster": CLUSTER})
    with pytest.raises(SchemaError, match=r"\[store.cluster\] cannot be used: there is no cluster 'tappa'"):
        await migrate(asked, default_model="seven_stage", reporting_currency="EUR")
    store = connect(embedded_store)
    assert await store.rows("SELECT 1 FROM system.databases WHERE name = 'tappa_on_no_cluster'") == []
    await store.close()


def test_a_cluster_wants_both_names() -> None:
    with pytest.raises(ValidationError, match="wants both"):
        ClusterSettings(name="tappa")
    with pytest.raises(ValidationError, match="replicas_written_min must be 1"):
        ClusterSettings(name="tappa", designated="tappa")


async def test_the_engine_knows_what_is_asked_for_on_a_cluster(embedded_store: StoreSettings) -> None:
    store = connect(embedded_store)
    names = ", ".join(map(literal, settings_of(CLUSTER)))
    [(known,)] = await store.rows(f"SELECT count() FROM system.settings WHERE name IN ({names})")
    assert known == len(settings_of(CLUSTER))
    assert settings_of(ClusterSettings()) == {}
    await store.close()
