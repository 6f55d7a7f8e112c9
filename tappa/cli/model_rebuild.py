"""``tappa model rebuild``."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tappa.cli.identity import Context, asked, shown
from tappa.cli.options import NotDoneError, data_option, hint, json_option

if TYPE_CHECKING:
    from explore.rebuild import Preview
    from store.interface import Generation
    from stream.change import Difference
    from stream.log.kafka.log import KafkaLog
    from stream.log.sqlite import SqliteLog
    from tappa.rebuild import Situation, Step

IDLE_S = 20.0
"""After so long without a worker that begins, say so."""


@click.command(
    epilog="Examples: tappa model rebuild --dry-run    tappa model rebuild    tappa model rebuild seven_stage    "
    "tappa model rebuild --pause"
)
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Say who would change stage, and write nothing.")
@click.option(
    "--samples", type=click.IntRange(0, 100), default=3, show_default=True, help="Customers to name for each change."
)
@click.option(
    "--say-changes", is_flag=True, help="Say in stage_changes what this changes. Without it a rebuild says nothing."
)
@click.option("--pause", is_flag=True, help="Have the workers rest. What arrives is folded under both versions.")
@click.option("--resume", is_flag=True, help="Have them go on, and return. Without it: go on, and wait for the end.")
@click.option("--cancel", is_flag=True, help="Give the rebuild up. The version that serves goes on.")
@data_option
@json_option
def rebuild(
    models: tuple[str, ...],
    dry_run: bool,
    samples: int,
    say_changes: bool,
    pause: bool,
    resume: bool,
    cancel: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Put changed journey models into force.

    The workers fold the whole history again under the models of the settings that were changed or added, while the
    versions in force go on serving and touchpoints arrive. Once everybody is folded all views switch at one moment, the
    old rows are deleted, and models that are no longer active stop. Without MODEL: all of them.

    This command waits for that. Stop it whenever you like: the workers go on, and the next call takes up where they
    are, and switches. It also goes on after a crash, and after --pause.
    """
    if sum((dry_run, pause, resume, cancel)) > 1:
        raise click.UsageError("choose one of --dry-run, --pause, --resume and --cancel")
    if say_changes and (dry_run or pause or resume or cancel):
        raise click.UsageError("--say-changes is for a rebuild that is begun or waited for")
    run: Callable[[Context], Awaitable[None]]
    if dry_run:
        run = _Command(models, as_json, samples).preview
    elif pause or resume:
        run = _Command(models, as_json, samples).rest if pause else _Command(models, as_json, samples).resume
    else:
        command = _Command(models, as_json, samples, say_changes=say_changes)
        run = command.give_up if cancel else command.rebuild
    try:
        asked(data, lambda context: _tried(run, context))
    except KeyboardInterrupt:
        again = hint("model rebuild", data)
        raise NotDoneError(f"stopped waiting; the workers go on. To wait again, and switch: {again}") from None


async def _tried(run: Callable[[Context], Awaitable[None]], context: Context) -> None:
    from stage_engine.model import ModelError
    from tappa.lock import HeldError
    from tappa.rebuild import RebuildError

    try:
        await run(context)
    except (RebuildError, ModelError) as error:
        raise NotDoneError(str(error)) from None
    except HeldError as error:
        raise NotDoneError(f"another one is at it ({error}): stop that first; the workers go on meanwhile") from None


