"""Who a touchpoint belongs to: a pure function of its identifiers and its time, from the links that these need.

Nothing is read here. What was read is given (``learn``), and what is still missing is named: ``UnreadError`` by a
question that cannot be answered yet, ``needs`` for many questions at once. So a batch takes a few rounds::

    questions = [partial(resolver.customer, touchpoint.identifiers, touchpoint.occurred_at) for touchpoint in batch]
    while needed := resolver.needs(questions):
        resolver.learn(await read(needed))
    customers = [question() for question in questions]

Readings go from a contact to contacts and users, from a user to users, from a device to the people marked on it. They
never go on from a shared identifier, nor come to a device or a receipt's own key that the touchpoint does not carry.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, TypeVar

from stage_engine.identity.carried import carried
from stage_engine.identity.identifier import RECEIPT, is_device, is_user, kind_of, names
from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Split
from stage_engine.identity.reading import Mark, Reading
from stage_engine.touchpoint import OrderKey

NOBODY: Final = ""
"""The customer of a touchpoint that belongs to nobody."""
EVER: Final = 0
"""Where the first stretch of an identifier begins: before every touchpoint (milliseconds since 1970)."""

Answer = TypeVar("Answer")

Stretches = tuple[tuple[int, str], ...]
"""``(valid_from, customer_id)`` in order of time; the first is valid from ``EVER``, neighbours differ."""


class UnreadError(LookupError):
    """The answer needs readings that were not given yet, or all neighbours of some identifiers."""

    def __init__(self, identifiers: frozenset[str], neighbours_of: frozenset[str] = frozenset()) -> None:
        super().__init__(identifiers, neighbours_of)
        self.identifiers = identifiers
        self.neighbours_of = neighbours_of

    def __str__(self) -> str:
        return f"not read yet: {', '.join(sorted(self.identifiers | self.neighbours_of))}"


class Resolver:
    """The rules of DESIGN section 2 over one set of readings. Answers follow from limits, splits and readings alone;
    what was answered is remembered, so a changed reading wants a new resolver."""

    def __init__(self, limits: Limits, splits: Iterable[Split] = ()) -> None:
        self.limits: Final = limits
        self._apart = {frozenset((split.one, split.other)) for split in splits if not split.revoked}
        self._readings: dict[str, Reading] = {}
        self._shared: dict[str, bool] = {}
        self._survivors: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._groups: dict[str, frozenset[str] | None] = {}
        self._stretches: dict[str, Stretches] = {}

    def learn(self, readings: Mapping[str, Reading]) -> None:
        """Take what was read: for an identifier without links, ``NOTHING``."""
        self._readings |= readings

    def needs(self, questions: Iterable[Callable[[], object]]) -> frozenset[str]:
        """The identifiers to be read before these questions can be answered, as far as can be told yet. Empty: all can
        be."""
        try:
            self.together(questions)
        except UnreadError as unread:
            return unread.identifiers
        return frozenset()

    def together(self, questions: Iterable[Callable[[], Answer]]) -> list[Answer]:
        """The answers. Raises one ``UnreadError`` for all that cannot be answered yet, so that they share a round."""
        answers: list[Answer] = []
        unread: set[str] = set()
        neighbours_of: set[str] = set()
        for question in questions:
            try:
                answers.append(question())
            except UnreadError as error:
                unread |= error.identifiers
                neighbours_of |= error.neighbours_of
        if unread or neighbours_of:
            raise UnreadError(frozenset(unread), frozenset(neighbours_of))
        return answers

    def customer(self, identifiers: tuple[str, ...], occurred_at: int) -> str:
        """The customer that a touchpoint with these identifiers at this time belongs to; ``NOBODY`` when it is
        left without an identifier."""
        said = carried(identifiers)
        if said.user:
            return self.survivor(said.user)
        self._read(said.contacts)
        for contact in said.contacts:
            if owner := self.owner(contact):
                return owner
        if not said.device:
            return NOBODY
        return whose_at(self.stretches(said.device), occurred_at)

    def stretches(self, identifier: str) -> Stretches:
        """Whose the identifier is, and since when. Only a device's changes with time."""
        if is_user(identifier):
            return ((EVER, self.survivor(identifier)),)
        if not is_device(identifier):
            return ((EVER, self.owner(identifier)),)
        if identifier not in self._stretches:
            self._stretches[identifier] = self._device(identifier)
        return self._stretches[identifier]

    def shared(self, identifier: str) -> bool:
        """Rule 4: seen with too many other users, or contacts of one kind. Counted on identifiers as sent; a split
        changes nothing here, and receipts' own keys do not count: a person may claim any number of them."""
        if identifier not in self._shared:
            if identifier in self.limits.blocked or identifier in self.limits.allowed:
                return identifier in self.limits.blocked
            pairs, values_max = self.reading(identifier).pairs, self.limits.values_max_for(identifier)
            self._shared[identifier] = (
                len(pairs) > values_max and max(Counter(map(kind_of, pairs)).values()) > values_max
            )
        return self._shared[identifier]

    def survivor(self, user: str) -> str:
        """The user that ``user`` is today: of users connected by aliases, the one that the newest alias names. A shared
        user's aliases say nothing."""
        if user not in self._survivors:
            if self.shared(user):
                return user
            group = self.group(user)
            survivor = self._newest_named(group) if len(group) > 1 else user
            self._survivors |= dict.fromkeys(group, survivor)
        return self._survivors[user]

    def owner(self, contact: str) -> str:
        """Rules 2, 4 and 5: the user first seen with any contact of the group; else the group, named after its
        smallest contact. ``NOBODY`` for a shared contact and for the key of a receipt that nobody claimed."""
        if contact not in self._owners:
            if self.shared(contact):
                return NOBODY
            group = self.group(contact)
            owner = self._first_user(group) or min(filter(names, group), default=NOBODY)
            # a receipt's own key may belong to several groups, which it does not make one
            self._owners |= dict.fromkeys([contact] if kind_of(contact) == RECEIPT else group, owner)
        return self._owners[contact]

    def group(self, identifier: str) -> frozenset[str]:
        """The contacts that are one person with a contact, or the users that aliases connect with a user, itself
        included; alone when they are too many. Not asked about a shared one. A receipt's own key is led to its
        claimants, and nobody is led to it."""
        return self._connected(identifier) or frozenset((identifier,))

    def too_large(self, identifier: str) -> bool:
        """Whether an unshared contact or user stands alone because its group is past the bound."""
        return self._connected(identifier) is None

    def marked(self, device: str) -> list[tuple[OrderKey, str]]:
        """Who was identified on a device, in total order: of each mark the user or, without one, the smallest contact
        that counts. Marks on a shared device, or of nobody that counts, are left out."""
        if self.shared(device):
            return []
        marks = self.reading(device).marks
        self._read({one for mark in marks for one in mark.people})
        named = ((mark.order, self._identified(device, mark)) for mark in marks)
        return [(order, person) for order, person in named if person]

    def apart(self, one: str, other: str) -> bool:
        """Rule 6: whether a split makes every direct link between the two count for nothing."""
        return bool(self._apart) and frozenset((one, other)) in self._apart

    def reading(self, identifier: str) -> Reading:
        """What was read of it. Raises ``UnreadError`` when nothing was given."""
        try:
            return self._readings[identifier]
        except KeyError:
            raise UnreadError(frozenset((identifier,))) from None

    def _read(self, identifiers: Iterable[str]) -> None:
        """Ask for all of them at once; of a blocked one nothing needs to be known."""
        blocked = self.limits.blocked
        if unread := frozenset(one for one in identifiers if one not in self._readings and one not in blocked):
            raise UnreadError(unread)

    def _connected(self, start: str) -> frozenset[str] | None:
        """All unshared users, or contacts, that links lead to from ``start``, which is one; None when they are more
        than the bound."""
        if start not in self._groups:
            bound = self.limits.group_max + (not names(start))  # a receipt's own key is not counted
            found = self._reached(start, bound)
            # whoever is reached is reached by the same, but a receipt's own key by nobody
            members = (start, *found) if names(start) else (start,)
            self._groups |= dict.fromkeys(members, frozenset(found) if len(found) <= bound else None)
        return self._groups[start]

    def _reached(self, start: str, bound: int) -> set[str]:
        """Those, or some of them that are more than the bound: it asks for no more than may still be needed to know."""
        found: set[str] = set()
        met, waiting = {start}, [start]
        while waiting and len(found) <= bound:
            room = bound + 1 - len(found)
            taken, waiting = waiting[:room], waiting[room:]
            self._read(taken)
            for one in taken:
                if not self.shared(one):
                    found.add(one)
                    alike = {other for other in self.reading(one).pairs if is_user(other) == is_user(start)} - met
                    near = [other for other in sorted(alike) if not self.apart(one, other)]
                    met.update(near)
                    waiting += near
        return found

    def _newest_named(self, users: frozenset[str]) -> str:
        """Of several users that aliases connect."""
        aliases = [
            (pair.newest, pair.into)
            for user in users
            for other, pair in self.reading(user).pairs.items()
            if other in users and not self.apart(user, other)
        ]
        return max(aliases)[1]

    def _first_user(self, group: Iterable[str]) -> str:
        """Today's user of the unshared one first seen with any of these contacts; ``""`` for none."""
        seen = [
            (pair.first, user)
            for contact in group
            for user, pair in self.reading(contact).pairs.items()
            if is_user(user) and not self.apart(contact, user)
        ]
        return next((self.survivor(user) for _, user in sorted(seen) if not self.shared(user)), "")

    def _identified(self, device: str, mark: Mark) -> str:
        return next((one for one in mark.people if not self.shared(one) and not self.apart(device, one)), "")

    def _device(self, device: str) -> Stretches:
        """Rule 3: before the first mark its person; from a mark on the mark's, of several in one millisecond the last
        one's; without any the device itself. A shared device is nobody's."""
        if self.shared(device):
            return ((EVER, NOBODY),)
        marks = [(order[0], person) for order, person in self.marked(device)]
        if not marks:
            return ((EVER, device),)
        people = dict.fromkeys(person for _, person in marks)
        whose = dict(zip(people, self.together(partial(self._person, one) for one in people), strict=True))
        stretches = [(EVER, whose[marks[0][1]])]
        for at, person in dict(marks).items():
            if whose[person] != stretches[-1][1]:
                stretches.append((at, whose[person]))
        return tuple(stretches)

    def _person(self, identifier: str) -> str:
        return self.survivor(identifier) if is_user(identifier) else self.owner(identifier)


def whose_at(stretches: Stretches, occurred_at: int) -> str:
    """The customer at a time."""
    return stretches[bisect_right(stretches, occurred_at, key=lambda stretch: stretch[0]) - 1][1]
