"""Histories lived through on a real installation, whose processes are killed meanwhile; several share one.

``python -m tests.e2e.soak --kills 0 --first SEED --histories 1`` lives through one alone.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.e2e import said
from tests.e2e.chaos import EVERYTHING, SETTINGS, TARGETS, VISIBLE_WITHIN_S, WORKERS, kill_all, yesterday_ms
from tests.e2e.decision import Decision, decide, decided
from tests.e2e.delivery import Delivery
from tests.e2e.histories import History
from tests.e2e.installation import Installation
from tests.e2e.items import DAY_MS, SKEW_STEP_MS, Item
from tests.e2e.views import differences

TOGETHER: Final = 7
"""Histories that share an installation, and so its settings: starting one takes as long as living through several."""
KILLS: Final = 4
"""In the life of an installation, and so in that of each history."""
KILLED: Final = {**dict.fromkeys(TARGETS, 2), "supervisor": 1, EVERYTHING: 1}
"""What is killed, and how often as compared with the others."""
PAUSE_S: Final = (0.2, 2.0)
"""From one kill to the next, from and to."""
CLIENTS: Final = 3
"""Of one history."""
SENDING_S: Final = 4.0
"""How long they take over it, without what is repeated: the processes are killed meanwhile."""
LIMITS: Final[Sequence[dict[str, Any]]] = (
    {"values": 2, "of_kind": {"user": 3}},
    {"values": 1, "of_kind": {"user": 1}, "group": 3},
    {},
    {"values": 2, "of_kind": {"user": 3, "device": 1}, "group": 2},
    {"values": 3},
)
"""Limits of identity, in the words of ``tests.reference``: most are low, that they are crossed."""
NAMES: Final = {"values": "VALUES_MAX", "of_kind": "VALUES_MAX_OF_KIND", "group": "GROUP_MAX"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Under which histories live."""

    limits: dict[str, Any]
    settings: dict[str, str]

    @staticmethod
    def of(seed: int) -> Conditions:
        """Those of the histories that share an installation with the one of this seed."""
        lot = seed // TOGETHER
        chance = Random(lot)
        limits = LIMITS[lot % len(LIMITS)]
        settings = {
            "TAPPA_LOG__PARTITIONS": chance.choice(("2", "3", "8")),
            "TAPPA_LOG__FRAME_MESSAGES_MAX": chance.choice(("3", "2000")),
            "TAPPA_WORKER__BATCH_MESSAGES_MAX": chance.choice(("200", "200", "1000")),
            "TAPPA_WORKER__BATCH_WAIT_S": chance.choice(("0.05", "0.2")),
            "TAPPA_WORKER__TIDY_INTERVAL_S": chance.choice(("0.1", "1", "5")),
            "TAPPA_WORKER__REST_TOUCHPOINTS": chance.choice(("8", "1000")),
            "TAPPA_WORKER__CACHE_CUSTOMERS_MAX": chance.choice(("3", "100000")),
        }
        told = {f"TAPPA_IDENTITY__{NAMES[name]}": json.dumps(limit) for name, limit in limits.items()}
        return Conditions(limits=limits, settings={**SETTINGS, **said.SETTINGS, **settings, **told})


def lots(first: int, histories: int) -> list[list[int]]:
    """The seeds from ``first``, those together that share an installation."""
    return [list(seeds) for _, seeds in groupby(range(first, first + histories), lambda seed: seed // TOGETHER)]


async def live(directory: Path, seeds: Sequence[int], say: Callable[[str], None] = print) -> Counter[str]:
    """Live through the histories of the seeds, which share an installation, all at once, while processes are killed;
    then every view must equal the reference. Returns how often what was killed. ``directory`` must exist."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * TOGETHER))  # commands of all, and the killer
    end_ms = yesterday_ms()
    histories = [History(seed, end_ms) for seed in seeds]
    conditions = Conditions.of(seeds[0])
    chance = Random(seeds[0])
    kills = chance.choices([*KILLED], weights=[*KILLED.values()], k=KILLS)
    killed: Counter[str] = Counter()
    with Installation(directory, workers=WORKERS, **conditions.settings) as tappa:
        async with asyncio.TaskGroup() as together:
            together.create_task(kill_all(tappa, kills, chance, PAUSE_S, killed, say))
            for history in histories:
                together.create_task(send(tappa, history))
        await asyncio.to_thread(tappa.wait_until_ready)
        await asyncio.to_thread(tappa.wait_until_visible, VISIBLE_WITHIN_S)
        found = differences(
            tappa,
            [touchpoint for history in histories for touchpoint in history.touchpoints],
            now_ms=end_ms + DAY_MS,
            at_ms=end_ms - DAY_MS - 5 * SKEW_STEP_MS,
            **decided([one for history in histories for one in history.decisions], conditions.limits),
        )
        assert found == {}, f"{failed(histories, found)}\n{conditions}\n{found}\n{tappa.said()}"
        await asyncio.to_thread(said.wait_until_true, tappa)
    return killed


async def send(tappa: Installation, history: History) -> None:
    """What happens in a history, in its order: touchpoints by clients, decisions by an operator, who is not waited
    for."""
    chance = Random(history.seed)
    batch_items = chance.choice((2, 5, 20))
    pause_s = SENDING_S * CLIENTS * batch_items / len(history.sent)
    delivery = Delivery(tappa, clients=CLIENTS, pause_s=pause_s, batch_items=batch_items)
    decisions: asyncio.Queue[Decision | None] = asyncio.Queue()
    async with asyncio.TaskGroup() as together:
        together.create_task(operate(tappa, decisions))
        for _, some in groupby(history.sent, type):
            here = list(some)
            for decision in (one for one in here if isinstance(one, Decision)):
                decisions.put_nowait(decision)
            await delivery.send([one for one in here if isinstance(one, Item)])
        decisions.put_nowait(None)


async def operate(tappa: Installation, decisions: asyncio.Queue[Decision | None]) -> None:
    """Take decisions one after the other, until there are no more."""
    while decision := await decisions.get():
        await decide(tappa, decision)


def failed(histories: Sequence[History], found: dict[str, list[str]]) -> str:
    """Which histories went wrong, and how to live through each once more."""
    rows = [row for lines in found.values() for row in lines]
    wrong = [history.seed for history in histories if history.is_in(rows)]
    again = [f"  python -m tests.e2e.soak --kills 0 --first {seed} --histories 1" for seed in wrong]
    return "\n".join([f"wrong rows of the histories {wrong}; each alone:", *again])
