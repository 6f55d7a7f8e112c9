"""``tappa why``."""

from __future__ import annotations

from pathlib import Path

import click

from tappa.cli.identity import Context, asked, shown
from tappa.cli.options import data_option, json_option


@click.command(epilog="Examples: tappa why user:42 device:a-7    tappa why email:ann@example.com user:42 --json")
@click.argument("a")
@click.argument("b")
@data_option
@json_option
def why(a: str, b: str, data: Path, as_json: bool) -> None:
    """Why two identifiers are one customer, or why they are not.

    Shows the shortest chain of touchpoints that joins them, or what keeps them apart. An identifier is written
    kind:value, such as user:42.
    """
    from explore.answers import Why
    from explore.why import why as reason

    async def question(context: Context) -> Why:
        return await reason(context.store, context.limits, context.normalise(a), context.normalise(b))

    found = asked(data, question)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    click.echo(shown(found.summary))
    for step in found.chain:
        touchpoint = step.touchpoint
        at = touchpoint.occurred_at.isoformat(sep=" ", timespec="seconds")[:19]
        what = touchpoint.event or touchpoint.type or "a touchpoint"
        where = f"{touchpoint.source}, {touchpoint.channel}" if touchpoint.channel else touchpoint.source
        click.echo(shown(f"  {step.one} - {step.other}: {what} on {at} ({where}, message {touchpoint.message_id})"))
