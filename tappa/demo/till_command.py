"""``tappa demo till``."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.options import NotDoneError, data_option, hint, json_option, read_settings

if TYPE_CHECKING:
    from tappa.demo.send import Sent
    from tappa.demo.till import Tills


@click.command(
    epilog="Examples: tappa demo till    tappa demo till --seed 7 --stores 8 --receipts 100000 --late    "
    "tappa demo till --rate 5 --json"
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same receipts.")
@click.option("--stores", type=click.IntRange(1, 1_000), default=3, show_default=True, help="Stores.")
@click.option("--days", type=click.IntRange(1, 3_650), default=30, show_default=True, help="Days that it lasts.")
@click.option(
    "--receipts", type=click.IntRange(1, 100_000_000), default=1_000, show_default=True, help="Receipts, copies on top."
)
@click.option("--rate", type=click.FloatRange(0), default=0.0, help="So many a second.  [default: as fast as it goes]")
@click.option("--late", is_flag=True, help="Some days of some stores come days late, and in no order.")
@click.option("--end", type=click.DateTime(["%Y-%m-%d"]), help="The last day.  [default: yesterday]")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write NDJSON to a file, and send nothing."
)
@data_option
@json_option
def till(
    seed: int,
    stores: int,
    days: int,
    receipts: int,
    rate: float,
    late: bool,
    end: datetime | None,
    out: Path | None,
    data: Path,
    as_json: bool,
) -> None:
    """Tills of several stores: sales, returns, exchanges and voids, with discounts, tax and split payments, with a
    card, an address, a phone number or nothing, claimed hours later, sent twice.

    They are sent by the source demo-till. At the end it says what they come to, as v_receipts and v_stores must say it:
    of a database that has no other demo-till in it.
    """
    from tappa.demo.till import Tills

    if out is not None and rate:
        raise click.UsageError("--rate is for what is sent: leave it or --out away")
    last = end.date() if end else datetime.now(UTC).date() - timedelta(days=1)
    tills = Tills(seed=seed, stores=stores, days=days, receipts=receipts, end=last, late=late)
    if out is not None:
        from tappa.demo.line import lines

        with out.open("wb") as stream:
            stream.writelines(lines(tills.run()))
        _tell(tills, None, 0.0, as_json)
        return
    read_settings(data)
    started = time.monotonic()
    sent = _send(data, tills, receipts, rate)
    _tell(tills, sent, time.monotonic() - started, as_json)
    if sent.rejected:
        raise NotDoneError(
            f"{sent.rejected:,} were rejected, the first for {sent.first_reason}. See: {hint('rejected list', data)}"
        )


def _send(data: Path, tills: Tills, receipts: int, rate: float) -> Sent:
    from tappa.demo.send import TILLS, send
    from tappa.imports.delivery import DeliveryError
    from tappa.imports.display import Display

    def report(sent: Sent) -> None:
        display.show(min(sent.accepted / receipts, 1.0), f"{sent.accepted:,} sent")

    try:
        with Display("tills") as display:
            return send(data, tills.run(), report, messages=TILLS, receipts=TILLS, per_s=rate)
    except DeliveryError as error:
        raise NotDoneError(str(error)) from None


def _tell(tills: Tills, sent: Sent | None, seconds: float, as_json: bool) -> None:
    told = tills.takings.told()
    if as_json:
        import orjson

        counts = {"accepted": sent.accepted, "rejected": sent.rejected, "seconds": round(seconds, 3)} if sent else {}
        click.echo(orjson.dumps({**told, **counts}).decode())
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in told["by_kind"].items())
    click.echo(f"{told['receipts']:,} receipts ({kinds}) with {told['lines']:,} lines; {told['copies']:,} sent twice")
    click.echo(
        f"{told['voided']:,} are voided, {told['claims']:,} were claimed, {told['nobodys']:,} are nobody's, "
        f"{told['staff']:,} are staff's, {told['uneven']:,} do not add up"
    )
    for store, taking in sorted(told["stores"].items()):
        money = ", ".join(f"{amount} {currency}" for currency, amount in sorted(taking["revenue"].items()))
        click.echo(f"{store}  {taking['receipts']:,} receipts  {money}")
    if sent:
        click.echo(f"tills: {sent.accepted:,} accepted in {seconds:.1f} s, copies included", err=True)
