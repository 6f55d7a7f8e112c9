"""The stores of the till simulator: where they are, what they take, how many tills they have."""

from __future__ import annotations

from typing import Final, NamedTuple
from zoneinfo import ZoneInfo


class Branch(NamedTuple):
    """One store."""

    store_id: str
    zone: ZoneInfo
    currencies: tuple[str, ...]
    """What it takes; the first nearly always."""
    prices_percent: int
    """Its prices, of those of the assortment."""
    tax_permille: int
    tax_included: bool
    """Whether prices have the tax in them; else it comes on top."""
    tills: int


_PLACES: Final = (
    Branch("milano", ZoneInfo("Europe/Rome"), ("EUR",), 100, 220, True, 3),
    Branch("torino", ZoneInfo("Europe/Rome"), ("EUR",), 100, 220, True, 2),
    Branch("zurich", ZoneInfo("Europe/Zurich"), ("CHF", "EUR"), 130, 81, True, 2),
    Branch("london", ZoneInfo("Europe/London"), ("GBP",), 90, 200, True, 3),
    Branch("wien", ZoneInfo("Europe/Vienna"), ("EUR",), 100, 200, True, 1),
    Branch("warszawa", ZoneInfo("Europe/Warsaw"), ("PLN", "EUR"), 430, 230, True, 2),
    Branch("boston", ZoneInfo("America/New_York"), ("USD",), 110, 62, False, 2),
    Branch("bari", ZoneInfo("Europe/Rome"), ("EUR",), 95, 220, True, 1),
)


def branches(count: int) -> list[Branch]:
    """So many stores: the first of each place, then the second of each, and so on."""
    return [
        place._replace(store_id=f"{place.store_id}-{number // len(_PLACES) + 1:02d}")
        for number in range(count)
        for place in (_PLACES[number % len(_PLACES)],)
    ]
