"""The limits of identity: from the settings, and whether those of the settings are the ones that were applied."""

from __future__ import annotations

from typing import Final

import msgspec

from ingest.settings import IdentitySettings
from stage_engine.identity.limits import Limits
from store.interface import Store

APPLIED: Final = "limits applied"
"""Note in the store: the limits under which all identifiers were last looked at."""
IN_USE: Final = "limits in use"
"""Note in the store: those that the workers were last started with."""


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """Limits as a note has them."""

    values_max: int
    values_max_of_kind: dict[str, int]
    group_max: int


def limits_of(identity: IdentitySettings) -> Limits:
    """As the engine takes them."""
    return Limits(
        values_max=identity.values_max,
        values_max_of_kind=dict(identity.values_max_of_kind),
        group_max=identity.group_max,
    )


def as_note(limits: Limits) -> str:
    """The limits as one text, the same for the same limits."""
    noted = Noted(
        values_max=limits.values_max,
        values_max_of_kind=dict(sorted(limits.values_max_of_kind.items())),
        group_max=limits.group_max,
    )
    return msgspec.json.encode(noted).decode()


async def started_with(store: Store, limits: Limits) -> bool:
    """Note what the workers are started with; False when it is not what was last applied. What is there at the first
    start counts as applied."""
    note = as_note(limits)
    if await store.read_note(IN_USE) != note:
        await store.write_note(IN_USE, note)
    applied = await store.read_note(APPLIED)
    if applied is None:
        await store.write_note(APPLIED, note)
    return applied in (None, note)
