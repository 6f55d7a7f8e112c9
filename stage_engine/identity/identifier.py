"""Identifiers and their kinds: ``kind:value``."""

from __future__ import annotations

from typing import Final

USER: Final = "user"
DEVICE: Final = "device"
RECEIPT: Final = "receipt"
"""Kind of a receipt's own key."""
PREVIOUS: Final = "previous"
"""Kind of the id that an alias says goes; its value is a user's or a device's."""

_USER, _DEVICE, _RECEIPT = f"{USER}:", f"{DEVICE}:", f"{RECEIPT}:"
_NAMELESS = (_DEVICE, _RECEIPT, f"{PREVIOUS}:")


def kind_of(identifier: str) -> str:
    """The part in front of the first colon. Every kind but user, device and previous is a contact's."""
    return identifier.partition(":")[0]


def names(identifier: str) -> bool:
    """Whether it stands for a person, and so names customers and marks devices: a user, or a contact other than a
    receipt's own key."""
    return not identifier.startswith(_NAMELESS)


def is_user(identifier: str) -> bool:
    """Whether it is a user's."""
    return identifier.startswith(_USER)


def is_device(identifier: str) -> bool:
    """Whether it is a device's."""
    return identifier.startswith(_DEVICE)


def is_receipt(identifier: str) -> bool:
    """Whether it is a receipt's own key."""
    return identifier.startswith(_RECEIPT)
