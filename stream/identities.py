"""Who is who, for a worker: readings by rounds, what of links need not be asked again, and whom a link concerns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace

from stage_engine.identity.carried import Carried, carried
from stage_engine.identity.identifier import is_receipt
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link, link_at
from stage_engine.identity.news import News, by_identifiers
from stage_engine.identity.reading import is_part
from stage_engine.identity.resolve import EVER, NOBODY, Stretches
from stage_engine.touchpoint import Placed
from store.asking import Asking, fresh_asking
from store.interface import Sighting, Store
from stream.cache import Cache
from stream.patience import Patience

UNROUTED: Final[Stretches] = ()
UNCERTAIN: Final[Stretches] = ((EVER, NOBODY),)
CACHED_MAX: Final = 200_000
"""Devices, groups of identifiers and homes that are remembered, each; about 300 bytes."""
TOLD_MAX: Final = 100_000
"""Identifiers with news, and those whose word is on its way, that are remembered, each; about 300 bytes."""


class Identities:
    """What a worker remembers of who is who. All of it could be read again."""

    def __init__(self, store: Store, limits: Limits, patience: Patience) -> None:
        self._store = store
        self._limits = limits
        self._patiently = patience
        self._alone: Cache[str, tuple[str, ...]] = Cache(CACHED_MAX)
        """By device: the only people that were ever identified on it, as the touchpoint that named most of them has
        them."""
        self._known: Cache[tuple[str, ...], int] = Cache(CACHED_MAX)
        """By identifiers other than devices: when a settled link of theirs was."""
        self._whose: Cache[str, Stretches] = Cache(CACHED_MAX)
        """By home, if it is not shared: whose its touchpoints are."""
        self._told: Cache[str, Stretches] = Cache(TOLD_MAX)
        """By identifier of which a link said something new: by whose stretches all its touchpoints were routed or
        folded, ``UNROUTED`` when none was yet."""

        self._foreseen: Cache[str, Stretches] = Cache(TOLD_MAX)
        """Whose identifiers will be, when the word comes that they have changed, if nobody else says so, too."""
        self._said: Counter[str] = Counter()
        """How many such words of the worker's own are on their way to itself."""

    async def asking(self, *, unshared: Collection[str] = ()) -> Asking:
        """A fresh start: what is read from now on sees all that was written before. ``unshared`` as for
        ``fresh_asking``."""
        return await fresh_asking(self._store, self._limits, self._patiently, unshared=unshared)

    def sightings(self, links: Iterable[Link]) -> list[Sighting]:
        """What to insert before anything is read: for a link that says nothing new as far as is remembered, only where
        its mark and its touchpoint are looked for."""
        rows: list[Sighting] = []
        for link in links:
            said = carried(link.identifiers)
            if self.is_known(link, said):
                settled = replace(link, settled=True)
                found_by = {said.device} if said.people else set()
                if not said.user:  # a receipt's own key leads on to the device as long as nobody claims it
                    found_by |= {one for one in said.about if one != said.home or is_receipt(one)}
                rows += [(one, settled) for one in found_by if one]
            else:
                rows += [(one, link) for one in said.about]
        return rows

    @staticmethod
    def traces(placed: Iterable[Placed]) -> list[Sighting]:
        """Where a copy of a touchpoint is looked for that only a device places: a clock was corrected, and at another
        time the device may be somebody else's. One that names people is found as a link."""
        corrected = (link_at(order) for order, _, _ in placed if order[0] != order[4])
        return [
            (said.device, link) for link in corrected if (said := carried(link.identifiers)).device and not said.people
        ]

    def is_known(self, link: Link, said: Carried) -> bool:
        """Whether a link is silent (rule 3), by what is remembered alone."""
        if said.previous:
            return False
        people = named(said)
        if len(people) > 1:
            first = self._known.get(people)
            if first is None or not first < link.occurred_at:
                return False
        return not said.device or not said.people or is_part(said.people, self._alone.get(said.device) or ())

    def unknown(self, links: Iterable[Link]) -> list[Link]:
        """Those that are not known to be silent. New identifiers among theirs are asked about from now on."""
        found = [link for link in links if not self.is_known(link, carried(link.identifiers))]
        for link in found:
            for one in carried(link.identifiers).about:
                if self._told.get(one) is None:
                    self._told.keep(one, UNROUTED)
        return found

    def is_expected(self, home: str) -> bool:
        """Whether its owner was told, or will be, that it has changed."""
        return self._told.get(home) is not None

    def routed(self, home: str, stretches: Stretches, *, first: bool) -> None:
        """Touchpoints of a home went to whose they are by ``stretches``; ``first``: no other ever did."""
        before = self._told.get(home)
        if before == UNROUTED:
            if first:
                self._told.keep(home, stretches)
        elif before is not None and before != stretches:
            self._told.keep(home, UNCERTAIN)
            self._foreseen.forget(home)

    def all_went(self, identifier: str, stretches: Stretches, words: int) -> bool:
        """The worker was told, so often, that an identifier has changed, and by now it is whose these stretches say.
        Whether all touchpoints filed under it, if any, are known to have gone there. From now on they have, or at least
        nothing is known any longer: whose it is may have changed and changed back since they went, and who got them may
        have looked in between. That takes two words, and one of them is heeded."""
        before = self._told.get(identifier)
        went = words == 1 and before == stretches and all(customer != NOBODY for _, customer in stretches)
        self._told.keep(identifier, UNCERTAIN if went else stretches)
        return went

    async def news(self, unknown: Sequence[Link], asking: Asking) -> News:
        """What ``unknown`` links say. They must have been inserted."""
        herald = asking.herald
        judgements = await asking.answers([partial(herald.judged, alike) for alike in by_identifiers(unknown)])
        [news] = await asking.answers([partial(herald.news, judgements)])
        return news

    async def settle(self, links: Sequence[Link], asking: Asking) -> None:
        """Mark links as settled: what they say must be in the log."""
        settled = [replace(link, settled=True) for link in links]
        rows: list[Sighting] = []
        for link in settled:
            said = carried(link.identifiers)
            rows += [(one, link) for one in said.about if said.seen_with(one)]
        if rows:
            await self._patiently(partial(self._store.write_links, rows))
        for link in settled:
            said = carried(link.identifiers)
            if len(people := named(said)) > 1:
                before = self._known.get(people)
                self._known.keep(people, link.occurred_at if before is None else min(before, link.occurred_at))
            if said.device and said.people and (alone := asking.herald.alone(link)):
                self._alone.keep(said.device, alone)

    def whose(self, home: str) -> Stretches | None:
        """Whose the touchpoints of a home are, if that is remembered."""
        return self._whose.get(home)

    def remember(self, home: str, stretches: Stretches) -> None:
        """Until ``forget``: not for a shared home, whose owner is told nothing."""
        self._whose.keep(home, stretches)

    def foresee(self, identifier: str, stretches: Stretches) -> bool:
        """When the worker's own word comes that it has changed, whose it is will be this, and nothing else to do: not
        when touchpoints of it went elsewhere already."""
        if self._told.get(identifier) not in (None, UNROUTED, stretches):
            return False
        for cache in (self._told, self._whose, self._foreseen):
            cache.keep(identifier, stretches)
        return True

    def said(self, changed: Iterable[str], foreseen: Collection[str]) -> None:
        """The worker tells itself that these have changed. Of those that are not ``foreseen`` now nothing is."""
        for identifier in changed:
            self._said[identifier] += 1
            if identifier not in foreseen:
                self._foreseen.forget(identifier)

    def lives(self, customers: Iterable[str]) -> None:
        """These have journeys, whatever was foreseen."""
        for customer in customers:
            self._foreseen.forget(customer)

    def stepped(self, customers: Iterable[str]) -> None:
        """Touchpoints of these were taken for their own, while it may have been foreseen that they are others': where
        all they do is to take something back they are no journey."""
        for customer in customers:
            self.routed(customer, ((EVER, customer),), first=False)

    def heard(self, changed: Mapping[str, int]) -> dict[str, Stretches]:
        """The worker was told, so often, that these have changed: forget whose they were. Returns whose those are of
        which that was foreseen, when it told itself: of what others know of, one word at least comes after all of the
        worker's own, and is not foreseen."""
        found: dict[str, Stretches] = {}
        for identifier, count in changed.items():
            foreseen = self._foreseen.get(identifier)
            if foreseen is not None and count <= self._said[identifier]:
                found[identifier] = foreseen
            else:
                self._foreseen.forget(identifier)
                self._whose.forget(identifier)
            self._said[identifier] -= count
            if self._said[identifier] <= 0:
                del self._said[identifier]
                self._foreseen.forget(identifier)
        return found

    def forget_alone(self, device: str) -> None:
        """Somebody else was identified on it."""
        self._alone.forget(device)


def named(said: Carried) -> tuple[str, ...]:
    """All that a link names but devices."""
    return (said.user, *said.contacts) if said.user else said.contacts
