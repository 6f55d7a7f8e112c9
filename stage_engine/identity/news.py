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
from stage_engine.identity.reading import Reading, is_part
from stage_engine.identity.resolve import Resolver, UnreadError


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a link concerns."""

    changed: frozenset[str] = frozenset()
    """Identifiers whose owners must look again."""
    met: frozenset[tuple[str, str]] = frozenset()
    """``(home, device)``: who may believe that they are alone on a device."""
    devices: frozenset[str] = frozenset()
    """On whom it tells of somebody."""


class Judgement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What links that carry the same say by themselves."""

    said: Carried
    joins: bool
    """Whether they join what was not known to be joined."""
    met: frozenset[tuple[str, str]]
    """As of ``News``, with their own home."""


def by_identifiers(links: Iterable[Link]) -> list[list[Link]]:
    """Those that carry the same together: they say the same, if anything."""
    alike: dict[tuple[str, ...], list[Link]] = {}
    for link in links:
        alike.setdefault(link.identifiers, []).append(link)
    return list(alike.values())


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

    def judged(self, links: Sequence[Link]) -> Judgement:
        """Of links that carry the same: whether one of them joins what was not known to be joined, and whom one of them
        meets on a device."""
        said = carried(links[0].identifiers)
        joins, met = False, frozenset[tuple[str, str]]()
        for link in links:
            joins = joins or self._joins(said, link)
            met = met or self._met(said, link)
            if met and joins:
                break
        return Judgement(said=said, joins=joins, met=met)

    def news(self, judgements: Iterable[Judgement]) -> News:
        """What to tell because of links that were judged; nothing where they say nothing new. Of many at once it costs
        little more than of one, for whoever they concern together is looked for once."""
        judgements = list(judgements)
        changed = self._changed([one.said for one in judgements if one.joins])
        devices = {device for one in judgements for _, device in one.met}
        return News(
            changed=frozenset(one for one in changed | devices if not self._is_shared(one)),
            met=frozenset((home, device) for one in judgements for home, device in one.met if home != one.said.home),
            devices=frozenset(devices),
        )

    def alone(self, link: Link) -> tuple[str, ...]:
        """The only people that were ever identified on the link's device, ``()`` when there are several. To be asked
        after ``news``."""
        device = carried(link.identifiers).device
        if self._is_shared(device):
            return ()
        marks = self.all.reading(device).marks
        most = max((mark.people for mark in marks), key=len, default=())
        return most if all(is_part(mark.people, most) for mark in marks) else ()

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

    def _joins(self, said: Carried, link: Link) -> bool:
        people = (said.user, *said.contacts) if said.user else said.contacts
        pairs = combinations(people, 2)
        return bool(said.alias) or not all(self.all.together(partial(self._is_known, *pair, link) for pair in pairs))

    def _changed(self, joining: Sequence[Carried]) -> frozenset[str]:
        """Whom touchpoints concern that join what was not known to be joined."""
        joined = [frozenset(filter(None, (said.user, *said.contacts, said.alias))) for said in joining]
        here = frozenset[str]().union(*joined)
        shared = self.all.together(partial(self._becomes_shared, one) for one in sorted(here))
        newly = frozenset(one for one, becomes in zip(sorted(here), shared, strict=True) if becomes)
        far, near = frozenset[str](), frozenset[str]()
        for said, some in zip(joining, joined, strict=True):
            if said.alias or any(map(is_user, some & newly)):
                far |= some
            else:
                near |= some
        regrouped = self._regrouped(newly)
        group = self._walk(one for one in near | regrouped if not is_user(one))
        seen = {other for reading in self.readings(group) for other in reading.pairs if is_user(other)}
        concerned = self._concerned(far | regrouped) if far else frozenset[str]()
        told = here | group | seen | self.placed(group)
        return (told - self._owners(near | seen, group)) | concerned | self._passed_on(newly)

    def _owners(self, identifiers: Iterable[str], group: Iterable[str]) -> frozenset[str]:
        """The users among these who own all contacts of the group that they were seen with, and with these whatever
        they are held together with: they lose nothing, and what they gain is filed under a contact or device, whose
        owner has them folded again."""
        contacts = sorted(group)
        owners = self.all.together(partial(self._owner_of_all, one) for one in contacts)
        seen_by = [(owner, reading.pairs) for owner, reading in zip(owners, self.readings(contacts), strict=True)]
        users = filter(is_user, identifiers)
        return frozenset(one for one in users if all(owner == one for owner, pairs in seen_by if one in pairs))

    def _owner_of_all(self, contact: str) -> str:
        """The user who owns a contact and its group, ``""`` when there is none or the group is too large to be one."""
        owner = self.all.owner(contact)
        return owner if owner and not self.all.too_large(contact) else ""

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
            if before and before[-1].settled and is_part(said.marks(device), before[-1].people):
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
