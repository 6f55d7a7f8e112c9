"""What a worker asks of the store. ClickHouse answers it over HTTP (``store.clickhouse``); facts are a set, derived
rows are replaced by a version that is not lower.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link, Split
from stage_engine.identity.reading import Reading
from stage_engine.identity.resolve import Stretches
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


class Decision(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True, tag_field="_", tag="d"):
    """What somebody decided about identifiers, a recorded fact. Of the same kind and identifiers the last counts. Its
    fields are its wire format in the log."""

    kind: Literal["split", "allow", "block"]
    """``split``: two identifiers are not one person. ``allow``: an identifier is never shared; ``block``: always."""
    one: str
    other: str = ""
    """Of a split the other identifier, the larger in byte order."""
    revoked: bool
    """Whether it takes such a decision back."""
    decided_at: int
    """Milliseconds since 1970 UTC."""
    decided_by: str
    reason: str

    @property
    def about(self) -> tuple[str, ...]:
        """The identifiers."""
        return (self.one, self.other) if self.other else (self.one,)


class Decisions(msgspec.Struct, frozen=True, kw_only=True):
    """All that is decided now."""

    splits: tuple[Split, ...] = ()
    allowed: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far the rows in the store go, kept beside them."""

    topic_id: str
    epoch: int
    partition: int
    offset: int
    """Of the next record to read."""


class IdentityRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Whose an identifier is; replaces the row of a version that is not higher. An identifier without a row is its own
    customer (a receipt's own key nobody's)."""

    identifier: str
    version: int
    """As of a ``CustomerRow``."""
    stretches: Stretches
    stands_alone: bool = False
    """Whether its group of contacts, or of aliased users, is past its bound and so joins nothing."""


Sighting = tuple[str, Link]
"""An identifier, and a link that says something about it."""


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
        row. Whatever the version of a tombstone's model, under every model there is nothing left."""

    async def read_touchpoints(self, homes: Collection[str]) -> dict[str, list[Touchpoint]]:
        """The facts filed under each home, one per identity (the copy that counts), in no particular order."""

    async def write_customers(self, rows: Sequence[CustomerRow]) -> None:
        """Replace derived rows; one insert, all or nothing per block."""

    async def write_links(self, sightings: Sequence[Sighting]) -> None:
        """Insert links, each to be found by the identifier beside it. What was written as settled stays so."""

    async def read_readings(self, identifiers: Collection[str], limits: Limits) -> dict[str, Reading]:
        """What all links say about each identifier, with everything left out that a ``Reading`` may leave out."""

    async def read_neighbours(self, identifiers: Collection[str]) -> dict[str, frozenset[str]]:
        """By identifier: all others that links say something about beside it, however many."""

    async def read_linked(self, identifiers: Collection[str]) -> list[Touchpoint]:
        """The facts that carry one of these identifiers, and no user, but are filed under another; one per identity."""

    async def read_corrected(self, links: Sequence[Link]) -> set[bytes]:
        """By identity those of the touchpoints of which a link under their device has another time than the sender's
        clock gave."""

    async def read_filed(self, identifiers: Collection[str]) -> set[str]:
        """Those of the identifiers under which facts are found: as home, or as ``read_linked`` finds them."""

    async def write_identities(self, rows: Sequence[IdentityRow]) -> None:
        """Replace derived rows, as ``write_customers``."""

    async def write_decisions(self, decisions: Sequence[Decision]) -> None:
        """Insert what was decided."""

    async def read_decisions(self) -> Decisions:
        """What is decided now."""

    async def read_identifiers(self, after: str, limit: int) -> list[str]:
        """Identifiers that links say something about, in order: the first ``limit`` behind ``after``."""

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
