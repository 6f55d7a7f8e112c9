"""``tappa log``."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tappa.cli.options import NotDoneError, data_option, hint, json_option, read_settings

if TYPE_CHECKING:
    from stream.log.kafka.growth import Grown
    from stream.settings import LogSettings

LOOK_INTERVAL_S: Final = 0.5
"""Between two looks at how much is left."""
IDLE_S: Final = 20.0
"""After so long without a change, say so."""


@click.group(epilog="Example: tappa log grow 24")
def log() -> None:
    """What ingest appends to and workers read from."""


@log.command(epilog="Example: tappa log grow 24")
@click.argument("partitions", type=click.IntRange(2, 1024))
@data_option
@json_option
def grow(partitions: int, data: Path, as_json: bool) -> None:
    """Give the log on Kafka more PARTITIONS, so that more workers can share it.

    Everything goes on meanwhile: what comes is appended to a new topic from then on, and workers read that once all in
    the old one is worked off. No setting has to be changed first and nothing has to be restarted.

    This command waits for the workers. Stop it whenever you like, or call it again after a crash: it takes up where it
    was. The old topic is kept as long as its retention says; delete it when you like after that.
    """
    from stream.log.interface import LogError
    from stream.log.kafka.growth import GrowthError, grow

    settings = read_settings(data).log
    if not settings.kafka.servers:
        raise NotDoneError(
            f"the embedded log has {settings.partitions} partitions for good: they serve as many workers, which is more"
            " than one machine has cores for. For several machines go to Kafka (docs/kafka.md). To begin with more "
            "here: wait for the workers (tappa status --wait 600), stop tappa up, move the folder "
            f"{data / 'log'} away, set log.partitions = {partitions} and start tappa up: everybody is folded again "
            "from the facts in the store"
        )
    try:
        grown = asyncio.run(grow(settings, partitions))
        _say_that_it_has(grown, as_json)
        _wait(settings, data)
    except (GrowthError, LogError) as error:
        raise NotDoneError(str(error)) from None
    except KeyboardInterrupt:
        again = hint(f"log grow {partitions}", data)
        raise NotDoneError(f"stopped waiting; the workers go on. To wait again: {again}") from None
    if as_json:
        _print(grown, "read")
    else:
        click.echo(
            f"all in the old topic is worked off: {grown.partitions} workers can share the log. "
            f"Set log.partitions = {grown.partitions} when you next change the settings"
        )


def _say_that_it_has(grown: Grown, as_json: bool) -> None:
    if as_json:
        _print(grown, "appended")
    else:
        since = "already " if grown.already else ""
        click.echo(f"what is appended goes to topic {grown.topic} with {grown.partitions} partitions {since}now")


def _wait(settings: LogSettings, data: Path) -> None:
    """Return once all that the topics before hold is worked off."""
    from stream.log.interface import LogUnavailableError
    from stream.log.kafka.standing import kafka_status
    from tappa.imports.display import Display

    most, least, changed_at = 0, None, time.monotonic()
    with Display("working off the old topic") as display:
        while True:
            try:
                status = asyncio.run(kafka_status(settings))
            except LogUnavailableError:  # brokers come and go, and the move is made
                time.sleep(LOOK_INTERVAL_S)
                continue
            left = status.earlier if status else 0
            if not left:
                return
            most, now = max(most, left), time.monotonic()
            display.show(1 - left / most, f"{left:,} messages left")
            if left != least:
                least, changed_at = left, now
            elif now - changed_at > IDLE_S:
                changed_at = now
                click.echo(f"nothing is worked off; does a worker run? See: {hint('status', data)}", err=True)
            time.sleep(LOOK_INTERVAL_S)


def _print(grown: Grown, state: str) -> None:
    import orjson

    click.echo(orjson.dumps({"state": state, "topic": grown.topic, "partitions": grown.partitions}).decode())
