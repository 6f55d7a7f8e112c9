"""``tappa split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tappa.cli.identity import Context, asked, decide, decision_options, line_of, row_of, tell
from tappa.cli.options import data_option, hint, json_option

if TYPE_CHECKING:
    from explore.answers import Why
    from store.interface import Decision


@click.command(
    epilog='Examples: tappa split user:42 email:shared@example.com --reason "two people, one mailbox"    '
    "tappa split --list"
)
@click.argument("a", required=False)
@click.argument("b", required=False)
@decision_options
@click.option("--list", "as_list", is_flag=True, help="List the splits, those that were revoked too.")
@data_option
@json_option
def split(
    a: str | None, b: str | None, reason: str, by: str, revoke: bool, as_list: bool, data: Path, as_json: bool
) -> None:
    """Say that two identifiers are not one person, or take that back.

    From then on touchpoints that carry both do not join them. The decision is kept with who, when and why, and can be
    taken back (--revoke). Returns when it counts everywhere.
    """
    import orjson

    if as_list:
        _show(data, as_json)
        return
    if a is None or b is None:
        raise click.UsageError("name two identifiers, such as user:42 email:ann@example.com, or use --list")
    found = decide(data, "split", (a, b), reason=reason, by=by, revoke=revoke)
    one, other = found["identifiers"]
    why = asked(data, lambda context: _why(context, one, other))
    if as_json:
        click.echo(orjson.dumps({**found, "joined": why.joined}, option=orjson.OPT_INDENT_2).decode())
        return
    tell(found, data)
    if not revoke and not found["met"]:
        click.echo("  No touchpoint carries both: this keeps apart what may still come, and changes nothing now.")
    if not revoke and why.joined:
        click.echo(f"  They are still one customer, by other touchpoints. See: {hint(f'why {one} {other}', data)}")


async def _why(context: Context, one: str, other: str) -> Why:
    from explore.asked import Typed
    from explore.why import why

    return await why(context.store, context.limits, Typed(one), Typed(other))


def _show(data: Path, as_json: bool) -> None:
    import orjson

    async def question(context: Context) -> list[Decision]:
        from store.identity_rows import list_decisions

        return await list_decisions(context.store, ("split",))

    found: list[Any] = asked(data, question)
    if as_json:
        click.echo(orjson.dumps([row_of(one) for one in found], option=orjson.OPT_INDENT_2).decode())
        return
    if not found:
        click.echo("no splits")
    for one in found:
        click.echo(line_of(one))
