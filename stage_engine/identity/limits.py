"""How much an identifier may join before it joins nothing."""

from __future__ import annotations

from typing import Final

import msgspec

from stage_engine.identity.identifier import USER, kind_of

VALUES_MAX: Final = 5
"""Other users, or contacts of one kind, that one identifier may be seen with: a family shares a card, a shop floor
shares a tablet."""
USER_VALUES_MAX: Final = 20
"""The same for a user: a person changes e-mail addresses and cards over the years."""
GROUP_MAX: Final = 100
"""Contacts, or aliased users, that are held together: nobody has so many, and a group is read as a whole."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When an identifier is shared, and when a group is too large."""

    values_max: int = VALUES_MAX
    values_max_of_kind: dict[str, int] = msgspec.field(default_factory=lambda: {USER: USER_VALUES_MAX})
    """By the identifier's own kind; of every other kind ``values_max``."""
    group_max: int = GROUP_MAX
    allowed: frozenset[str] = frozenset()
    """Never shared, by an operator's word."""
    blocked: frozenset[str] = frozenset()
    """Always shared, by an operator's word, even when it is allowed too."""

    def values_max_for(self, identifier: str) -> int:
        """How many others of one kind it may be seen with."""
        return self.values_max_of_kind.get(kind_of(identifier), self.values_max)
