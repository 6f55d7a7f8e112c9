"""The same database on a cluster. Every table is in two parts: ``touchpoints_local`` on each replica, with the rows of
its shard, and ``touchpoints``, Distributed over one designated replica of each shard, which everything asks and writes
to. Pure: from the statements of a single server to those of a cluster.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from store.settings import ClusterSettings
from store.sql import literal

SHARDED_BY: Final = {
    "touchpoints": "CRC32(home)",
    "customers": "CRC32(customer_id)",
    "stage_changes": "CRC32(customer_id)",
    "identity_links": "CRC32(identifier)",
    "identities": "CRC32(identifier)",
    "rejected": "CRC32(rejected_id)",
}
"""Where the rows of a table lie: what is read by an identifier, with all else of that identifier in this table. The log
parts identifiers by the same number, so with a multiple of the shards as partitions each partition has one shard."""
FIRST_SHARD: Final = "0"
"""Where those of all other tables lie: they are small, and are read and replaced as a whole."""

_TABLE: Final = re.compile(
    r"CREATE TABLE IF NOT EXISTS (?P<table>\w+)(?P<columns>\s*\(.*\n\)\s*)"
    r"ENGINE = ReplacingMergeTree(?:\((?P<version>\w+)\))?(?P<rest>\s.*?)(?P<comment>COMMENT '(?:[^']|'')*')?\s*",
    re.DOTALL,
)
_ALTER: Final = re.compile(r"ALTER TABLE (?P<table>\w+)(?P<commands>\s.*)", re.DOTALL)
_MUTATION: Final = re.compile(r"\s*(?:DELETE|UPDATE) ")
_NEW_KEY: Final = re.compile(r"\s*MODIFY ORDER BY \([^()]*\),")
_VIEW: Final = re.compile(r"CREATE OR REPLACE VIEW (?P<view>\w+)(?P<rest>\s.*)", re.DOTALL)
_DATABASE: Final = re.compile(r"CREATE DATABASE IF NOT EXISTS (?P<name>`\w+`)")


def local(table: str) -> str:
    """The name of the part that has the rows."""
    return f"{table}_local"


def on_cluster(statement: str, cluster: ClusterSettings, database: str) -> list[str]:
    """What does on all nodes of the cluster what ``statement`` does on a single server, in this order. Each may be run
    again, as the statement may. Raises ``ValueError`` for one of a kind that is not known here."""
    if statement.startswith("INSERT INTO "):
        return [statement]
    everywhere = f"ON CLUSTER `{cluster.name}`"
    if found := _DATABASE.fullmatch(statement):
        return [f"{found[0]} {everywhere}"]
    if found := _VIEW.fullmatch(statement):
        return [f"CREATE OR REPLACE VIEW {found['view']} {everywhere}{found['rest']}"]
    if found := _ALTER.fullmatch(statement):
        return _alter(found["table"], found["commands"], everywhere)
    if found := _TABLE.fullmatch(statement.strip()):
        part, version = local(found["table"]), found["version"]
        place = [f"{cluster.keeper_path}/{{database}}/{{table}}", "{replica}"]
        engine = ", ".join([*map(literal, place), *([version] if version else [])])
        key = SHARDED_BY.get(found["table"], FIRST_SHARD)
        comment = found["comment"] or ""
        lies = ", ".join([*map(literal, (cluster.designated, database, part)), key])
        return [
            f"CREATE TABLE IF NOT EXISTS {part} {everywhere}{found['columns']}"
            f"ENGINE = ReplicatedReplacingMergeTree({engine}){found['rest']}{comment}",
            f"CREATE TABLE IF NOT EXISTS {found['table']} {everywhere} AS `{database}`.{part} "
            f"ENGINE = Distributed({lies}) {comment}",
        ]
    raise ValueError(f"this is not known on a cluster: {statement[:60]}")


def _alter(table: str, commands: str, everywhere: str) -> list[str]:
    rows = f"ALTER TABLE {local(table)} {everywhere}{commands}"
    if _MUTATION.match(commands):
        return [rows]
    # The part without rows has no order of its own.
    return [rows, f"ALTER TABLE {table} {everywhere}{_NEW_KEY.sub('', commands)}"]


def of_this_shard(ids: str) -> str:
    """Of an array of identifiers those whose rows lie on the shard that evaluates it: an absent one costs a look into
    every part of the table, too. For the identifiers that a table is sharded by."""
    return f"arrayFilter(id -> CRC32(id) % shardCount() = shardNum() - 1, {ids})"


def settings_of(cluster: ClusterSettings) -> dict[str, int]:
    """What every statement asks for on a cluster: an insert is on the designated replicas, and on as many others as
    wanted, when it is acknowledged, and a shard that does not answer is an error, never left out."""
    if not cluster.name:
        return {}
    return {
        "distributed_foreground_insert": 1,
        "insert_quorum": cluster.replicas_written_min if cluster.replicas_written_min > 1 else 0,
        # Inserts at the same time; the readers ask the designated replica, which has them all.
        "insert_quorum_parallel": 1,
        "skip_unavailable_shards": 0,
        # Rows go to where their key says, also those of an INSERT SELECT.
        "parallel_distributed_insert_select": 0,
        "distributed_ddl_task_timeout": cluster.ddl_timeout_s,
    }


Node = tuple[str, int, int, int]
"""Cluster, number of the shard (from 1), its weight, number of the replica: a row of ``system.clusters``."""


def faults(nodes: Sequence[Node], cluster: ClusterSettings) -> list[str]:
    """Why the servers' ``remote_servers`` do not fit, a sentence each; none when they do."""
    here = {name: [node for node in nodes if node[0] == name] for name in (cluster.name, cluster.designated)}
    missing = [name for name, some in here.items() if not some]
    if missing:
        return [f"there is no cluster {name!r} in remote_servers" for name in missing]
    designated = [shard for _, shard, _, _ in here[cluster.designated]]
    said = []
    if len(set(designated)) != len(designated):
        said.append(f"{cluster.designated!r} must have exactly one replica of each shard: workers read what they wrote")
    if set(designated) != {shard for _, shard, _, _ in here[cluster.name]}:
        said.append(f"{cluster.name!r} and {cluster.designated!r} must have the same shards")
    if any(weight != 1 for _, _, weight, _ in here[cluster.designated]):
        said.append(f"all shards of {cluster.designated!r} must have the weight 1")
    return said
