"""``tappa model suggest``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.identity import Context, asked, shown
from tappa.cli.model_reading import read_model
from tappa.cli.options import data_option, json_option, read_settings

if TYPE_CHECKING:
    from explore.suggested import RepurchaseGaps, Suggested


@click.command(
    epilog="Examples: tappa model suggest    tappa model suggest --model mine.yaml    "
    "tappa model suggest --model mine.yaml --json"
)
@click.option(
    "--model", "name", metavar="NAME|FILE", help="About this model.  [default: the default model of the settings]"
)
@data_option
@json_option
def suggest(name: str | None, data: Path, as_json: bool) -> None:
    """Say what the data says about a model: figures, and a patch of its file. Nothing is changed.

    How long customers take to buy again, and the time-outs that fit; events worth a signal, because people buy after
    them more often than after others; stages that nobody enters.
    """
    from explore.suggest import suggested
    from stage_engine.model import model_text

    named = name or read_settings(data).models.default
    read_model(named)

    async def question(context: Context) -> Suggested:
        return await suggested(context.store, *model_text(named))

    found = asked(data, question)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    for line in _lines(found):
        click.echo(shown(line))


def _lines(found: Suggested) -> Iterator[str]:
    yield f"{found.model}: what the data says"
    figures = (_gaps(found), _time_outs(found), _signals(found), _stages(found))
    for part in (*figures, found.notes, found.patch.splitlines()):
        if lines := list(part):
            yield from ("", *lines)


def _gaps(found: Suggested) -> Iterator[str]:
    if found.gaps:
        yield "days until the next purchase, of those who come back"
        yield f"  {'':<24} {'gaps':>9} {'waiting':>9} {'come back':>10} {'p50':>6} {'p63':>6} {'p90':>6}"
    yield from map(_gap, found.gaps)


def _gap(one: RepurchaseGaps) -> str:
    p50, p63, p90 = ("-" if days is None else f"{days:,}" for days in (one.p50_days, one.usual_days, one.p90_days))
    return (
        f"  {one.category or 'all':<24} {one.gaps:>9,} {one.waiting:>9,} {one.coming_back:>10.0%} "
        f"{p50:>6} {p63:>6} {p90:>6}"
    )


def _time_outs(found: Suggested) -> Iterator[str]:
    if found.time_outs:
        yield "time-outs that fit"
    for one in found.time_outs:
        label = f", {one.label}" if one.label else ""
        yield f"  {one.place} from {', '.join(one.from_stages)}{label}: {one.after} -> {one.proposed}"


def _signals(found: Suggested) -> Iterator[str]:
    if found.signals:
        yield f"events worth a signal: bought within 30 days (after any event: {found.signals[0].average:.0%})"
    for one in found.signals:
        yield (
            f"  {one.type} '{one.event}': {one.bought:.0%} of {one.customers:,} customers, "
            f"{one.touchpoints:,} touchpoints"
        )


def _stages(found: Suggested) -> Iterator[str]:
    if found.stages:
        yield "customers who were ever in a stage"
    for one in found.stages:
        yield f"  {one.stage:<24} {one.customers:>9,}" + ("" if one.customers else "  nobody enters it")
