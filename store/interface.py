"""What a worker asks of the store. ClickHouse answers it over HTTP (``store.clickhouse``); facts are a set, derived
rows are replaced by a version that is not lower.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Final, Literal, Protocol

import msgspec

from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link, Split
from stage_engine.identity.reading import Reading
from stage_engine.identity.resolve import Stretches
from stage_engine.journey import Journey
from stage_engine.reads import Reads
from stage_engine.touchpoint import Placed, Touchpoint
from store.rejected import Refused
from store.stage_change import StageChange


class StoreError(Exception):
    """The store refused a statement: it will refuse it again. The message carries what it said."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached just now: wait and try again."""


class UnwritableRowError(StoreError):
    """A value in these rows can never be written, whatever the state of the store: part them and write the others."""


class State(IntEnum):
    """What becomes of the rows of a generation. It never goes back."""

    REBUILDING = 1
    """They are being folded."""
    SERVING = 2
    """They are what the views show."""
    GONE = 3
    """They are no longer folded, and may be dropped."""


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One fold of the whole history under one model. Rows of a generation that is not listed serve."""

    model: str
    number: int
    """A rebuild's own; 0 for what was folded first."""
    version: str
    """Hash of what the model means, as of the code that began it."""
    text: str
    """The model's file."""
    state: State

    @property
    def key(self) -> str:
        """Tells it from all others."""
        return generation_key(self.model, self.number)


def generation_key(model: str, number: int) -> str:
    """The model's name, behind it the number if that is not 0."""
    return f"{model} {number}" if number else model


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of customers are meant: those of a generation, folded under a version of its model."""

    model: str
    generation: int
    version: str


PROGRESS_END: Final = 2**32
"""How far a rebuild gets: customers have places from 0 to below this, by a hash of the store's own."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a rebuild is with the customers of one partition; replaces what was less far."""

    generation: int
    partition: int
    begun_at: int
    """Offset of the message that began it there."""
    done: int
    """Customers with a place below this are folded; ``PROGRESS_END`` when all are."""
    customers: int
    """How many that were."""


class Standing(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a customer's row says of where their history is."""

    customer_id: str
    gone: bool
    """Nothing is left of them."""
    own: bool
    """All of it is filed under their own identifier."""


OFFSET_BITS: Final = 48
"""Of a version: behind them is the epoch."""


class CustomerRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All that is derived about one customer under one model; replaces the row of the same generation and of a version
    that is not higher."""

    customer_id: str
    model: str
    generation: int = 0
    model_version: str
    stages: tuple[str, ...]
    """The model's stages in its order, first to furthest: tells the views the highest stage reached at any moment."""
    version: int
    """``epoch << 48 | offset`` of the record it was written for."""
    journey: Journey | None
    """None: there is nothing left of this customer (a tombstone)."""

    @property
    def key(self) -> str:
        """``Generation.key`` of its generation."""
        return generation_key(self.model, self.generation)


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
        self, customer_ids: Collection[str], wanted: Collection[Fold]
    ) -> dict[tuple[str, Fold], Journey | None]:
        """Journeys by customer and what was wanted; None for a tombstone, absent without a row. Whatever the version of
        a tombstone's model, there is nothing left."""

    async def read_standings(
        self, of: Fold, begin: int, end: int, partitions: Collection[int], partitions_count: int
    ) -> list[Standing]:
        """The customers with rows of a generation (whatever the version of its model) and a place from ``begin`` to
        below ``end`` who live in these partitions, in the order of their places, in which their facts lie side by
        side."""

    async def read_filed_between(
        self, begin: int, end: int, partitions: Collection[int], partitions_count: int, reads: Reads
    ) -> dict[str, list[Placed]]:
        """The facts by the home that they are filed under, for all homes with a place from ``begin`` to below ``end``
        that live in these partitions; copies may be there. What only conditions read is left empty where ``reads``
        does not name it."""

    async def count_standings(self, of: Fold) -> tuple[int, int]:
        """How many customers have rows of a generation, tombstones left out, and how many touchpoints these have."""

    async def read_models(self) -> list[Generation]:
        """All generations that were ever written, each as it is now."""

    async def write_models(self, generations: Sequence[Generation]) -> None:
        """Add generations, or carry them to a later state: all at once, for every view at the same moment."""

    async def drop_generations(self, gone: Sequence[Generation]) -> None:
        """Delete their rows of customers."""

    async def read_modelled(self) -> set[tuple[str, int]]:
        """The models and generations under which there are rows of customers."""

    async def read_progress(self, generation: int) -> list[Progress]:
        """How far a rebuild is, by partition in which it has begun."""

    async def write_progress(self, progress: Sequence[Progress]) -> None:
        """Keep it, unless it was further already."""

    async def read_touchpoints(self, homes: Collection[str]) -> dict[str, list[Touchpoint]]:
        """The facts filed under each home, one per identity (the copy that counts), in no particular order."""

    async def write_customers(self, rows: Sequence[CustomerRow]) -> None:
        """Replace derived rows; one insert, all or nothing per block."""

    async def write_stage_changes(self, changes: Sequence[StageChange]) -> None:
        """Insert what is said of stage visits; the same thing said again at the same version is one row."""

    async def read_last_said(self, customer_ids: Collection[str]) -> dict[tuple[str, str], dict[str, StageChange]]:
        """By customer and model, and by ``visit_id``: what counts of all that was said (``StageChange.comes_last``);
        ``corrects`` is left out."""

    async def read_versioned(
        self, customer_ids: Collection[str], wanted: Collection[Fold]
    ) -> dict[tuple[str, Fold], tuple[int, Journey | None]]:
        """As ``read_journeys``, with the version of each row."""

    async def read_due(
        self, since: int, until: int, partitions: Collection[int], partitions_count: int, after: str, limit: int
    ) -> list[str]:
        """Customers who live in these partitions and to whom silence brings a visit after ``since``, and at ``until``
        at the latest (milliseconds since 1970 UTC), as any row of theirs says, also one that no longer counts. In
        order, the first ``limit`` behind ``after``."""

    async def read_customers(
        self, partitions: Collection[int], partitions_count: int, after: str, limit: int
    ) -> list[str]:
        """Customers who live in these partitions and have a row, or of whom something was said. In order, the first
        ``limit`` behind ``after``."""

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
