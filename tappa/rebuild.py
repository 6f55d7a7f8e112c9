"""``tappa model rebuild`` without its words: what the store, the log and the settings say, and the steps."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from stage_engine.model import Model, load_model
from store.interface import PROGRESS_END, Fold, Generation, State, Store
from stream.announcer import TELL_NOTE
from stream.change import Difference, difference, is_done, leftovers, tell, under_way
from stream.folding import foldings
from stream.log.interface import Log
from stream.rebuild import PAUSED_NOTE
from stream.settings import LogSettings
from stream.worker import DATABASE_NOTE
from tappa.waiting import worked_off

LOOK_INTERVAL_S: Final = 0.5
"""Between two looks at how far it is."""
RATE_OVER_S: Final = 10.0
"""What the rate is an average over."""
TOLD_S_MAX: Final = 30.0
"""How long the old rows are kept after the switch if the workers do not read that they may go."""


class RebuildError(RuntimeError):
    """It cannot be done as things are. The message says why and what to do."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """How the models of the settings stand to those in the store."""

    listed: list[Generation]
    under_way: list[Generation]
    wanted: Difference


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How far a rebuild is."""

    customers: int
    """Folded so far."""
    total: int
    part: float
    """Of the work, 0 to 1."""
    per_second: float
    """Customers, of late."""
    seconds_left: float | None
    """None when nothing moves."""
    paused: bool
    begun: bool
    """Whether any worker has begun."""


def named_twice(models: Sequence[Model]) -> str:
    """What is wrong when two models have one name; nothing otherwise."""
    names = Counter(one.name for one in models)
    name, times = names.most_common(1)[0]
    return f"{times} active models are named {name}: give each a 'name' of its own" if times > 1 else ""


async def situation(store: Store, active: Sequence[str]) -> Situation:
    """Raises ``ModelError``, ``StoreError`` and, where no worker has ever run, ``RebuildError``."""
    listed = await store.read_models()
    if not listed:
        raise RebuildError("no worker has ever started on this database, so there is nothing to rebuild")
    models = [load_model(name) for name in active]
    if twice := named_twice(models):
        raise RebuildError(twice)
    return Situation(listed=listed, under_way=under_way(listed), wanted=difference(listed, models))


async def waiting(store: Store, models: Sequence[Model]) -> list[str]:
    """A line for each model that is not in force as it is written, or is and should not; none where none is in force
    yet. Raises ``ModelError`` and ``StoreError``."""
    listed = await store.read_models()
    if not listed:
        return []
    wanted, folding = difference(listed, models), {(one.model, one.version) for one in under_way(listed)}
    lines = []
    for one in wanted.to_fold:
        what = "has changed: the version before it is in force" if one in wanted.changed else "is not in force yet"
        rebuilt = ", and it is being rebuilt" if (one.name, one.version) in folding else ""
        lines.append(f"the model {one.name} {what}{rebuilt}")
    return [*lines, *(f"the model {name} is no longer active, and still in force" for name in wanted.dropped)]


def chosen(wanted: Difference, names: Sequence[str], active: Sequence[str]) -> Difference:
    """Of the difference what concerns these models, named as they name themselves or as in the settings; all of it
    without a name. Raises ``RebuildError`` for a name that is not active."""
    if not names:
        return wanted
    by_setting = {name: load_model(name).name for name in active}
    known = by_setting | {name: name for name in by_setting.values()}
    if unknown := [name for name in names if name not in known]:
        raise RebuildError(
            f"{unknown[0]} is not an active model; active are: {', '.join(active)} ([models] in the settings)"
        )
    asked = {known[name] for name in names}
    return Difference(
        changed=tuple(one for one in wanted.changed if one.name in asked),
        added=tuple(one for one in wanted.added if one.name in asked),
        dropped=(),
    )


def require_same(going_on: Sequence[Generation], models: Sequence[Model]) -> None:
    """Raise ``RebuildError`` when what is being folded is not what the files say now."""
    wanted = {one.name: one.version for one in models}
    for one in going_on:
        if wanted.get(one.model) != one.version:
            raise RebuildError(
                f"a rebuild of {one.model} is under way, and its file has changed since, or it is no longer active: "
                "give that rebuild up with --cancel, and begin again"
            )


def everybody(listed: Sequence[Generation]) -> Fold:
    """A fold that serves, by which customers are counted."""
    return foldings(listed, State.SERVING)[0].fold


async def database_id(store: Store) -> str:
    """Of the database. Raises ``RebuildError`` where no worker has ever run."""
    found = await store.read_note(DATABASE_NOTE)
    if not found:
        raise RebuildError("no worker has ever started on this database")
    return found


async def pause(store: Store, number: int, *, rest: bool) -> None:
    """Have the workers rest, or go on."""
    await store.write_note(PAUSED_NOTE.format(generation=number), "1" if rest else "")


async def say_changes(store: Store, number: int) -> None:
    """Have the workers say, once its rows serve, what the rebuild changed."""
    await store.write_note(TELL_NOTE.format(generation=number), "1")


async def followed(log: Log, store: Store, number: int) -> AsyncIterator[Step]:
    """How far it is, again and again, until everybody is folded. Raises ``RebuildError`` when it is given up
    meanwhile."""
    fold = everybody(await store.read_models())
    total, _ = await store.count_standings(fold)
    seen: list[tuple[float, int]] = []
    while True:
        if not any(one.number == number for one in under_way(await store.read_models())):
            raise RebuildError("the rebuild was given up, or ended, by somebody else")
        progress = await store.read_progress(number)
        paused = bool(await store.read_note(PAUSED_NOTE.format(generation=number)))
        customers, now = sum(one.customers for one in progress), time.monotonic()
        seen = [*(one for one in seen if now - one[0] <= RATE_OVER_S), (now, customers)]
        rate = (customers - seen[0][1]) / (now - seen[0][0]) if now > seen[0][0] else 0.0
        total = max(total, customers)
        yield Step(
            customers=customers,
            total=total,
            part=sum(one.done for one in progress) / (PROGRESS_END * log.partitions),
            per_second=rate,
            seconds_left=(total - customers) / rate if rate else None,
            paused=paused,
            begun=bool(progress),
        )
        if await is_done(log, store, number):
            return
        await asyncio.sleep(LOOK_INTERVAL_S)


async def clean_up(log: Log, store: Store, database: str, data: Path, settings: LogSettings) -> list[Generation]:
    """Drop the rows that no view shows any more, once the workers have read that they do not count; returns whose they
    were."""
    gone = await leftovers(store)
    if gone:
        await tell(log, database, max(one.number for one in await store.read_models()))
        await asyncio.to_thread(worked_off, data / "log", settings, TOLD_S_MAX)
        await store.drop_generations(gone)
    return gone
