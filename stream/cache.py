"""Journeys of the customers seen last, so that most batches read nothing from the store."""

from __future__ import annotations

from collections import OrderedDict

from stream.advance import Journeys


class JourneyCache:
    """At most ``customers_max`` customers; the one untouched for longest goes first. Dropped with the partitions it
    belongs to."""

    def __init__(self, customers_max: int) -> None:
        self._customers_max = customers_max
        self._journeys: OrderedDict[str, Journeys] = OrderedDict()

    def __len__(self) -> int:
        return len(self._journeys)

    def get(self, customer_id: str) -> Journeys | None:
        """What is remembered of the customer; None when nothing is."""
        journeys = self._journeys.get(customer_id)
        if journeys is not None:
            self._journeys.move_to_end(customer_id)
        return journeys

    def keep(self, customer_id: str, journeys: Journeys) -> None:
        """Remember these, in place of what was remembered of the same customer."""
        self._journeys[customer_id] = journeys
        self._journeys.move_to_end(customer_id)
        if len(self._journeys) > self._customers_max:
            self._journeys.popitem(last=False)

    def forget(self, customer_id: str) -> None:
        """Read this customer's journeys again next time."""
        self._journeys.pop(customer_id, None)
