"""``tappa customer``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.identity import Context, asked, shown
from tappa.cli.options import data_option, json_option

if TYPE_CHECKING:
    from explore.answers import Customer, State, Stretch


@click.command(
    epilog="Examples: tappa customer user:42    tappa customer email:ann@example.com --touchpoints 50 --json"
)
@click.argument("identifier", metavar="ID")
@data_option
@json_option
@click.option(
    "--touchpoints", type=click.IntRange(0, 1_000), default=10, show_default=True, help="So many of the last ones."
)
def customer(identifier: str, data: Path, as_json: bool, touchpoints: int) -> None:
    """One customer: identifiers, traits, stage and visits under each model, the last touchpoints.

    ID is any identifier that leads to the customer, written kind:value, such as user:42.
    """
    from explore.customer import customer as about

    async def question(context: Context) -> Customer:
        asked_for = context.normalise(identifier)
        return await about(context.store, context.limits, asked_for, touchpoints, context.settings.models.default)

    found = asked(data, question)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        _print(found)


def _print(found: Customer) -> None:
    for line in _lines(found):
        click.echo(shown(line))


def _lines(found: Customer) -> Iterator[str]:
    leads = f"{found.asked} leads to " if found.asked != found.customer_id else ""
    yield f"{leads}{found.customer_id}"
    if len(found.asked_stretches) > 1:
        for stretch in found.asked_stretches:
            yield f"  {_when(stretch)}: {stretch.customer_id or 'nobody'}"
    yield ""
    yield f"identifiers ({found.identifiers_count:,})"
    for one in found.identifiers:
        own = [stretch for stretch in one.stretches if stretch.customer_id == found.customer_id]
        yield f"  {one.identifier}" + (f"  ({'; '.join(map(_when, own))})" if len(one.stretches) > 1 else "")
    if found.traits:
        yield ""
        yield "traits"
    for name, trait in found.traits.items():
        yield f"  {name:<20} {trait.value}"
    if found.consent:
        yield ""
        yield "consent"
    for purpose, given in found.consent.items():
        yield f"  {purpose:<20} {'yes' if given else 'no'}"
    for state in found.models:
        yield ""
        yield from _journey(state)
    if found.touchpoints:
        yield ""
        yield "last touchpoints"
    for touchpoint in found.touchpoints:
        worth = f"  {touchpoint.value} {touchpoint.currency}" if touchpoint.value is not None else ""
        what = touchpoint.event + (f" {touchpoint.name}" if touchpoint.name else "")
        yield f"  {_time(touchpoint.occurred_at)} {touchpoint.channel:<12} {what}{worth}"


def _journey(state: State) -> Iterator[str]:
    yield f"{state.model}: {state.stage} since {_time(state.stage_since)} (furthest: {state.highest_stage})"
    yield f"  {state.touchpoints:,} touchpoints, {state.purchases:,} purchases, revenue {state.revenue}"
    for visit in state.visits:
        cause = (visit.cause_event or "silence") + (f", {visit.label}" if visit.label else "")
        yield f"  {visit.seq:>4} {_time(visit.entered_at)} {visit.stage:<16} {cause}"


def _when(stretch: Stretch) -> str:
    since = f"from {_time(stretch.valid_from)}" if stretch.valid_from else ""
    until = f"until {_time(stretch.valid_to)}" if stretch.valid_to else ""
    return f"{since} {until}".strip() or "always"


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
