"""A model that changes while touchpoints arrive and processes are killed: the views show the old version until they
show the new one, and each is that of a batch job over everything."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from stage_engine.model import SHIPPED
from tests.e2e.chaos import SETTINGS, VISIBLE_WITHIN_S, yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.installation import TAPPA, Installation
from tests.e2e.items import DAY_MS, Item
from tests.e2e.traffic import Traffic
from tests.e2e.views import MODEL_FILE, differences

OLD: Final = MODEL_FILE.read_text()
NEW: Final = OLD.replace("P90D", "P77D").replace("to: loyalty, label: repeat_purchase", "to: advocacy, label: again")
SLICES: Final = 20
"""About: so that a rebuild takes a while, and much arrives meanwhile."""
AT_REST_S: Final = 0.5
"""A time-out may come due while views are compared."""


async def change(
    directory: Path,
    *,
    beside: Sequence[str],
    touchpoints: int,
    per_s: float,
    kills: Sequence[str],
    seed: int = 11,
    say: Callable[[str], None] = print,
) -> Counter[str]:
    """Send a third of the touchpoints. Change the model; while the second third arrives, begin its rebuild, kill the
    command, and then the processes named in ``kills``. While the last third arrives, end the rebuild, and kill a
    worker. Compare every view after the second third and after the last. ``beside``: the other active models. Returns
    how often each was killed."""
    end_ms = yesterday_ms()
    mine = directory / "mine.yaml"
    mine.write_text(OLD)
    others = [(SHIPPED / f"{name}.yaml").read_text() for name in beside]
    settings = SETTINGS | {
        "TAPPA_MODELS__ACTIVE": json.dumps([str(mine), *beside]),
        "TAPPA_MODELS__DEFAULT": str(mine),
        "TAPPA_WORKER__REBUILD_TOUCHPOINTS_MAX": str(touchpoints // SLICES),
        "TAPPA_WORKER__BATCH_MESSAGES_MAX": "500",
    }
    traffic = Traffic(seed, touchpoints=touchpoints, customers=touchpoints // 9, end_ms=end_ms).sendings(1)
    third = len(traffic) // 3

    def wrong(tappa: Installation, sent: Sequence[Item], model: str) -> dict[str, list[str]]:
        said = [item.touchpoint for item in sent]
        at_ms = end_ms - 10 * DAY_MS + 12_345
        for _ in range(3):
            now_ms = time.time_ns() // 1_000_000
            found = differences(tappa, said, now_ms=now_ms, at_ms=at_ms, models=[model, *others])
            if not found:
                break
            time.sleep(AT_REST_S)
        return found

    killed: Counter[str] = Counter()
    with Installation(directory, workers=2, **settings) as tappa:

        async def kill(target: str) -> None:
            await asyncio.to_thread(tappa.kill, target)
            killed[target] += 1
            say(f"killed {target}")

        delivery = Delivery(tappa, per_s=per_s)
        await delivery.send(traffic[:third])
        mine.write_text(NEW)
        sending = asyncio.create_task(delivery.send(traffic[third : 2 * third]))
        await asyncio.to_thread(begin_and_die, tappa)
        killed["the command"] += 1
        for target in kills:
            await kill(target)
        await sending
        await asyncio.to_thread(tappa.wait_until_visible, VISIBLE_WITHIN_S)
        assert wrong(tappa, traffic[: 2 * third], OLD) == {}, tappa.said()
        began, before = time.monotonic(), len(delivery.acknowledged)
        sending = asyncio.create_task(delivery.send(traffic[2 * third :]))
        ending = asyncio.create_task(said(tappa, "model", "rebuild"))
        await kill("worker-2")
        await sending
        per_s = (len(delivery.acknowledged) - before) / (time.monotonic() - began)
        assert "seven_stage: in force" in await ending
        say(f"{len(beside) + 1} models; {per_s:,.0f} touchpoints/s acknowledged while the rebuild ended")
        await asyncio.to_thread(tappa.wait_until_visible, VISIBLE_WITHIN_S)
        assert wrong(tappa, traffic, NEW) == {}, tappa.said()
        assert json.loads(await said(tappa, "status", "--json"))["models_waiting"] == []
    return killed


def begin_and_die(tappa: Installation) -> None:
    """Begin a rebuild, and kill the command as soon as workers fold."""
    command = [*TAPPA, "model", "rebuild", "--json", "--data", str(tappa.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=tappa.environment) as running:
        assert running.stdout is not None
        begun = any(json.loads(line)["begun"] for line in running.stdout)
        running.kill()
        assert begun, tappa.said()


async def said(tappa: Installation, *arguments: str) -> str:
    """What a command says, in a process of its own, because others run beside it."""
    done = await asyncio.to_thread(tappa.attempt, *arguments)
    assert done.returncode == 0, f"{done.stderr}\n{tappa.said()}"
    return done.stdout
