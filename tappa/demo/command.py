"""``tappa demo``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.options import NotDoneError, data_option, hint, read_settings
from tappa.demo.till_command import till

if TYPE_CHECKING:
    from tappa.demo.touch import Touch


@click.group()
def demo() -> None:
    """Sample data, for trying things out."""


demo.add_command(till)


@demo.command(
    epilog="Examples: tappa demo shop --send    tappa demo shop --seed 7 --customers 500 --days 90 --out shop.ndjson"
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same shop.")
@click.option("--customers", type=click.IntRange(1), default=2_000, show_default=True, help="People who come.")
@click.option("--days", type=click.IntRange(1, 3_650), default=400, show_default=True, help="Days that it lasts.")
@click.option(
    "--touchpoints", type=click.IntRange(1), help="Instead of --customers: exactly so many touchpoints, copies on top."
)
@click.option("--end", type=click.DateTime(["%Y-%m-%d"]), help="The last day.  [default: yesterday]")
@click.option("--send", "sending", is_flag=True, help="Send it to the running ingest.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to a file as NDJSON.  [default: standard output]",
)
@data_option
def shop(
    seed: int,
    customers: int,
    days: int,
    touchpoints: int | None,
    end: datetime | None,
    sending: bool,
    out: Path | None,
    data: Path,
) -> None:
    """A shop with a site, an app and three stores: page views, carts, orders, receipts, returns, reviews, late uploads,
    copies.

    One line a sending, in the order of arrival: messages in Segment's form, receipts with "type": "receipt". `tappa
    import` takes the file.
    """
    from tappa.demo.shop import shop as shop_for
    from tappa.demo.shop import shop_of

    if sending and out is not None:
        raise click.UsageError("either --send or --out")
    last = end.date() if end else _yesterday()
    touches = (
        shop_of(touchpoints, seed=seed, days=days, end=last)
        if touchpoints
        else shop_for(seed=seed, customers=customers, days=days, end=last)
    )
    if sending:
        _send(data, touches, touchpoints)
    else:
        _write(touches, out)


@demo.command(epilog="Examples: tappa demo web    tappa demo web --port 0")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8_080, show_default=True, help="0 picks a free one.")
@click.option(
    "--pages",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The shop's pages.  [default: samples/shop]",
)
@data_option
def web(host: str, port: int, pages: Path | None, data: Path) -> None:
    """A shop to click through, that shows its visitor's journey while it happens. Needs a running `tappa up`."""
    from tappa.demo.serve import serve
    from tappa.imports.delivery import DeliveryError

    read_settings(data)
    try:
        serve(data, host, port, pages)
    except (DeliveryError, OSError) as error:
        raise NotDoneError(str(error)) from None


def _write(touches: Iterator[Touch], out: Path | None) -> None:
    from tappa.demo.line import lines

    with out.open("wb") if out else sys.stdout.buffer as stream:
        stream.writelines(lines(touches))


def _send(data: Path, touches: Iterator[Touch], touchpoints: int | None) -> None:
    from tappa.demo.send import Sent, send
    from tappa.imports.delivery import DeliveryError
    from tappa.imports.display import Display

    read_settings(data)

    def report(sent: Sent) -> None:
        display.show(sent.accepted / touchpoints if touchpoints else 0.0, f"{sent.accepted:,} sent")

    try:
        with Display("sample shop") as display:
            sent = send(data, touches, report)
    except DeliveryError as error:
        raise NotDoneError(str(error)) from None
    click.echo(f"sample shop: {sent.accepted:,} accepted, copies included", err=True)
    if sent.rejected:
        raise NotDoneError(
            f"{sent.rejected:,} were rejected, the first for {sent.first_reason}. See: {hint('rejected list', data)}"
        )


def _yesterday() -> date:
    return datetime.now(UTC).date() - timedelta(days=1)
