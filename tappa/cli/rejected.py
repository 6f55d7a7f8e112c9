"""``tappa rejected``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tappa.cli.options import NotDoneError, data_option, hint, json_option, read_settings
from tappa.exits import EXIT_NOT_DONE

if TYPE_CHECKING:
    from store.rejected_rows import RejectedRow
    from tappa.replay import Replayed


@click.group()
def rejected() -> None:
    """Dead letters: items that were read but not accepted, each with its reason."""


@rejected.command(
    "list", epilog="Examples: tappa rejected list    tappa rejected list --code missing_identifier --json"
)
@data_option
@json_option
@click.option("--code", default="", help="Only those refused for this reason.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="The newest so many.")
@click.option("--replayed", is_flag=True, help="Those that were replayed, instead of those that are open.")
def list_(data: Path, as_json: bool, code: str, limit: int, replayed: bool) -> None:
    """Show the newest dead letters."""
    import orjson

    letters = asyncio.run(_letters(data, code, limit, replayed))
    if as_json:
        click.echo(orjson.dumps([_row(letter) for letter in letters], option=orjson.OPT_INDENT_2).decode())
        return
    if not letters:
        click.echo("no dead letters")
    for letter in letters:
        click.echo(f"{_time(letter)}  {letter.source or 'the log'}  {letter.code}  {letter.rejected_id}")
        click.echo(f"    {letter.reason}")
        click.echo(f"    {_excerpt(letter.body)}")


@rejected.command(epilog="Examples: tappa rejected replay    tappa rejected replay --code implausible_time")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@data_option
@json_option
@click.option("--code", default="", help="Only those refused for this reason.")
def replay(ids: tuple[str, ...], data: Path, as_json: bool, code: str) -> None:
    """Send open dead letters again, all of them or those named, once what refused them has changed.

    Safe to repeat: a touchpoint counts once. What is refused again stays open.
    """
    from store.interface import StoreError
    from stream.log.interface import LogError
    from tappa.imports.delivery import DeliveryError

    try:
        done = asyncio.run(_replay(data, code, ids))
    except (DeliveryError, StoreError, LogError) as error:
        raise NotDoneError(f"{error}. What was sent before is safe; replay again for the rest.") from None
    if as_json:
        import orjson

        click.echo(orjson.dumps({"accepted": done.accepted, "refused": done.refused, "left": dict(done.left)}).decode())
    else:
        click.echo(f"{done.accepted:,} accepted, {done.refused:,} refused again")
        for reason, count in done.left.items():
            click.echo(f"{count:,} not sent: {reason}")
    if done.refused or done.left:
        click.echo(f"See: {hint('rejected list', data)}", err=True)
        click.get_current_context().exit(EXIT_NOT_DONE)


async def _letters(data: Path, code: str, limit: int, replayed: bool) -> list[RejectedRow]:
    from store.clickhouse import connect
    from store.interface import StoreError
    from store.rejected_rows import list_rejected
    from tappa.running import store_settings

    store = connect(store_settings(data, read_settings(data)))
    try:
        return await list_rejected(store, limit=limit, code=code, replayed=replayed)
    except StoreError as error:
        raise NotDoneError(f"{error}. Does it run? See: {hint('status', data)}") from None
    finally:
        await store.close()


async def _replay(data: Path, code: str, ids: Sequence[str]) -> Replayed:
    from store.clickhouse import connect
    from stream.log.opening import open_log
    from tappa.imports.target import ingest_url
    from tappa.replay import replay as send_again
    from tappa.running import store_settings

    settings = read_settings(data)
    keys = {source.name: source.write_keys[0] for source in settings.sources if source.write_keys}
    store = connect(store_settings(data, settings))
    try:
        async with await open_log(data / "log", settings.log) as log:
            return await send_again(
                store,
                log,
                ingest_url(data),
                keys,
                code=code,
                ids=ids,
                started_ms=time.time_ns() // 1_000_000,
                report=_progress,
            )
    finally:
        await store.close()


def _progress(done: Replayed) -> None:
    click.echo(f"{done.accepted + done.refused:,} sent", err=True)


def _row(letter: RejectedRow) -> dict[str, object]:
    return {
        "rejected_id": letter.rejected_id,
        "received_at": _time(letter),
        "source": letter.source,
        "code": letter.code,
        "reason": letter.reason,
        "message_id": letter.message_id,
        "endpoint": letter.endpoint,
        "replayed": letter.replayed,
        "body": letter.body.decode("utf-8", "replace"),
    }


def _time(letter: RejectedRow) -> str:
    return datetime.fromtimestamp(letter.received_at / 1000, UTC).isoformat(timespec="milliseconds")


def _excerpt(body: bytes) -> str:
    """The beginning, without what a terminal would act on."""
    text = body[:200].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "·" for letter in text) + ("…" if len(body) > 200 else "")
