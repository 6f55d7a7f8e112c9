"""The identifier that somebody asks about."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from explore.refusals import TABLE, Code, RefusedError
from store.clickhouse import ClickHouseStore
from store.identity_rows import is_seen


class Typed(msgspec.Struct, frozen=True):
    """What was typed, in the form that touchpoints' identifiers have."""

    identifier: str
    doubt: str = ""
    """Why it is probably a mistake, unless it was seen."""


Normalise = Callable[[str], Typed]
"""Raises ``RefusedError`` for what can be no identifier."""


async def seen(store: ClickHouseStore, typed: Typed) -> str:
    """The identifier, which was seen. Raises ``RefusedError`` when it never was."""
    if await is_seen(store, typed.identifier):
        return typed.identifier
    if typed.doubt:
        raise RefusedError(Code.UNKNOWN_KIND, typed.doubt)
    raise RefusedError(Code.NEVER_SEEN, f"{typed.identifier}: {TABLE[Code.NEVER_SEEN].sentence}")
