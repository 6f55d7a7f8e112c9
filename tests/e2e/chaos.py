"""kill -9 at random moments under load: what is left must be what the reference says."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any, Final

from stream.log.kafka.log import KafkaLog
from stream.settings import LogSettings
from tappa.workers import worker_name
from tests.e2e import said
from tests.e2e.delivery import Delivery
from tests.e2e.installation import Installation
from tests.e2e.items import DAY_MS
from tests.e2e.traffic import Traffic
from tests.e2e.views import differences
from tests.kafka.running_broker import RunningBroker

CHANGES_TOPIC: Final = "stage-changes"
WORKERS: Final = 2
TARGETS: Final = ("ingest", "worker", "worker-2", "store", "supervisor")
EVERYTHING: Final = "everything"
INGEST: Final = "ingest"
BROKER: Final = "broker"
FREEZE: Final = "freeze "
"""Before the name of a part: it is stopped for longer than a session, and then goes on as if nothing had been."""
SESSION_S: Final = 2
BATCH_MESSAGES: Final = 5_000
"""So many are done before partitions are shared out anew, also on a busy machine."""
JOIN: Final = "join "
LEAVE: Final = "leave "
"""Before the name of a worker beside those of ``tappa up``."""
GROW: Final = "grow "
"""Before a number of partitions; the log has eight."""
GROWN: Final = 11
VISIBLE_WITHIN_S: Final = 240.0
WORKED_OFF_PER_S: Final = 500
"""Touchpoints that workers get through at least, late ones and copies among them, beside a broker on two cores."""
SETTINGS: Final = {"TAPPA_SUPERVISOR__BACKOFF_S_MAX": "1"}
"""A part that is killed again and again is otherwise left alone for up to half a minute, which is good manners but no
test."""


def on_kafka(broker: RunningBroker) -> dict[str, str]:
    """The settings of an installation whose log is there; a session is short."""
    return {
        "TAPPA_LOG__KAFKA__SERVERS": broker.address,
        "TAPPA_LOG__KAFKA__SESSION_TIMEOUT_S": str(SESSION_S),
        "TAPPA_LOG__KAFKA__CHANGES_TOPIC": CHANGES_TOPIC,
        "TAPPA_WORKER__BATCH_MESSAGES_MAX": str(BATCH_MESSAGES),
    }


async def in_the_topic(broker: RunningBroker) -> list[dict[str, Any]]:
    """All that was said of stage visits there, as ``said.in_the_table`` has it."""
    settings = LogSettings.model_validate({"kafka": {"servers": broker.address, "topic": CHANGES_TOPIC}})
    async with await KafkaLog.open(settings) as topic:
        positions, ends, found = await topic.heads(), await topic.ends(), list[dict[str, Any]]()
        while positions != ends:
            for one in await topic.read(positions, messages_max=100_000, wait_s=1):
                positions[one.partition] = one.offset + 1
                found.append(said.row_of(json.loads(one.frame)))
        return found


def yesterday_ms() -> int:
    """The midnight (UTC) a day before the last one."""
    return (int(time.time() * 1000) // DAY_MS - 1) * DAY_MS


async def torture(
    directory: Path,
    *,
    seed: int,
    kills: Sequence[str],
    touchpoints: int,
    pause_s: tuple[float, float],
    say: Callable[[str], None] = print,
    broker: RunningBroker | None = None,
    workers: int = WORKERS,
) -> Counter[str]:
    """Send ``touchpoints`` of them over and over, while the processes named in ``kills`` are killed one after the other
    with pauses of ``pause_s`` (from, to); then compare every view with the reference. Returns how often each was
    killed. ``directory`` must exist. The log is on Kafka if there is a ``broker``, which may be killed, too."""
    chance = Random(seed)
    end_ms = yesterday_ms()
    traffic = Traffic(seed, touchpoints=touchpoints, customers=max(50, touchpoints // 20), end_ms=end_ms)
    killed: Counter[str] = Counter()
    settings = {**SETTINGS, **said.SETTINGS, **(on_kafka(broker) if broker else {})}
    with Installation(directory, workers=workers, **settings) as tappa:
        delivery = Delivery(tappa, pause_s=0.02)
        killing = asyncio.create_task(kill_all(tappa, kills, chance, pause_s, killed, say, broker))
        rounds = 0
        try:
            while not killing.done() or not rounds:
                await delivery.send(traffic.sendings(rounds))
                rounds += 1
            await killing
        finally:
            killing.cancel()
        await asyncio.to_thread(tappa.wait_until_ready)
        within_s = VISIBLE_WITHIN_S + len(delivery.acknowledged) / WORKED_OFF_PER_S
        await asyncio.to_thread(tappa.wait_until_visible, within_s)
        say(f"{len(delivery.acknowledged)} acknowledged in {rounds} rounds, {delivery.tries_again} requests repeated")
        sent = [item.touchpoint for item in traffic.sendings(0)]
        found = differences(tappa, sent, now_ms=end_ms + DAY_MS, at_ms=end_ms - 10 * DAY_MS + 12_345)
        assert found == {}, f"seed {seed}: {found}\n{tappa.said()}"
        await asyncio.to_thread(said.wait_until_true, tappa)
        if broker:
            assert not (wrong := said.untrue(tappa, await in_the_topic(broker))), f"seed {seed}: {wrong}"
    return killed


def on_kafka_order(chance: Random, times: int, workers: int) -> list[str]:
    """So many of each, in any order; between all of them a worker more comes, or one that came goes; and once the log
    grows."""
    names = [worker_name(number) for number in range(1, workers + 1)]
    order = [INGEST, BROKER, *names, *(f"{FREEZE}{name}" for name in names)] * times
    chance.shuffle(order)
    order.insert(len(order) // 2, f"{GROW}{GROWN}")
    coming = [
        what.format(number)
        for number in range(len(order) // 2)
        for what in (f"{JOIN}beside-{{}}", f"{LEAVE}beside-{{}}")
    ]
    return [one for pair in zip_longest(order, coming) for one in pair if one]


async def grow(tappa: Installation, partitions: str) -> None:
    """Have the log grow: again and again, because brokers are killed meanwhile."""
    give_up = time.monotonic() + VISIBLE_WITHIN_S
    while (done := await asyncio.to_thread(tappa.attempt, "log", "grow", partitions)).returncode:
        assert time.monotonic() < give_up, done.stderr


async def kill_all(
    tappa: Installation,
    kills: Sequence[str],
    chance: Random,
    pause_s: tuple[float, float],
    killed: Counter[str],
    say: Callable[[str], None],
    broker: RunningBroker | None = None,
) -> None:
    """Kill what is named, in this order, at random moments. What is frozen, and a log that grows, goes on while
    others are killed."""
    async with asyncio.TaskGroup() as meanwhile:
        for target in kills:
            await asyncio.sleep(chance.uniform(*pause_s))
            if target == EVERYTHING:
                await asyncio.to_thread(tappa.kill_everything)
            elif target == BROKER:
                assert broker is not None
                await asyncio.to_thread(broker.kill)
                await asyncio.to_thread(broker.start)
            elif target.startswith(JOIN):
                await asyncio.to_thread(tappa.join, target.removeprefix(JOIN))
            elif target.startswith(LEAVE):
                await asyncio.to_thread(tappa.leave, target.removeprefix(LEAVE))
            elif target.startswith(FREEZE):
                freeze = asyncio.to_thread(tappa.freeze, target.removeprefix(FREEZE), 2 * SESSION_S)
                meanwhile.create_task(freeze)
            elif target.startswith(GROW):
                meanwhile.create_task(grow(tappa, target.removeprefix(GROW)))
            else:
                await asyncio.to_thread(tappa.kill, target)
            killed[target] += 1
            say(f"killed {target}")
