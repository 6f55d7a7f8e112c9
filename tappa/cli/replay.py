"""``tappa replay``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tappa.cli.identity import Context, asked
from tappa.cli.options import NotDoneError, data_option, hint, json_option

if TYPE_CHECKING:
    from stream.log.interface import Log
    from stream.reread import Since, Span
    from tappa.imports.display import Display

BEGINNING: Final = "beginning"
LOOK_INTERVAL_S: Final = 0.5
TURNS: Final = 2
"""So often everybody is folded. In the first turn some workers still have caches from before rows were lost, and write
by them what the others read; in the second one all began without."""
IDLE_S: Final = 30.0
"""After so long without a partition that is done, say so."""


def _since(_context: click.Context, _parameter: click.Parameter, text: str) -> Since:
    from stream.reread import Since

    if text == BEGINNING:
        return Since()
    if text.isdecimal():
        return Since(offset=int(text))
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time (2026-03-01, 2026-03-01T12:00:00+01:00), no offset, and not '{BEGINNING}'"
        ) from None
    return Since(time_ms=int((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp() * 1000))


@click.command(epilog="Examples: tappa replay --from 2026-03-01    tappa replay --from beginning --database tappa_new")
@click.option(
    "--from",
    "since",
    required=True,
    metavar="TIME|OFFSET|beginning",
    callback=_since,
    help="Where to begin: with what was received since a time (UTC unless it says otherwise), at this offset in each "
    "partition, or with all that the log still has.",
)
@click.option("--database", metavar="NAME", help="Read into this database instead, which no worker is at; it is made.")
@data_option
@json_option
def replay(since: Since, database: str | None, data: Path, as_json: bool) -> None:
    """Read the log again.

    Into the database of the settings: facts that are missing there come back, and then the workers derive everything
    anew from the facts, while they go on. For a database that has lost rows.

    With --database: into another one, by this command alone. Set [store] database to it afterwards and restart:
    workers go on there where this has ended.

    Safe to repeat: a touchpoint counts once.
    """
    from pydantic import ValidationError

    from stream.reread import OutOfReachError

    command = _Command(since, as_json)
    try:
        asked(data, lambda context: command.other(context, database) if database else command.same(context))
    except OutOfReachError as error:
        raise NotDoneError(f"{error}: to read what is there, --from {BEGINNING}") from None
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"], param_hint="--database") from None


def _shown(display: Display) -> Callable[[float, int], None]:
    return lambda part, touchpoints: display.show(part, f"{touchpoints:,} touchpoints")


class _Command:
    """One call."""

    def __init__(self, since: Since, as_json: bool) -> None:
        self._since = since
        self._json = as_json

    async def same(self, context: Context) -> None:
        """Into the database of the settings."""
        from stream.log.opening import open_topics
        from stream.worker import DATABASE_NOTE
        from tappa.imports.display import Display
        from tappa.reading_again import copy_facts

        async with _Closing(await open_topics(context.data / "log", context.settings.log)) as logs:
            database = await context.store.read_note(DATABASE_NOTE)
            if not database:
                raise NotDoneError(
                    f"no worker has ever started on this database; does one run? See: {hint('status', context.data)}"
                )
            spans = await self._spans(logs)
            with Display("reading") as display:
                touchpoints = await copy_facts(spans, context.store, _shown(display))
            partitions = await self._fold_again(context, logs[-1], database)
        self._end(touchpoints, f"; everybody is folded again, in {partitions} partitions")

    async def _fold_again(self, context: Context, log: Log, database: str) -> int:
        from stream.anew import NotReadError, folded_since, start_anew
        from tappa.imports.display import Display

        with Display("folding") as display:
            for turn in range(TURNS):
                try:
                    epochs = await start_anew(log, context.store, database)
                except NotReadError:
                    raise NotDoneError(
                        "the facts are there, but workers have not yet begun with every partition of the log: start "
                        "some, or wait until they have gone on to its new topic; then replay again"
                    ) from None
                done, changed_at = 0, time.monotonic()
                while done < len(epochs):
                    await asyncio.sleep(LOOK_INTERVAL_S)
                    found, now = await folded_since(log, context.store, epochs), time.monotonic()
                    part = (turn + found / len(epochs)) / TURNS
                    display.show(part, f"{found} of {len(epochs)} partitions, turn {turn + 1} of {TURNS}")
                    if found > done:
                        done, changed_at = found, now
                    elif now - changed_at > IDLE_S:
                        changed_at = now
                        status = hint("status", context.data)
                        click.echo(f"no partition was finished lately; do workers run? See: {status}", err=True)
        return log.partitions

    async def other(self, context: Context, name: str) -> None:
        """Into another database."""
        from store.clickhouse import connect
        from store.migrate import migrate
        from store.settings import StoreSettings
        from stream.log.opening import open_topics
        from tappa.imports.display import Display
        from tappa.parts import active_models, default_model
        from tappa.reading_again import read_into
        from tappa.running import store_settings

        settings = context.settings
        if name == settings.store.database:
            raise NotDoneError(f"{name} is the database that workers read into: leave --database away")
        there = store_settings(context.data, settings)
        target = StoreSettings.model_validate(there.model_dump() | {"database": name})
        async with _Closing(await open_topics(context.data / "log", settings.log)) as logs:
            spans = await self._spans(logs)
            await migrate(target, default_model=default_model(settings), reporting_currency=settings.money.currency)
            store = connect(target)
            try:
                with Display("reading") as display:
                    touchpoints = await read_into(
                        spans, store, active_models(settings), settings.worker, context.limits, _shown(display)
                    )
            finally:
                await store.close()
        self._end(
            touchpoints,
            f' into {name}; to go on there, set [store] database = "{name}" and restart',
        )

    async def _spans(self, logs: Sequence[Log]) -> list[Span]:
        from stream.reread import spans

        return await spans(logs, self._since)

    def _end(self, touchpoints: int, what: str) -> None:
        if self._json:
            import orjson

            click.echo(orjson.dumps({"touchpoints": touchpoints}).decode())
        else:
            click.echo(f"read {touchpoints:,} touchpoints again{what}")


class _Closing:
    """The topics of the log, closed in the end."""

    def __init__(self, logs: Sequence[Log]) -> None:
        self._logs = logs

    async def __aenter__(self) -> Sequence[Log]:
        return self._logs

    async def __aexit__(self, *_: object) -> None:
        for log in self._logs:
            await log.close()
