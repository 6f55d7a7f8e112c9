"""What a worker asks of the store. ClickHouse answers it over HTTP (``store.clickhouse``); facts are a set, derived
rows are replaced by a version that is not lower.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from stage_engine.journey import Journey
from stage_engine.touchpoint import Placed, Touchpoint
from store.rejected import Refused


class StoreError(Exception):
    """The store refused a statement: it will refuse it again. The message carries what it said."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached just now: wait and try again."""


class UnwritableRowError(StoreError):
    """A value in these rows can never be written, whatever the state of the store: part them and write the others."""


class CustomerRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All that is derived about one customer under one model; replaces the row of a version that is not higher."""

    customer_id: str
    model: str
    model_version: str
    stages: tuple[str, ...]
    """The model's stages in its order, first to furthest: tells the views the highest stage reached at any moment."""
    version: int
    """``epoch << 48 | offset`` of the record it was written for."""
    journey: Journey | None
    """None: there is nothing left of this customer (a tombstone)."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far the rows in the store go, kept beside them."""

    topic_id: str
    epoch: int
    partition: int
    offset: int
    """Of the next record to read."""


class Store(Protocol):
    """Every write is durable on return, and harmless when repeated. All raise ``StoreUnavailableError`` or
    ``StoreError``."""

    async def write_touchpoints(self, placed: Sequence[Placed]) -> None:
        """Insert facts; copies collapse to the one with the smallest precedence."""

    async def write_rejected(self, refused: Sequence[Refused]) -> None:
        """Insert dead letters; the same ``rejected_id`` is one row."""

    async def read_journeys(
        self, customer_ids: Collection[str], model_versions: Mapping[str, str]
    ) -> dict[tuple[str, str], Journey | None]:
        """Journeys by (customer_id, model), of the given version of each model; None for a tombstone, absent without a
        row."""

    async def read_touchpoints(self, homes: Collection[str]) -> dict[str, list[Touchpoint]]:
        """The facts filed under each home, one per identity (the copy that counts), in no particular order."""

    async def write_customers(self, rows: Sequence[CustomerRow]) -> None:
        """Replace derived rows; one insert, all or nothing per block."""

    async def write_positions(self, positions: Sequence[Position]) -> None:
        """Keep them; a position never goes back within its topic and epoch."""

    async def read_positions(self) -> list[Position]:
        """All of them, of every topic that this database has ever seen."""

    async def read_homes(self, after: str, limit: int) -> list[str]:
        """Homes that have facts, in an order of the store's own, in which neighbours cost little to read together: the
        first ``limit`` behind ``after`` (``""`` to begin). To fold everybody again."""

    async def read_note(self, key: str) -> str | None:
        """A small fact about this database (table ``settings``), by key; None when it was never written."""

    async def write_note(self, key: str, value: str) -> None:
        """Keep it, durably, in place of what was there."""

    async def close(self) -> None:
        """Let go of all connections."""
