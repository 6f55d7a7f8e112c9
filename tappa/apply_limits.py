"""Changed limits, applied to the past: every identifier that links mention is looked at again by its owner.

The identifiers go to the log as ``changed``, page by page, never more than a bounded backlog ahead of the workers. How
far it is is noted in the store, so that a run that was cut short goes on when it is run again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from stage_engine.identity.limits import Limits
from store.interface import Store
from stream.log.interface import Log, LogFullError
from stream.log.message import Changed, encode_message, partition_of
from stream.worker import DATABASE_NOTE
from tappa.limits import APPLIED, IN_USE, as_note

APPLYING: Final = "limits being applied"
"""Note in the store: ``Progress``."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How much is done at once."""

    page: int = 50_000
    """Identifiers in one question to the store, which reads all of them for every answer."""
    append: int = 5_000
    """Messages in one append."""
    backlog_max: int = 20_000
    """Messages in the log that nobody has worked off yet, beyond which it waits."""
    wait_s: float = 0.2
    """Until it looks at the log again."""


USUAL: Final = Pace()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the limits were applied."""

    limits: str
    after: str
    done: int


class OtherLimitsError(RuntimeError):
    """The workers do not run with the limits that are to be applied."""


async def apply_limits(
    store: Store,
    log: Log,
    limits: Limits,
    *,
    again: bool,
    report: Callable[[int], None],
    settled: Callable[[], Awaitable[bool]],
    pace: Pace = USUAL,
) -> int | None:
    """Look again at all identifiers; how many there were, None when there was nothing to do (unless ``again``).
    ``report`` is told how many are in the log so far; ``settled`` waits until they are worked off. Raises
    ``OtherLimitsError``, ``StoreError`` and ``LogError``, and ``TimeoutError`` when they are not worked off in time:
    run it again."""
    note = as_note(limits)
    database = await store.read_note(DATABASE_NOTE)
    in_use = await store.read_note(IN_USE)
    if database is None or in_use != note:
        raise OtherLimitsError("the worker runs with other limits than those in the settings: restart it first")
    if await store.read_note(APPLIED) == note and not again:
        return None
    progress = await _begun(store, note)
    while page := await store.read_identifiers(progress.after, pace.page):
        for start in range(0, len(page), pace.append):
            chunk = page[start : start + pace.append]
            await _append(log, database, chunk, pace)
            progress = Progress(limits=note, after=chunk[-1], done=progress.done + len(chunk))
            await store.write_note(APPLYING, msgspec.json.encode(progress).decode())
            report(progress.done)
    if not await settled():
        raise TimeoutError("all identifiers are in the log, but not yet worked off")
    await store.write_note(APPLIED, note)
    await store.write_note(APPLYING, "")
    return progress.done


async def _begun(store: Store, note: str) -> Progress:
    """Where a run that was cut short left off, if it applied the same limits; else the beginning."""
    written = await store.read_note(APPLYING)
    progress = msgspec.json.decode(written, type=Progress) if written else None
    return progress if progress and progress.limits == note else Progress(limits=note, after="", done=0)


async def _append(log: Log, database: str, identifiers: list[str], pace: Pace) -> None:
    by_partition: dict[int, list[bytes]] = {}
    for identifier in identifiers:
        message = encode_message(Changed(database=database, identifier=identifier))
        by_partition.setdefault(partition_of(identifier, log.partitions), []).append(message)
    while True:
        if (await log.lag()).messages <= pace.backlog_max:
            try:
                await log.append(by_partition)
            except LogFullError:
                pass
            else:
                return
        await asyncio.sleep(pace.wait_s)
