"""What a link says that was not known before, and whom that concerns (DESIGN 3.1, rules 3 to 5).

Two sets of readings are asked. Everything that can be read says who may have been folded as joined with whom. What
settled links alone say is what everybody concerned has been told already: by it a link is judged silent, and by it an
identifier counts as shared, or a group as too large, so that whatever *becomes* so tells everybody it used to join.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations

import msgspec

from stage_engine.identity.carried import Carried, carried
from stage_engine.identity.identifier import DEVICE, RECEIPT, is_device, is_user, kind_of
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link, Split
from stage_engine.identity.reading import Reading
from stage_engine.identity.resolve import Resolver, UnreadError


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a link concerns."""

    changed: frozenset[str] = frozenset()
    """Identifiers whose owners must look again."""
    met: frozenset[tuple[str, str]] = frozenset()
    """``(home, device)``: who may believe that they are alone on a device."""
    devices: frozenset[str] = frozenset()
    """On whom it tells of somebody."""


class Herald:
    """Judges links. Raises ``UnreadError`` like a ``Resolver``."""

    def __init__(self, limits: Limits, splits: Iterable[Split] = ()) -> None:
        splits = tuple(splits)
        self.all = Resolver(limits, splits)
        """By everything that can be read."""
        self.told = Resolver(limits, splits)
        """By what everybody concerned was told."""
        self._neighbours: dict[str, frozenset[str]] = {}

    def learn(self, readings: Mapping[str, Reading]) -> None:
        """As ``Resolver.learn``."""
        self.all.learn(readings)
        self.told.learn({identifier: reading.told() for identifier, reading in readings.items()})

    def learn_neighbours(self, neighbours: Mapping[str, frozenset[str]]) -> None:
        """Take all others that links say something about beside an identifier."""
        self._neighbours |= neighbours

    def news(self, links: Sequence[Link]) -> News:
        """What to tell because of links that carry the same identifiers; nothing when they say nothing new."""
        said = carried(links[0].identifiers)
        changed, met = frozenset[str](), frozenset[tuple[str, str]]()
        for link in links:
            changed = changed or self._changed(said, link)
            met = met or self._met(said, link)
            if met and changed:
                break
        devices = {device for _, device in met}
        return News(
            changed=frozenset(one for one in changed | devices if not self._is_shared(one)),
            met=frozenset((home, device) for home, device in met if home != said.home),
            devices=frozenset(devices),
        )

    def alone(self, link: Link) -> bool:
        """Whether only one set of people was ever identified on the link's device. To be asked after ``news``."""
        said = carried(link.identifiers)
        if self._is_shared(said.device):
            return False
        return len({mark.people for mark in self.all.reading(said.device).marks}) == 1

    def decided(self, identifiers: Iterable[str]) -> frozenset[str]:
        """Whom a decision about these identifiers concerns."""
        here = frozenset(identifiers)
        return self._concerned(here) | self._passed_on(here)

    def _concerned(self, here: frozenset[str]) -> frozenset[str]:
        """Whom an alias concerns, or a user that becomes shared: the aliased users, their contacts' groups, and the
        devices and receipts of all of these."""
        users = self._walk(one for one in here if is_user(one))
        contacts = {one for one in here if not is_user(one) and kind_of(one) not in (DEVICE, RECEIPT)}
        for reading in self.readings(users):
            contacts |= {other for other in reading.pairs if not is_user(other)}
        group = self._walk(contacts)
        seen = {other for reading in self.readings(group) for other in reading.pairs if is_user(other)}
        return here | users | group | seen | self.placed(users | group)

    def _changed(self, said: Carried, link: Link) -> frozenset[str]:
        people = (said.user, *said.contacts) if said.user else said.contacts
        if not said.alias:
            pairs = combinations(people, 2)
            if all(self.all.together(partial(self._is_known, *pair, link) for pair in pairs)):
                return frozenset()
        here = frozenset(filter(None, (*people, said.alias)))
        shared = self.all.together(partial(self._becomes_shared, one) for one in sorted(here))
        newly = frozenset(one for one, becomes in zip(sorted(here), shared, strict=True) if becomes)
        passed_on, regrouped = self._passed_on(newly), self._regrouped(newly)
        if said.alias or any(map(is_user, newly)):
            return self._concerned(here | regrouped) | passed_on
        group = self._walk(said.contacts) | frozenset(one for one in regrouped if not is_user(one))
        seen = {other for reading in self.readings(group) for other in reading.pairs if is_user(other)}
        return here | group | seen | self.placed(group) | passed_on

    def _is_known(self, one: str, other: str, link: Link) -> bool:
        """Whether everybody concerned knows that these two were seen together before the link, or does not care."""
        if kind_of(one) == RECEIPT:
            one, other = other, one
        if kind_of(one) == RECEIPT:
            return True
        ends = ((other, one),) if kind_of(other) == RECEIPT else ((one, other), (other, one))
        for end, far in ends:
            if not self._is_shared(end):
                pair = self.told.reading(end).pairs.get(far)
                return pair is not None and pair.settled is not None and pair.settled < link.order
        return True

    def _met(self, said: Carried, link: Link) -> frozenset[tuple[str, str]]:
        """Who is told that somebody else, or they themselves anew, were identified on a device."""
        devices = {device for device in (said.device, said.gone_device) if device and said.marks(device)}
        found: set[tuple[str, str]] = set()
        for device, homes in self.all.together(partial(self._news_on, device, said, link) for device in devices):
            found |= {(home, device) for home in homes}
        return frozenset(found)

    def _news_on(self, device: str, said: Carried, link: Link) -> tuple[str, set[str]]:
        """The homes of all marks on a device on which the link is news; none when it is not."""
        if self._is_shared(device):
            return device, set()
        marks = self.all.reading(device).marks
        if not any(mark.moved and mark.order[1:] == link.order[1:] for mark in marks):
            before = marks[: bisect_left(marks, link.order, key=lambda mark: mark.order)]
            if before and before[-1].settled and before[-1].people == said.marks(device):
                return device, set()
        return device, {said.home} | {carried(mark.order[3]).home for mark in marks}

    def _passed_on(self, identifiers: Iterable[str]) -> frozenset[str]:
        """Who may get the touchpoints of contacts that are shared from now on, or no longer: all that was ever seen
        with them, even where their group is too large to be joined."""
        return self.neighbours(one for one in identifiers if not is_user(one) and not is_device(one))

    def _regrouped(self, identifiers: Iterable[str]) -> frozenset[str]:
        """Who may be held together again because these are shared from now on, and their group no longer too large."""
        near = {other for reading in self.readings(identifiers) for other in reading.pairs}
        return frozenset().union(*self.all.together(partial(self._group_now, one) for one in sorted(near)))

    def _group_now(self, identifier: str) -> frozenset[str]:
        """Those with whom it is held together; nobody when it is shared, or stands alone."""
        if self.all.shared(identifier) or self.all.too_large(identifier):
            return frozenset()
        return self.all.group(identifier)

    def _becomes_shared(self, identifier: str) -> bool:
        return self.all.shared(identifier) and not self.told.shared(identifier)

    def _is_shared(self, identifier: str) -> bool:
        return self.told.shared(identifier)

    def _walk(self, starts: Iterable[str]) -> frozenset[str]:
        """The groups of these contacts, or users: on over links whether settled or not, but not on from anybody whose
        group is known to be too large, or who is known to be shared."""
        found: set[str] = set()
        waiting = set(starts)
        while waiting:
            groups = self.all.together(partial(self._told_group, one) for one in sorted(waiting))
            found |= waiting
            near = frozenset().union(*groups)
            found |= near
            waiting = set()
            for one, reading in zip(near, self.readings(near), strict=True):
                waiting |= {
                    other
                    for other, pair in reading.pairs.items()
                    if not pair.settled and is_user(other) == is_user(one) and not self.all.apart(one, other)
                }
            waiting -= found
        return frozenset(found)

    def _told_group(self, identifier: str) -> frozenset[str]:
        """Those whom settled links join with it; nobody, not even itself, when it is not to be gone on from."""
        if self._is_shared(identifier) or self.told.too_large(identifier):
            return frozenset()
        return self.told.group(identifier)

    def readings(self, identifiers: Iterable[str]) -> list[Reading]:
        """What was read of each, asking for all at once."""
        return self.all.together(partial(self.all.reading, one) for one in identifiers)

    def placed(self, people: Iterable[str]) -> frozenset[str]:
        """All devices and receipts that these users and contacts were seen with."""
        return frozenset(one for one in self.neighbours(people) if kind_of(one) in (DEVICE, RECEIPT))

    def neighbours(self, identifiers: Iterable[str]) -> frozenset[str]:
        """All that links say something about beside these, asking for all at once."""
        identifiers = frozenset(identifiers)
        if unread := identifiers - self._neighbours.keys():
            raise UnreadError(frozenset(), neighbours_of=unread)
        return frozenset().union(*(self._neighbours[one] for one in identifiers))
