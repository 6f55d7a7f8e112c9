"""The ``Store`` in a process's own memory: for simulations and tests that want no engine. Same contract, same rows."""

# ruff: noqa: D102 - the interface has the docstrings

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from stage_engine.identity.carried import carried
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link
from stage_engine.identity.reading import Reading, bounded, reading_of
from stage_engine.journey import Journey
from stage_engine.touchpoint import OrderKey, Placed, Touchpoint, identity_of
from store.identity_columns import deciding, rank
from store.interface import CustomerRow, Decision, Decisions, IdentityRow, Position, Sighting
from store.rejected import Refused
from store.touchpoint_columns import counts_before


class MemoryStore:
    """Implements ``store.interface.Store``; keeps what a database would, and forgets it with the process."""

    def __init__(self) -> None:
        self.touchpoints: dict[str, dict[bytes, Touchpoint]] = {}
        """By home and identity."""
        self.customers: dict[tuple[str, str], CustomerRow] = {}
        """By customer and model."""
        self.links: dict[str, dict[tuple[OrderKey, bool], Link]] = {}
        """By identifier, place and whether it is settled."""
        self.identities: dict[str, IdentityRow] = {}
        self.decisions: dict[tuple[str, str, str], Decision] = {}
        """The last of each kind about the same identifiers."""
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
            if (row := self.customers.get((customer_id, model))) is not None
            and (row.model_version == version or row.journey is None)
        }

    async def read_touchpoints(self, homes: Collection[str]) -> dict[str, list[Touchpoint]]:
        return {home: list(self.touchpoints[home].values()) for home in homes if home in self.touchpoints}

    async def write_customers(self, rows: Sequence[CustomerRow]) -> None:
        for row in rows:
            known = self.customers.get((row.customer_id, row.model))
            if known is None or row.version >= known.version:
                self.customers[row.customer_id, row.model] = row

    async def write_links(self, sightings: Sequence[Sighting]) -> None:
        for identifier, link in sightings:
            self.links.setdefault(identifier, {})[link.order, link.settled] = link

    async def read_readings(self, identifiers: Collection[str], limits: Limits) -> dict[str, Reading]:
        return {
            identifier: bounded(identifier, reading_of(identifier, self.links.get(identifier, {}).values()), limits)
            for identifier in identifiers
        }

    async def read_neighbours(self, identifiers: Collection[str]) -> dict[str, frozenset[str]]:
        return {
            one: frozenset(
                other for link in self.links.get(one, {}).values() for other in carried(link.identifiers).about
            )
            - {one}
            for one in identifiers
        }

    async def read_linked(self, identifiers: Collection[str]) -> list[Touchpoint]:
        found: dict[bytes, Touchpoint] = {}
        for one in identifiers:
            for link in self.links.get(one, {}).values():
                said, identity = carried(link.identifiers), identity_of(link.order)
                if said.lends(one) and identity in self.touchpoints.get(said.home, {}):
                    found[identity] = self.touchpoints[said.home][identity]
        return list(found.values())

    async def read_corrected(self, links: Sequence[Link]) -> set[bytes]:
        found: set[bytes] = set()
        for link in links:
            identity = identity_of(link.order)
            others = self.links.get(carried(link.identifiers).device, {}).values()
            if any(one.is_corrected and identity_of(one.order) == identity for one in others):
                found.add(identity)
        return found

    async def read_filed(self, identifiers: Collection[str]) -> set[str]:
        return {one for one in identifiers if self.touchpoints.get(one) or await self.read_linked([one])}

    async def write_identities(self, rows: Sequence[IdentityRow]) -> None:
        for row in rows:
            known = self.identities.get(row.identifier)
            if known is None or row.version >= known.version:
                self.identities[row.identifier] = row

    async def write_decisions(self, decisions: Sequence[Decision]) -> None:
        for one in decisions:
            key = (one.kind, one.one, one.other)
            known = self.decisions.get(key)
            if known is None or rank(one) >= rank(known):
                self.decisions[key] = one

    async def read_decisions(self) -> Decisions:
        return deciding(self.decisions.values())

    async def read_identifiers(self, after: str, limit: int) -> list[str]:
        return sorted(one for one in self.links if one > after)[:limit]

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
