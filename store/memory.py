"""The ``Store`` in a process's own memory: for simulations and tests that want no engine. Same contract, same rows."""

# ruff: noqa: D102 - the interface has the docstrings

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import blake2b
from zlib import crc32

from stage_engine.identity.carried import carried
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link
from stage_engine.identity.reading import Reading, bounded, reading_of
from stage_engine.journey import Journey
from stage_engine.reads import Reads
from stage_engine.touchpoint import OrderKey, Placed, Touchpoint, identity_of
from store.identity_columns import deciding, rank
from store.interface import (
    PROGRESS_END,
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
)
from store.packed_touchpoints import as_read
from store.rejected import Refused
from store.stage_change import StageChange, last_said
from store.touchpoint_columns import counts_before, is_nobody


class MemoryStore:
    """Implements ``store.interface.Store``; keeps what a database would, and forgets it with the process."""

    def __init__(self) -> None:
        self.touchpoints: dict[str, dict[bytes, Touchpoint]] = {}
        """By home and identity."""
        self.generations: dict[tuple[str, str, int], CustomerRow] = {}
        """Rows of customers by customer, model and generation."""
        self.models: dict[tuple[str, int], Generation] = {}
        """By model and number."""
        self.progress: dict[tuple[int, int], Progress] = {}
        """By generation and partition."""
        self.links: dict[str, dict[tuple[OrderKey, bool], Link]] = {}
        """By identifier, place and whether it is settled."""
        self.identities: dict[str, IdentityRow] = {}
        self.decisions: dict[tuple[str, str, str], Decision] = {}
        """The last of each kind about the same identifiers."""
        self.rejected: dict[str, Refused] = {}
        self.positions: dict[tuple[str, int, int], Position] = {}
        """By topic, epoch and partition."""
        self.notes: dict[str, str] = {}
        self.stage_changes: dict[tuple[str, str, str, int, str], StageChange] = {}
        """By customer, model, visit, version and kind."""

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

    @property
    def customers(self) -> dict[tuple[str, str], CustomerRow]:
        """By customer and model: the rows that the views would show."""
        hidden = {key for key, one in self.models.items() if one.state is not State.SERVING}
        return {
            (customer_id, model): row
            for (customer_id, model, number), row in self.generations.items()
            if (model, number) not in hidden
        }

    async def read_journeys(
        self, customer_ids: Collection[str], wanted: Collection[Fold]
    ) -> dict[tuple[str, Fold], Journey | None]:
        return {
            (customer_id, one): row.journey
            for customer_id in customer_ids
            for one in wanted
            if (row := self.generations.get((customer_id, one.model, one.generation))) is not None
            and (row.model_version == one.version or row.journey is None)
        }

    async def read_standings(
        self, of: Fold, begin: int, end: int, partitions: Collection[int], partitions_count: int
    ) -> list[Standing]:
        return [
            Standing(
                customer_id=row.customer_id,
                gone=row.journey is None,
                own=row.journey is not None and row.journey.own,
            )
            for row in sorted(self._rows_of(of), key=lambda row: _place(row.customer_id))
            if begin <= _place(row.customer_id) < end
            and crc32(row.customer_id.encode()) % partitions_count in partitions
        ]

    async def read_filed_between(
        self, begin: int, end: int, partitions: Collection[int], partitions_count: int, reads: Reads
    ) -> dict[str, list[Placed]]:
        return {
            home: [(one.order, identity, as_read(one, reads)) for identity, one in facts.items()]
            for home, facts in self.touchpoints.items()
            if not is_nobody(home)
            and begin <= _place(home) < end
            and crc32(home.encode()) % partitions_count in partitions
        }

    async def count_standings(self, of: Fold) -> tuple[int, int]:
        journeys = [row.journey for row in self._rows_of(of) if row.journey]
        return len(journeys), sum(journey.touchpoints for journey in journeys)

    def _rows_of(self, of: Fold) -> list[CustomerRow]:
        return [
            row for (_, model, number), row in self.generations.items() if (model, number) == (of.model, of.generation)
        ]

    async def read_models(self) -> list[Generation]:
        return list(self.models.values())

    async def write_models(self, generations: Sequence[Generation]) -> None:
        for one in generations:
            known = self.models.get((one.model, one.number))
            if known is None or one.state >= known.state:
                self.models[one.model, one.number] = one

    async def drop_generations(self, gone: Sequence[Generation]) -> None:
        places = {(one.model, one.number) for one in gone}
        self.generations = {key: row for key, row in self.generations.items() if key[1:] not in places}

    async def read_modelled(self) -> set[tuple[str, int]]:
        return {(model, number) for _, model, number in self.generations}

    async def read_progress(self, generation: int) -> list[Progress]:
        return [one for one in self.progress.values() if one.generation == generation]

    async def write_progress(self, progress: Sequence[Progress]) -> None:
        for one in progress:
            known = self.progress.get((one.generation, one.partition))
            if known is None or one.done >= known.done:
                self.progress[one.generation, one.partition] = one

    async def read_touchpoints(self, homes: Collection[str]) -> dict[str, list[Touchpoint]]:
        return {home: list(self.touchpoints[home].values()) for home in homes if home in self.touchpoints}

    async def write_customers(self, rows: Sequence[CustomerRow]) -> None:
        for row in rows:
            known = self.generations.get((row.customer_id, row.model, row.generation))
            if known is None or row.version >= known.version:
                self.generations[row.customer_id, row.model, row.generation] = row

    async def write_stage_changes(self, changes: Sequence[StageChange]) -> None:
        for one in changes:
            key = (one.customer_id, one.model, one.visit_id, one.version, one.kind)
            known = self.stage_changes.get(key)
            if known is None or one.said_at >= known.said_at:
                self.stage_changes[key] = one

    async def read_last_said(self, customer_ids: Collection[str]) -> dict[tuple[str, str], dict[str, StageChange]]:
        found: dict[tuple[str, str], list[StageChange]] = {}
        for one in self.stage_changes.values():
            if one.customer_id in customer_ids:
                found.setdefault((one.customer_id, one.model), []).append(one)
        return {key: last_said(some) for key, some in found.items()}

    async def read_versioned(
        self, customer_ids: Collection[str], wanted: Collection[Fold]
    ) -> dict[tuple[str, Fold], tuple[int, Journey | None]]:
        return {
            (customer_id, one): (self.generations[customer_id, one.model, one.generation].version, journey)
            for (customer_id, one), journey in (await self.read_journeys(customer_ids, wanted)).items()
        }

    async def read_due(
        self, since: int, until: int, partitions: Collection[int], partitions_count: int, after: str, limit: int
    ) -> list[str]:
        due = {
            row.customer_id
            for row in self.generations.values()
            if row.journey and any(since < one.entered_at <= until for one in row.journey.planned)
        }
        return _page(due, partitions, partitions_count, after, limit)

    async def read_customers(
        self, partitions: Collection[int], partitions_count: int, after: str, limit: int
    ) -> list[str]:
        customers = {key[0] for key in self.generations} | {key[0] for key in self.stage_changes}
        return _page(customers, partitions, partitions_count, after, limit)

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


def _place(customer_id: str) -> int:
    """Where a rebuild comes to a customer."""
    return int.from_bytes(blake2b(customer_id.encode(), digest_size=4).digest()) % PROGRESS_END


def _page(
    customers: Collection[str], partitions: Collection[int], partitions_count: int, after: str, limit: int
) -> list[str]:
    return sorted(one for one in customers if one > after and crc32(one.encode()) % partitions_count in partitions)[
        :limit
    ]
