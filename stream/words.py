"""What a batch has to say to other owners: collected, each once, and appended to the log together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from stage_engine.identity.news import News
from stage_engine.touchpoint import Touchpoint
from stream.log.message import Assigned, Changed, Met, Refold, Word, address_of, encode_message, partition_of


class Words:
    """Messages for the log, by partition."""

    def __init__(self, database: str, partitions: int) -> None:
        self._database = database
        self._partitions = partitions
        self._said: dict[bytes, int] = {}
        self.counts: Counter[str] = Counter()
        """Messages by kind."""
        self.said_changed: set[str] = set()

    def tell(self, news: News) -> None:
        """Tell everybody whom a link concerns."""
        self.changed(news.changed)
        for home, device in news.met:
            self._say(Met(database=self._database, home=home, device=device))

    def changed(self, identifiers: Iterable[str]) -> None:
        """Have their owners look again whose they are."""
        for identifier in identifiers:
            self.said_changed.add(identifier)
            self._say(Changed(database=self._database, identifier=identifier))

    def refold(self, customers: Iterable[str]) -> None:
        """Have their owners fold them again."""
        for customer in customers:
            self._say(Refold(database=self._database, customer=customer))

    def refold_beside(self, identifier: str, customers: Collection[str]) -> set[str]:
        """As ``refold``, for those who live elsewhere than ``identifier``; returns the others."""
        here = self.partition_of(identifier)
        near = {customer for customer in customers if self.partition_of(customer) == here}
        self.refold(sorted(set(customers) - near))
        return near

    def assigned(self, customer: str, touchpoint: Touchpoint) -> None:
        """Pass a touchpoint on to whose it is."""
        self._say(Assigned(database=self._database, customer=customer, touchpoint=touchpoint))

    def by_partition(self) -> dict[int, list[bytes]]:
        """All of them, encoded, in the order in which they were said."""
        found: dict[int, list[bytes]] = {}
        for message, partition in self._said.items():
            found.setdefault(partition, []).append(message)
        return found

    def partition_of(self, identifier: str) -> int:
        """Where an identifier lives."""
        return partition_of(identifier, self._partitions)

    def _say(self, word: Word) -> None:
        message = encode_message(word)
        if message not in self._said:
            self._said[message] = self.partition_of(address_of(word))
            self.counts[type(word).__name__.lower()] += 1
