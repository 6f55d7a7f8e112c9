"""The ``Store`` in a process's own memory: for simulations and tests that want no engine. Same contract, same rows."""

# ruff: noqa: D102 - the interface has the docstrings

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from stage_engine.journey import Journey
from stage_engine.touchpoint import Placed, Touchpoint
from store.interface import CustomerRow, Position
from store.rejected import Refused
from store.touchpoint_columns import counts_before


class MemoryStore:
    """Implements ``store.interface.Store``; keeps what a database would, and forgets it with the process."""

    def __init__(self) -> None:
        self.touchpoints: dict[str, dict[bytes, Touchpoint]] = {}
        """By home and identity."""
        self.customers: dict[tuple[str, str], CustomerRow] = {}
        """By customer and model."""
        self.rejected: dict[str, Refused] = {}
        self.positions: dict[tuple[str, int, int], Position] = {}
        """By topic, epoch and partition."""
        self.notes: dict[str, str] = {}

    async def write_touchpoints(self, placed: Sequence[Placed]) -> None:
        for _, identity, touchpoint in placed:
            known = self.touchpoints.setdefault(touchpoint.home, {})
            other = known.get(identity)
            if other is None or counts_before(touchpoint, other):
                known[identity] = touchpoint

    async def write_rejected(self, refused: Sequence[Refused]) -> None:
        for one in refused:
            known = self.rejected.get(one.rejected_id)
            if known is None or one.received_at >= known.received_at:
                self.rejected[one.rejected_id] = one

    async def read_journeys(
        self, customer_ids: Collection[str], model_versions: Mapping[str, str]
    ) -> dict[tuple[str, str], Journey | None]:
        return {
            (customer_id, model): row.journey
            for customer_id in customer_ids
            for model, version in model_versions.items()
            if (row := self.customers.get((customer_id, model))) is not None and row.model_version == version
        }

    async def read_touchpoints(self, homes: Collection[str]) -> dict[str, list[Touchpoint]]:
        return {home: list(self.touchpoints[home].values()) for home in homes if home in self.touchpoints}

    async def write_customers(self, rows: Sequence[CustomerRow]) -> None:
        for row in rows:
            known = self.customers.get((row.customer_id, row.model))
            if known is None or row.version >= known.version:
                self.customers[row.customer_id, row.model] = row

    async def write_positions(self, positions: Sequence[Position]) -> None:
        for position in positions:
            key = (position.topic_id, position.epoch, position.partition)
            known = self.positions.get(key)
            if known is None or position.offset >= known.offset:
                self.positions[key] = position

    async def read_positions(self) -> list[Position]:
        return list(self.positions.values())

    async def read_homes(self, after: str, limit: int) -> list[str]:
        return sorted(home for home in self.touchpoints if home > after)[:limit]

    async def read_note(self, key: str) -> str | None:
        return self.notes.get(key)

    async def write_note(self, key: str, value: str) -> None:
        self.notes[key] = value

    async def close(self) -> None: ...