class _Command:
    """One call."""

    def __init__(self, models: Sequence[str], as_json: bool, samples: int, *, say_changes: bool = False) -> None:
        self._models = models
        self._json = as_json
        self._samples = samples
        self._say_changes = say_changes

    async def _situation(self, context: Context) -> Situation:
        from tappa.rebuild import situation

        return await situation(context.store, context.settings.models.active)

    def _chosen(self, context: Context, found: Situation) -> Difference:
        from tappa.rebuild import chosen

        return chosen(found.wanted, self._models, context.settings.models.active)

    async def preview(self, context: Context) -> None:
        """Say what would change."""
        from explore.rebuild import Compared, preview
        from store.interface import State
        from stream.folding import foldings
        from tappa.imports.display import Display
        from tappa.rebuild import everybody

        found = await self._situation(context)
        wanted = self._chosen(context, found)
        serving = {one.model.name: one.fold for one in foldings(found.listed, State.SERVING)}
        with Display("comparing") as display:
            previews = await preview(
                context.store,
                context.limits,
                [Compared(model=one, serving=serving.get(one.name)) for one in wanted.to_fold],
                everybody(found.listed),
                samples_max=self._samples,
                now_ms=time.time_ns() // 1_000_000,
                report=lambda done, total: display.show(done / max(total, 1), f"{done:,} of {total:,} customers"),
            )
        if self._json:
            self._say({"models": [_asdict(one) for one in previews], "dropped": list(wanted.dropped)})
            return
        if not previews and not wanted.dropped:
            click.echo("nothing to rebuild: the models of the settings are those in force")
        for one in previews:
            for line in _lines(one):
                click.echo(shown(line))
        for name in wanted.dropped:
            click.echo(f"{name}: no longer active, would stop")

    async def rest(self, context: Context) -> None:
        """Have the workers rest."""
        await self._pause(context, rest=True)

    async def resume(self, context: Context) -> None:
        """Have them go on."""
        await self._pause(context, rest=False)

    async def _pause(self, context: Context, *, rest: bool) -> None:
        from tappa.rebuild import pause

        going_on = (await self._situation(context)).under_way
        if not going_on:
            raise NotDoneError("no rebuild is under way")
        await pause(context.store, going_on[0].number, rest=rest)
        state = "paused" if rest else "folding"
        if self._json:
            self._say({"state": state, "models": _named(going_on)})
        else:
            click.echo(f"{', '.join(_named(going_on))}: {'paused' if rest else 'going on'}")

    async def give_up(self, context: Context) -> None:
        """Give up what is being folded."""
        from stream.change import cancel
        from tappa.rebuild import clean_up, database_id

        with _alone(context.data):
            async with await _log(context) as log:
                database = await database_id(context.store)
                given_up = await cancel(log, context.store, database)
                if not given_up:
                    raise NotDoneError("no rebuild is under way")
                await clean_up(log, context.store, database, context.data, context.settings.log)
        if self._json:
            self._say({"state": "cancelled", "models": _named(given_up)})
        else:
            click.echo(f"{', '.join(_named(given_up))}: given up; the version in force goes on")

    async def rebuild(self, context: Context) -> None:
        """Begin or go on, wait, switch, clean up."""
        from stream.change import begin, switch, tell
        from tappa.rebuild import clean_up, database_id, followed, pause, require_same, say_changes

        with _alone(context.data):
            async with await _log(context) as log:
                found = await self._situation(context)
                wanted = self._chosen(context, found)
                database = await database_id(context.store)
                if not (found.under_way or wanted.to_fold or wanted.dropped):
                    await clean_up(log, context.store, database, context.data, context.settings.log)
                    self._end("nothing to rebuild: the models of the settings are those in force", "nothing", [])
                    return
                if found.under_way:
                    require_same(found.under_way, found.wanted.to_fold)
                    number = found.under_way[0].number
                    await pause(context.store, number, rest=False)
                    await tell(log, database, number)
                elif wanted.to_fold:
                    number = await begin(log, context.store, database, wanted.to_fold)
                else:
                    number = 0
                names = _named(found.under_way) or [one.name for one in wanted.to_fold]
                began = time.monotonic()
                if number and self._say_changes:
                    await say_changes(context.store, number)
                if number:
                    step = await self._follow(followed(log, context.store, number), names, context)
                await switch(log, context.store, database, dropped=wanted.dropped)
                seconds = time.monotonic() - began
                await clean_up(log, context.store, database, context.data, context.settings.log)
        customers = step.customers if number else 0
        said = f"{', '.join(names)}: in force, {customers:,} customers folded in {seconds:.1f} s" if names else ""
        stopped = f"{', '.join(wanted.dropped)}: no longer active, stopped" if wanted.dropped else ""
        self._end("\n".join(filter(None, (said, stopped))), "switched", names, customers, seconds, wanted.dropped)

    async def _follow(self, steps: Any, names: Sequence[str], context: Context) -> Step:
        from tappa.imports.display import Display

        began, told = time.monotonic(), False
        with Display("folding") as display:
            async for step in steps:
                if self._json:
                    self._say({"state": "paused" if step.paused else "folding", "models": names, **_asdict(step)})
                    continue
                left = f", {step.seconds_left:,.0f} s left" if step.seconds_left else ""
                note = f"{step.customers:,} of {step.total:,} customers, {step.per_second:,.0f}/s{left}"
                display.show(step.part, note + (", paused" if step.paused else ""))
                if not step.begun and not told and time.monotonic() - began > IDLE_S:
                    told = True
                    click.echo(f"no worker has begun yet; does one run? See: {hint('status', context.data)}", err=True)
        return step  # type: ignore[no-any-return]

    def _end(
        self,
        line: str,
        state: str,
        models: Sequence[str],
        customers: int = 0,
        seconds: float = 0.0,
        dropped: Sequence[str] = (),
    ) -> None:
        if self._json:
            self._say(
                {
                    "state": state,
                    "models": list(models),
                    "customers": customers,
                    "seconds": round(seconds, 3),
                    "dropped": list(dropped),
                }
            )
        else:
            click.echo(line)

    def _say(self, what: dict[str, Any]) -> None:
        import orjson

        click.echo(orjson.dumps(what).decode())


def _alone(data: Path) -> Any:
    """Nobody else rebuilds on this data directory meanwhile. Raises ``HeldError``."""
    import contextlib

    from tappa.lock import Lock

    lock = Lock(data / "rebuild.lock")
    lock.take("tappa model rebuild")
    stack = contextlib.ExitStack()
    stack.callback(lock.release)
    return stack


async def _log(context: Context) -> SqliteLog | KafkaLog:
    from stream.log.opening import open_log

    return await open_log(context.data / "log", context.settings.log)


def _named(generations: Sequence[Generation]) -> list[str]:
    return [one.model for one in generations]


def _asdict(value: Any) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def _lines(found: Preview) -> Iterator[str]:
    yield (
        f"{found.model}: of {found.customers:,} customers {found.changed_stage:,} would change stage, "
        f"{found.changed_visits:,} would have other visits"
    )
    for one in found.turns:
        names = f"  {', '.join(one.samples)}" if one.samples else ""
        yield f"  {one.from_stage or '(none)':<20} -> {one.to_stage or '(none)':<20} {one.customers:>10,}{names}"
