"""A customer of the traffic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer, as clients know them."""

    number: int
    user: str
    device: str
    """``""`` for one who only comes to the shop."""
    other_device: str
    """Their second, or one that a family shares."""
    contact: tuple[str, str]
    """Their own or, of a card, perhaps their family's."""
    email: str
    eras: tuple[str, ...]
