"""The columns of inserts into the small tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from store.column import Column
from store.interface import Generation, Position, Progress
from store.rejected import Refused


def rejected_columns(refused: Sequence[Refused]) -> list[Column]:
    """Of ``rejected``."""
    return [
        Column("rejected_id", "String", [r.rejected_id for r in refused]),
        Column("source", "LowCardinality(String)", [r.source for r in refused]),
        Column("received_at", "DateTime64(3, 'UTC')", [r.received_at for r in refused]),
        Column("code", "LowCardinality(String)", [r.code for r in refused]),
        Column("reason", "String", [r.reason for r in refused]),
        Column("message_id", "String", [r.message_id for r in refused]),
        Column("body", "String", [r.body for r in refused]),
        Column("endpoint", "LowCardinality(String)", [r.endpoint for r in refused]),
    ]


def model_columns(generations: Sequence[Generation]) -> list[Column]:
    """Of ``models``."""
    return [
        Column("model", "LowCardinality(String)", [one.model for one in generations]),
        Column("generation", "UInt32", [one.number for one in generations]),
        Column("model_version", "String", [one.version for one in generations]),
        Column("text", "String", [one.text for one in generations]),
        Column("state", "UInt8", [int(one.state) for one in generations]),
    ]


def progress_columns(progress: Sequence[Progress]) -> list[Column]:
    """Of ``rebuild_progress``."""
    return [
        Column("generation", "UInt32", [one.generation for one in progress]),
        Column("partition", "UInt32", [one.partition for one in progress]),
        Column("begun_at", "UInt64", [one.begun_at for one in progress]),
        Column("done", "UInt64", [one.done for one in progress]),
        Column("customers", "UInt64", [one.customers for one in progress]),
    ]


def position_columns(positions: Sequence[Position]) -> list[Column]:
    """Of ``positions``."""
    return [
        Column("topic_id", "String", [p.topic_id for p in positions]),
        Column("epoch", "UInt32", [p.epoch for p in positions]),
        Column("partition", "UInt32", [p.partition for p in positions]),
        Column("offset", "UInt64", [p.offset for p in positions]),
    ]


def note_columns(notes: Iterable[tuple[str, str]]) -> list[Column]:
    """Of ``settings``: keys and values."""
    keys, values = zip(*notes, strict=True)
    return [Column("key", "String", keys), Column("value", "String", values)]
