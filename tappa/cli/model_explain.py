"""``tappa model explain``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.identity import Context, asked, shown
from tappa.cli.model_reading import read_model
from tappa.cli.options import data_option, json_option, read_settings

if TYPE_CHECKING:
    from explore.explained import Explained, ExplainedTouchpoint, Silence


@click.command(
    epilog="Examples: tappa model explain user:42    tappa model explain email:ann@example.com --model mine.yaml "
    "--last 200"
)
@click.argument("customer")
@click.option(
    "--model",
    "name",
    metavar="NAME|FILE",
    help="Under this model, active or not.  [default: the default model of the settings]",
)
@click.option("--last", type=click.IntRange(1, 1_000), default=50, show_default=True, help="So many of the last ones.")
@data_option
@json_option
def explain(customer: str, name: str | None, last: int, data: Path, as_json: bool) -> None:
    """Say what each touchpoint of a customer did, and why it moved them or did not.

    CUSTOMER is any identifier that leads to the customer, written kind:value, such as user:42. Moves are counted from
    the top of the model's file. A model that is not active shows what would be, and nothing is changed.
    """
    from explore.explain import explained

    _, _, model = read_model(name or read_settings(data).models.default)

    async def question(context: Context) -> Explained:
        return await explained(context.store, context.limits, context.normalise(customer), model, last)

    found = asked(data, question)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    for line in _lines(found, datetime.now(UTC)):
        click.echo(shown(line))


def _lines(found: Explained, now: datetime) -> Iterator[str]:
    leads = f"{found.asked} leads to " if found.asked != found.customer_id else ""
    yield f"{leads}{found.customer_id}, under {found.model}"
    if left_out := found.touchpoints_count - len(found.touchpoints):
        yield f"{found.touchpoints_count:,} touchpoints; the first {left_out:,} are left out (--last)"
    yield ""
    for touchpoint in found.touchpoints:
        for silence in touchpoint.silence:
            yield _silent(silence)
        yield _line(touchpoint)
        for reason in touchpoint.reasons:
            yield f"    {reason}"
    for silence in found.planned:
        if silence.at <= now:
            yield _silent(silence)
    if planned := [silence for silence in found.planned if silence.at > now]:
        yield ""
        yield "planned, if nobody arrives before"
        yield from map(_silent, planned)


def _line(touchpoint: ExplainedTouchpoint) -> str:
    carried = f" [{', '.join(touchpoint.signals)}]" if touchpoint.signals else ""
    what = f"{touchpoint.event or touchpoint.type}{carried}"
    move = touchpoint.move
    if touchpoint.skipped:
        did = "skipped"
    elif move is None:
        did = f"no move from {touchpoint.stage_before}"
    else:
        did = _move(move.from_stage, move.to_stage, move.label, move.place)
    return f"{_time(touchpoint.occurred_at)} {touchpoint.channel:<12} {what}: {did}"


def _silent(silence: Silence) -> str:
    did = _move(silence.from_stage, silence.to_stage, silence.label, silence.place)
    return f"{_time(silence.at)} {'':<12} silence: {did}"


def _move(from_stage: str, to_stage: str, label: str, place: str) -> str:
    way = f"begins in {to_stage}" if not from_stage else f"{from_stage} -> {to_stage}"
    return f"{way}, {label} ({place})" if label else f"{way} ({place})"


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
