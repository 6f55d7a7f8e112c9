"""``tappa status``."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tappa.cli.options import NotDoneError, data_option, hint, json_option, read_settings
from tappa.exits import EXIT_NOT_DONE

if TYPE_CHECKING:
    from store.interface import Store
    from tappa.runfile import Run
    from tappa.settings import Settings


@click.command(epilog="Examples: tappa status    tappa status --wait 30    tappa status --json")
@data_option
@json_option
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    help="Return once all that was accepted before now can be queried, or after so many seconds with exit code 1.",
)
def status(data: Path, as_json: bool, wait_s: float | None) -> None:
    """What runs, where it listens, how far it is.

    The lag is the number of touchpoints (and dead letters) that are accepted and cannot be queried yet. Exit code 1
    says that something does not run, or with --wait that there was not enough time.
    """
    from stream.log.interface import LogError
    from tappa.running import current_run
    from tappa.waiting import followed_up

    settings = read_settings(data)
    try:
        reached = wait_s is None or followed_up(data / "log", settings.log, wait_s)
    except LogError as error:
        raise NotDoneError(str(error)) from None
    found = {
        "data": str(data.absolute()),
        **_log(data, settings),
        **asyncio.run(_look(data, current_run(data), settings)),
    }
    if as_json:
        import orjson

        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(data, found)
    if wait_s is not None and not reached:
        raise NotDoneError(f"not all of it can be queried after {wait_s:g} s")
    if wait_s is None and not _well(found):
        click.get_current_context().exit(EXIT_NOT_DONE)


def _well(found: dict[str, Any]) -> bool:
    """Whether everything runs."""
    return bool(found["parts"]) and all(part["alive"] for part in found["parts"].values())


async def _look(data: Path, run: Run | None, settings: Settings) -> dict[str, Any]:
    return {
        "ready": bool(run and run.ready),
        "parts": await _parts(run, settings) if run else {},
        **await _counts(data, run, settings),
    }


async def _parts(run: Run, settings: Settings) -> dict[str, Any]:
    from tappa.child import is_well
    from tappa.cli.up import HEALTH
    from tappa.runfile import reachable
    from tappa.workers import part_kind

    names = list(run.parts)
    parts = list(run.parts.values())
    timeout_s = settings.supervisor.health_timeout_s
    well = await asyncio.gather(
        *(
            is_well(reachable(part.host), part.port, HEALTH[part_kind(name)], timeout_s)
            for name, part in run.parts.items()
        )
    )
    return {
        name: {"url": part.url, "alive": alive, "pid": part.pid, "restarts": part.restarts}
        for name, part, alive in zip(names, parts, well, strict=True)
    }


def _log(data: Path, settings: Settings) -> dict[str, Any]:
    """The lag; None when the log cannot be read."""
    from stream.log.interface import LogError
    from stream.log.opening import log_status

    try:
        log = log_status(data / "log", settings.log)
    except LogError as error:
        return {"lag": None, "log_error": str(error)}
    oldest = log.lag.oldest_appended_at if log else None
    return {
        "lag": log.lag.messages + log.earlier if log else 0,
        "lag_bytes": log.lag.bytes if log else 0,
        "lag_seconds": max(0.0, time.time() - oldest / 1000) if oldest is not None else 0.0,
    }


async def _counts(data: Path, run: Run | None, settings: Settings) -> dict[str, Any]:
    """What is in the store; None where it cannot be asked."""
    from store.clickhouse import connect
    from store.interface import StoreError
    from store.rejected_rows import counts
    from tappa.running import store_settings

    unknown = {"touchpoints": None, "customers": None, "rejected": None, "models_waiting": None}
    if run is None or run.parts["store"].pid is None:
        return unknown
    store = connect(store_settings(data, settings))
    try:
        found = await counts(store)
        lines = await _waiting(store, settings)
    except StoreError:
        return unknown
    finally:
        await store.close()
    return {
        "touchpoints": found.touchpoints,
        "customers": found.customers,
        "rejected": found.rejected,
        "models_waiting": lines,
    }


async def _waiting(store: Store, settings: Settings) -> list[str]:
    """What a rebuild would change; a line that says so where a file cannot be used."""
    from stage_engine.model import ModelError, load_model
    from tappa.rebuild import waiting

    try:
        return await waiting(store, [load_model(name) for name in settings.models.active])
    except ModelError as error:
        return [f"a journey model cannot be used: {error}"]


def _print(data: Path, found: dict[str, Any]) -> None:
    if not found["parts"]:
        click.echo(f"nothing runs on {found['data']}; start it with: {hint('up', data)}")
    for name, part in found["parts"].items():
        restarts = f", restarted {part['restarts']} times" if part["restarts"] else ""
        state = "alive" if part["alive"] else "does not answer"
        click.echo(f"{name:<12}{part['url']:<28}{state} (process {part['pid'] or 'none'}{restarts})")
    lag = "unknown" if found["lag"] is None else f"{found['lag']:,}"
    click.echo(f"{'lag':<12}{lag}" + (f", the oldest {found['lag_seconds']:.1f} s old" if found["lag"] else ""))
    for name in ("touchpoints", "customers", "rejected"):
        if found[name] is not None:
            click.echo(f"{name:<12}{found[name]:,}")
    for line in found["models_waiting"] or ():
        click.echo(f"{'models':<12}{line}; see: {hint('model rebuild --help', data)}")
