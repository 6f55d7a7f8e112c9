"""The long form of the kill tests, ``python -m tests.e2e.soak``: much traffic while each process is killed twenty times
and then all together, models that change and a rolling restart while 2,000 touchpoints a second arrive, a hundred seeds
of kills on Kafka, and two hundred histories in which nearly every touchpoint says who is who.

Prints the seeds, so that a failure can be repeated, and leaves the data directory of a failure where it says.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from pathlib import Path
from random import Random
from traceback import format_exception
from typing import Final

from tests.e2e.changing import change
from tests.e2e.chaos import EVERYTHING, TARGETS, on_kafka_order, torture
from tests.e2e.copies import lose_brokers
from tests.e2e.lives import live, lots
from tests.e2e.rolling import roll
from tests.kafka.running_broker import RunningBroker, running_broker

CHANGES: Final = (("linear",), ("five_stage", "four_stage", "linear", "circular", "five_e"))
"""The models that are active beside the one that changes."""
CHANGE_TOUCHPOINTS: Final = 20_000
CHANGE_PER_S: Final = 2_000
ROLLING_PER_S: Final = 2_000
KAFKA_WORKERS: Final = 3


def main() -> None:
    arguments = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing is left running
    soak = Soak()
    if arguments.kills:
        soak.traffic(arguments.kills, arguments.seed)
    if arguments.changes:
        for beside in CHANGES:
            soak.change(beside)
    if arguments.rolling:
        soak.rolling()
    for seed in range(arguments.first, arguments.first + arguments.kafka):
        soak.kafka(seed, arguments.touchpoints)
    if arguments.brokers:
        soak.brokers(arguments.brokers)
    for seeds in lots(arguments.first, arguments.histories):
        soak.histories(seeds)
    soak.say(f"{soak.wrong} wrong of {soak.done}")
    sys.exit(1 if soak.wrong else 0)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description="The long form of the kill tests.")
    parser.add_argument("--kills", type=int, default=20, help="of each process under traffic; 0: none (%(default)s)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the traffic and its kills (the time)")
    parser.add_argument("--no-changes", dest="changes", action="store_false", help="leave out changing models")
    parser.add_argument("--no-rolling", dest="rolling", action="store_false", help="leave out the rolling restart")
    parser.add_argument("--kafka", type=int, default=100, help="how often on Kafka (%(default)s)")
    parser.add_argument("--touchpoints", type=int, default=50_000, help="so many each time there (%(default)s)")
    parser.add_argument("--brokers", type=int, default=4_000, help="touchpoints on three; 0: none (%(default)s)")
    parser.add_argument("--histories", type=int, default=200, help="how many histories (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one (%(default)s)")
    return parser.parse_args()


class Soak:
    """What was done until now, and how much of it went wrong."""

    def __init__(self) -> None:
        self.done = self.wrong = 0
        self._began = time.monotonic()

    def say(self, line: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {line}", flush=True)

    def traffic(self, kills: int, seed: int) -> None:
        """Much traffic, and so many kills of each process."""
        directory = Path(tempfile.mkdtemp(prefix="tappa-soak-"))
        order = [*TARGETS] * kills
        Random(seed).shuffle(order)
        order += [EVERYTHING] * max(1, kills // 4)
        self.say(f"seed {seed}, {len(order)} kills")
        lived = torture(directory, seed=seed, kills=order, touchpoints=10_000, pause_s=(0.2, 4.0), say=self.say)
        self._run(directory, f"traffic of seed {seed}", lived)

    def change(self, beside: Sequence[str]) -> None:
        """A model that changes under steady traffic, beside others."""
        directory = Path(tempfile.mkdtemp(prefix="tappa-soak-"))
        lived = change(
            directory, beside=beside, touchpoints=CHANGE_TOUCHPOINTS, per_s=CHANGE_PER_S, kills=TARGETS, say=self.say
        )
        self._run(directory, f"a change beside {len(beside)} models", lived)

    def rolling(self) -> None:
        """Workers and ingest restarted one after the other, on Kafka, under steady traffic; says how long things
        took."""
        directory = Path(tempfile.mkdtemp(prefix="tappa-soak-"))

        async def rolled(broker: RunningBroker) -> Counter[str]:
            found = await roll(directory, broker, per_s=ROLLING_PER_S, calm_s=20, say=self.say)
            self.say(found.said())
            assert not found.failed, found.failed[:5]
            assert not found.missing, f"{found.missing} customers are missing"
            return Counter({"restarts": 3})

        with running_broker() as broker:
            self._run(directory, "a rolling restart", rolled(broker))

    def kafka(self, seed: int, touchpoints: int) -> None:
        """Traffic on Kafka, workers killed, frozen, added and stopped, ingest and broker killed, partitions added."""
        directory = Path(tempfile.mkdtemp(prefix="tappa-soak-"))
        with running_broker() as broker:
            lived = torture(
                directory,
                seed=seed,
                kills=on_kafka_order(Random(seed), 2, KAFKA_WORKERS),
                workers=KAFKA_WORKERS,
                touchpoints=touchpoints,
                pause_s=(0.2, 4.0),
                say=self.say,
                broker=broker,
            )
            self._run(directory, f"Kafka, seed {seed}", lived)

    def brokers(self, touchpoints: int) -> None:
        """Traffic on three brokers, of which one and two are dead."""
        directory = Path(tempfile.mkdtemp(prefix="tappa-soak-"))

        async def lived() -> Counter[str]:
            await lose_brokers(directory, touchpoints=touchpoints, say=self.say)
            return Counter(brokers=4)

        self._run(directory, "three brokers", lived())

    def histories(self, seeds: list[int]) -> None:
        """Those of the seeds, on one installation."""
        directory = Path(tempfile.mkdtemp(prefix="tappa-soak-"))
        self._run(directory, f"histories {seeds[0]} to {seeds[-1]}", live(directory, seeds, lambda _: None))

    def _run(self, directory: Path, what: str, lived: Coroutine[None, None, Counter[str]]) -> None:
        self.done += 1
        try:
            killed = asyncio.run(lived)
        except Exception as error:
            self.wrong += 1
            self.say(f"{what}: WRONG, data in {directory}\n{''.join(format_exception(error))}")
        else:
            self.say(f"{what}: every view equals the reference after {dict(killed)}")
            shutil.rmtree(directory)


if __name__ == "__main__":
    main()
