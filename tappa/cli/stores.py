"""``tappa stores``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tappa.cli.identity import Context, asked, shown
from tappa.cli.options import NotDoneError, data_option, json_option, read_settings
from tappa.exits import EXIT_NOT_DONE

if TYPE_CHECKING:
    from store.directory_rows import StoreRow
    from tappa.directory_file import Loaded

FAULTS_SHOWN: Final = 20


@click.group(epilog="Examples: tappa stores load stores.csv    tappa stores list --unlisted")
def stores() -> None:
    """The store directory: where the stores are that receipts name.

    It is the view v_stores, to be joined on store_id. Receipts of stores that it does not have are taken all the same.
    """


@stores.command(epilog="Examples: tappa stores load stores.csv    tappa stores load stores.csv --replace")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Take out the stores that the file does not have.")
@click.option("--encoding", default="utf-8-sig", show_default=True, help="The file's encoding, such as cp1252.")
@data_option
@json_option
def load(file: Path, replace: bool, encoding: str, data: Path, as_json: bool) -> None:
    """Load stores from a CSV file, whose first line names its columns.

    Only store_id is needed. The others: name, street, place, region, postcode, country (IT), time_zone (Europe/Rome),
    opened_on and closed_on (2019-03-01), opening_hours, latitude, longitude. A row that cannot be read is told, the
    rest is loaded. The same file again changes nothing.
    """
    loaded = _read(file, encoding, read_settings(data).identity.identifier_bytes_max)
    removing = replace and bool(loaded.listings) and not loaded.faults
    done = asked(data, lambda context: _written(context, loaded, removing))
    if as_json:
        import orjson

        faults = [{"line": one.line, "reason": one.reason} for one in loaded.faults]
        click.echo(orjson.dumps({**done, "rejected": faults, "left_out": loaded.left_out}).decode())
    else:
        _tell(file, loaded, done)
    if replace and not removing:
        click.echo("no store was taken out: the file lists none, or has rows that cannot be read", err=True)
    if loaded.faults or (replace and not removing):
        click.get_current_context().exit(EXIT_NOT_DONE)


@stores.command("list", epilog="Examples: tappa stores list    tappa stores list --unlisted --json")
@data_option
@json_option
@click.option("--unlisted", is_flag=True, help="Only those that touchpoints name and the directory does not have.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1_000, show_default=True, help="At most so many.")
def list_(data: Path, as_json: bool, unlisted: bool, limit: int) -> None:
    """Show the stores that the directory, a receipt or another touchpoint names."""
    import orjson

    from store.directory_rows import list_stores

    found = asked(data, lambda context: list_stores(context.store, unlisted=unlisted, limit=limit))
    if as_json:
        click.echo(orjson.dumps([_row(one) for one in found], option=orjson.OPT_INDENT_2).decode())
        return
    if not found:
        click.echo("every store is in the directory" if unlisted else "no stores")
    for one in found:
        click.echo(shown(_line(one)))


def _read(file: Path, encoding: str, id_bytes_max: int) -> Loaded:
    import csv

    from tappa.directory_file import DirectoryFileError, read_directory_file

    try:
        with file.open(encoding=encoding, newline="") as lines:
            return read_directory_file(lines, id_bytes_max=id_bytes_max)
    except UnicodeDecodeError:
        raise NotDoneError(f"{file.name} is not {encoding}: name its encoding, such as --encoding cp1252") from None
    except LookupError:
        raise click.UsageError(f"there is no encoding {encoding!r}") from None
    except (DirectoryFileError, csv.Error) as error:
        raise NotDoneError(f"{file.name}: {error}") from None


async def _written(context: Context, loaded: Loaded, removing: bool) -> dict[str, int]:
    from store.directory_rows import read_directory
    from store.listing import listing_changes

    known, last = await read_directory(context.store)
    now = max(time.time_ns() // 1_000, last + 1)
    changes = listing_changes(known, loaded.listings, replace=removing, updated_at=now)
    await context.store.write_listings(changes)
    removed = sum(one.is_removed for one in changes)
    added = len(loaded.listings.keys() - known.keys())
    changed = len(changes) - removed - added
    return {
        "added": added,
        "changed": changed,
        "unchanged": len(loaded.listings) - added - changed,
        "removed": removed,
    }


def _tell(file: Path, loaded: Loaded, done: dict[str, int]) -> None:
    from tappa.directory_file import meant

    counts = ", ".join(f"{count:,} {what}" for what, count in done.items())
    click.echo(f"{file.name}: {counts}, {len(loaded.faults):,} rejected")
    for column in loaded.left_out:
        near = meant(column)
        click.echo(shown(f"column {column} is left out" + (f"; did you mean {near}?" if near else "")), err=True)
    for fault in loaded.faults[:FAULTS_SHOWN]:
        click.echo(shown(f"line {fault.line:,}: {fault.reason}"), err=True)
    if len(loaded.faults) > FAULTS_SHOWN:
        click.echo("… all with --json", err=True)


def _row(one: StoreRow) -> dict[str, Any]:
    import msgspec

    return msgspec.structs.asdict(one) | {
        "first_receipt_at": _time(one.first_receipt_at),
        "last_receipt_at": _time(one.last_receipt_at),
        "revenue_by_currency": {currency: str(money) for currency, money in one.revenue_by_currency.items()},
    }


def _line(one: StoreRow) -> str:
    where = ", ".join(filter(None, (one.name, one.place, one.country))) if one.is_listed else "not in the directory"
    parts = [f"{one.store_id}  {where}" if where else one.store_id]
    if one.receipts:
        money = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in one.revenue_by_currency.items())
        last = (_time(one.last_receipt_at) or "")[:10]
        receipts = "1 receipt" if one.receipts == 1 else f"{one.receipts:,} receipts"
        parts.append(f"{receipts}, the last on {last}" + (f", {money}" if money else ""))
    elif one.touchpoints:
        parts.append("1 touchpoint" if one.touchpoints == 1 else f"{one.touchpoints:,} touchpoints")
    return "  ".join(parts)


def _time(at: int | None) -> str | None:
    from explore.answers import moment

    found = moment(at)
    return found.isoformat(timespec="milliseconds") if found else None
