"""``tappa shared``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final, Literal

import click

from tappa.cli.identity import (
    Context,
    asked,
    decide,
    decision_options,
    line_of,
    progress,
    row_of,
    shown,
    tell,
)
from tappa.cli.options import NotDoneError, data_option, hint, json_option

APPLIED_S_MAX: Final = 3_600.0
"""How long ``apply`` waits at its end."""


@click.group(
    epilog="Examples: tappa shared list    "
    'tappa shared allow device:tablet-1 --reason "a family of seven"    tappa shared apply'
)
def shared() -> None:
    """Identifiers that join nothing, because they were seen with too many others.

    A till's own card, a shop floor's tablet, a "guest" account. The limits are values_max and values_max_of_kind of
    [identity] in the settings.
    """


@shared.command("list", epilog="Examples: tappa shared list    tappa shared list --limit 1000 --json")
@data_option
@json_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
def list_(data: Path, as_json: bool, limit: int) -> None:
    """Show who is shared today, with how many others of each kind they were seen, and what was decided."""
    import orjson

    found = asked(data, lambda context: _listed(context, limit))
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    if not found["shared"]:
        click.echo("nobody is shared")
    for row in found["shared"]:
        seen = ", ".join(f"{count:,} of kind {kind}" for kind, count in row["seen_with"].items()) or "nobody"
        limit_text = "blocked" if row["blocked"] else f"limit {row['limit']:,}"
        click.echo(shown(f"{row['identifier']}  seen with {seen} ({limit_text})"))
    if found["count"] > len(found["shared"]):
        click.echo(f"… of {found['count']:,}; more with --limit")
    if found["decisions"]:
        click.echo("\ndecisions")
    for line in found.pop("lines"):
        click.echo(line)


async def _listed(context: Context, limit: int) -> dict[str, Any]:
    from store.asking import fresh_asking
    from store.identity_rows import list_decisions, list_shared

    limits = (await fresh_asking(context.store, context.limits)).limits
    count, rows = await list_shared(context.store, limits, limit)
    decisions = await list_decisions(context.store, ("allow", "block"))
    seen = {row.identifier: dict(sorted(row.counts.items())) for row in rows}
    names = [*sorted(limits.blocked - seen.keys()), *seen]
    return {
        "count": count + len(limits.blocked - seen.keys()),
        "shared": [
            {
                "identifier": name,
                "seen_with": seen.get(name, {}),
                "limit": limits.values_max_for(name),
                "blocked": name in limits.blocked,
            }
            for name in names
        ],
        "decisions": [row_of(one) for one in decisions],
        "lines": [line_of(one) for one in decisions],
    }


@shared.command(epilog='Example: tappa shared allow device:tablet-1 --reason "a family of seven"')
@click.argument("identifier", metavar="ID")
@decision_options
@data_option
@json_option
def allow(identifier: str, reason: str, by: str, revoke: bool, data: Path, as_json: bool) -> None:
    """Say that an identifier is never shared, whatever it was seen with; or take that back."""
    _decide("allow", identifier, reason, by, revoke, data, as_json)


@shared.command(epilog='Example: tappa shared block loyalty_card:0001 --reason "the till\'s own card"')
@click.argument("identifier", metavar="ID")
@decision_options
@data_option
@json_option
def block(identifier: str, reason: str, by: str, revoke: bool, data: Path, as_json: bool) -> None:
    """Say that an identifier is always shared, and so joins nothing; or take that back."""
    _decide("block", identifier, reason, by, revoke, data, as_json)


def _decide(
    kind: Literal["allow", "block"], identifier: str, reason: str, by: str, revoke: bool, data: Path, as_json: bool
) -> None:
    import orjson

    found = decide(data, kind, (identifier,), reason=reason, by=by, revoke=revoke)
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        tell(found, data)


@shared.command(epilog="Example: tappa shared apply")
@click.option("--again", is_flag=True, help="Even when these limits were applied already.")
@data_option
def apply(again: bool, data: Path) -> None:
    """Apply changed limits to what is there already.

    Limits of [identity] that were changed count for what comes after the worker's next start. This looks again at every
    identifier that was ever seen with another, and folds again whose journeys change. Run it again when it was cut
    short: it goes on where it was.
    """
    from tappa.apply_limits import OtherLimitsError

    try:
        done = asked(data, lambda context: _apply(context, again))
    except OtherLimitsError as error:
        raise NotDoneError(f"{error} ({hint('up', data)})") from None
    except TimeoutError as error:
        raise NotDoneError(f"{error}; run it again: {hint('shared apply', data)}") from None
    if done is None:
        click.echo("nothing to do: these limits were applied already")
    else:
        click.echo(f"applied: {done:,} identifiers were looked at again")


async def _apply(context: Context, again: bool) -> int | None:
    from stream.log.opening import open_log
    from tappa.apply_limits import apply_limits
    from tappa.waiting import followed_up

    async def settled() -> bool:
        return await asyncio.to_thread(followed_up, context.data / "log", context.settings.log, APPLIED_S_MAX, progress)

    def report(done: int) -> None:
        click.echo(f"{done:,} identifiers are being looked at again", err=True)

    async with await open_log(context.data / "log", context.settings.log) as log:
        return await apply_limits(context.store, log, context.limits, again=again, report=report, settled=settled)
