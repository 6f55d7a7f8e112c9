"""What the store directory says of a store, and how that becomes rows of ``stores``. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from store.column import Column


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One store; empty or None where the directory says nothing."""

    store_id: str
    """As receipts name it."""
    name: str = ""
    street: str = ""
    place: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    """ISO 3166, two letters."""
    time_zone: str = ""
    opened_on: date | None = None
    closed_on: date | None = None
    opening_hours: str = ""
    latitude: float | None = None
    longitude: float | None = None


FIELDS: Final = Listing.__struct_fields__
"""Columns of ``stores``, and of the file that is loaded."""
_TYPES: Final = {
    "country": "LowCardinality(String)",
    "time_zone": "LowCardinality(String)",
    "opened_on": "Nullable(Date32)",
    "closed_on": "Nullable(Date32)",
    "latitude": "Nullable(Float64)",
    "longitude": "Nullable(Float64)",
}
"""Of those that are not just text."""


class ListingChange(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``stores``: of those of one store the last counts."""

    listing: Listing
    is_removed: bool = False
    """The store is no longer in the directory."""
    updated_at: int
    """Microseconds since 1970 UTC."""


def listing_changes(
    known: Mapping[str, Listing], loaded: Mapping[str, Listing], *, replace: bool, updated_at: int
) -> list[ListingChange]:
    """What makes of the directory as it is the one that is loaded: nothing for a store that stays the same. With
    ``replace`` the stores that are not loaded go."""
    written = [one for store_id, one in loaded.items() if known.get(store_id) != one]
    gone = [one for store_id, one in known.items() if replace and store_id not in loaded]
    return [
        *(ListingChange(listing=one, updated_at=updated_at) for one in written),
        *(ListingChange(listing=one, is_removed=True, updated_at=updated_at) for one in gone),
    ]


def listing_columns(changes: Sequence[ListingChange]) -> list[Column]:
    """Of ``stores``."""
    return [
        *(Column(name, _TYPES.get(name, "String"), [getattr(one.listing, name) for one in changes]) for name in FIELDS),
        Column("is_removed", "UInt8", [int(one.is_removed) for one in changes]),
        Column("updated_at", "DateTime64(6, 'UTC')", [one.updated_at for one in changes]),
    ]
