"""What a touchpoint says about identifiers by carrying them together."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from stage_engine.identity.identifier import DEVICE, PREVIOUS, RECEIPT, USER, kind_of, names


class Carried(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The identifiers of one touchpoint by what they do, ``kind:value``, ``""`` for none."""

    user: str
    contacts: tuple[str, ...]
    """In byte order, receipts' own keys last: the first is the home of a touchpoint without a user."""
    device: str
    previous: str
    """Of an alias: the value alone, for it may be a user's or a device's."""

    @property
    def home(self) -> str:
        """The identifier that the touchpoint is filed under, as ``Touchpoint.home``."""
        return self.user or (self.contacts[0] if self.contacts else self.device)

    @property
    def alias(self) -> str:
        """The user that goes into this one, ``""`` when it is no alias of users. An alias whose previous id is the
        touchpoint's own device's, or the user itself, tells nothing of another user."""
        previous = f"{USER}:{self.previous}"
        own = previous == self.user or f"{DEVICE}:{self.previous}" == self.device
        return "" if own or not (self.previous and self.user) else previous

    @property
    def gone_device(self) -> str:
        """The device that an alias identifies by its previous id, ``""`` for none."""
        return f"{DEVICE}:{self.previous}" if self.previous and self.user else ""

    @property
    def people(self) -> tuple[str, ...]:
        """Whoever is named: the user first, then the contacts; receipts' own keys name nobody."""
        contacts = tuple(filter(names, self.contacts))
        return (self.user, *contacts) if self.user else contacts

    def seen_with(self, identifier: str) -> tuple[str, ...]:
        """The users and contacts, other than receipts' own keys, that ``identifier`` was seen with. The previous id of
        an alias was seen with its user only: as a user, and as a device."""
        if identifier == self.user:
            return (*self.people[1:], self.alias) if self.alias else self.people[1:]
        if identifier == self.device or identifier in self.contacts:
            return tuple(one for one in self.people if one != identifier)
        return (self.user,) if identifier in (self.alias, self.gone_device) else ()

    def lends(self, identifier: str) -> bool:
        """Whether the touchpoint, filed under another, may belong to whoever ``identifier`` stands for."""
        return not self.user and identifier != self.home

    @property
    def about(self) -> tuple[str, ...]:
        """All identifiers that it says something about: the previous id as a user and as a device."""
        named = (self.user, *self.contacts, self.device, self.alias, self.gone_device)
        return tuple(dict.fromkeys(filter(None, named)))

    def marks(self, device: str) -> tuple[str, ...]:
        """Who was identified on ``device``; empty when nobody was."""
        if device == self.device:
            return self.people
        return (self.user,) if device == self.gone_device else ()


@lru_cache(maxsize=50_000)
def carried(identifiers: tuple[str, ...]) -> Carried:
    """Tell the identifiers of a touchpoint apart. Remembers the answers: a link is asked about again and again."""
    user = device = previous = ""
    contacts, receipts = [], []
    for identifier in identifiers:
        kind = kind_of(identifier)
        if kind == USER:
            user = identifier
        elif kind == DEVICE:
            device = identifier
        elif kind == PREVIOUS:
            previous = identifier[len(PREVIOUS) + 1 :]
        elif kind == RECEIPT:
            receipts.append(identifier)
        else:
            contacts.append(identifier)
    return Carried(user=user, contacts=(*sorted(contacts), *sorted(receipts)), device=device, previous=previous)
