"""Identifiers by kind, and what each does on a touchpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

USER: Final = "user"
DEVICE: Final = "device"
RECEIPT: Final = "receipt"
"""Kind of a receipt's own key."""
PREVIOUS: Final = "previous"
"""Kind of the id that an alias says goes; its value is a user's or a device's."""


def kind_of(identifier: str) -> str:
    """The part in front of the first colon. Every kind but user, device and previous is a contact's."""
    return identifier.partition(":")[0]


def names(identifier: str) -> bool:
    """Whether it stands for a person, and so names customers and marks devices: a user, or a contact other than a
    receipt's own key."""
    return not identifier.startswith((DEVICE + ":", RECEIPT + ":", PREVIOUS + ":"))


def is_user(identifier: str) -> bool:
    """Whether it is a user's."""
    return identifier.startswith(USER + ":")


def is_device(identifier: str) -> bool:
    """Whether it is a device's."""
    return identifier.startswith(DEVICE + ":")


class Carried(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The identifiers of one touchpoint, ``kind:value``, ``""`` for none."""

    user: str
    contacts: tuple[str, ...]
    """In byte order, receipts' own keys last: the first is the home of a touchpoint without a user."""
    device: str
    previous: str
    """Of an alias: the value alone, for it may be a user's or a device's."""


def carried(identifiers: Iterable[str]) -> Carried:
    """Tell the identifiers of a touchpoint apart."""
    user = device = previous = ""
    contacts, receipts = [], []
    for identifier in identifiers:
        match kind_of(identifier):
            case "user":
                user = identifier
            case "device":
                device = identifier
            case "previous":
                previous = identifier.removeprefix(PREVIOUS + ":")
            case "receipt":
                receipts.append(identifier)
            case _:
                contacts.append(identifier)
    return Carried(user=user, contacts=(*sorted(contacts), *sorted(receipts)), device=device, previous=previous)
