"""A model that changes while touchpoints arrive and processes are killed: the views show the old version until they
show the new one, and each is that of a batch job over everything."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from pathlib import Path

import pytest

from stage_engine.model import SHIPPED
from tests.e2e.chaos import SETTINGS, VISIBLE_WITHIN_S, yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.installation import TAPPA, Installation
from tests.e2e.items import DAY_MS, Item
from tests.e2e.traffic import Traffic
from tests.e2e.views import MODEL_FILE, differences

pytestmark = pytest.mark.slow
OLD = MODEL_FILE.read_text()
NEW = OLD.replace("P90D", "P77D").replace("to: loyalty, label: repeat_purchase", "to: advocacy, label: again")
SMALL = {"TAPPA_WORKER__REBUILD_TOUCHPOINTS_MAX": "50", "TAPPA_WORKER__BATCH_MESSAGES_MAX": "500"}
"""So that it takes a while, and much arrives meanwhile."""


def begin_and_die(tappa: Installation) -> None:
    """Begin a rebuild, and kill the command as soon as workers fold."""
    command = [*TAPPA, "model", "rebuild", "--json", "--data", str(tappa.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=tappa.environment) as running:
        assert running.stdout is not None
        begun = any(json.loads(line)["begun"] for line in running.stdout)
        running.kill()
        assert begun, tappa.said()


async def end(tappa: Installation) -> str:
    return await asyncio.to_thread(tappa.command, "model", "rebuild")


@pytest.mark.parametrize("beside", [("linear",), ("five_stage", "four_stage", "linear", "circular", "five_e")])
async def test_views_are_those_of_the_old_model_until_all_are_those_of_the_new_one(
    tmp_path: Path, beside: tuple[str, ...]
) -> None:
    end_ms = yesterday_ms()
    mine = tmp_path / "mine.yaml"
    mine.write_text(OLD)
    active = {"TAPPA_MODELS__ACTIVE": json.dumps([str(mine), *beside]), "TAPPA_MODELS__DEFAULT": str(mine)}
    others = [(SHIPPED / f"{name}.yaml").read_text() for name in beside]
    traffic = Traffic(11, touchpoints=900, customers=100, end_ms=end_ms).sendings(1)
    third = len(traffic) // 3

    def wrong(tappa: Installation, sent: list[Item], model: str) -> dict[str, list[str]]:
        touchpoints = [item.touchpoint for item in sent]
        at_ms = end_ms - 10 * DAY_MS + 12_345
        for _ in range(3):  # a time-out may come due just now
            now_ms = time.time_ns() // 1_000_000
            found = differences(tappa, touchpoints, now_ms=now_ms, at_ms=at_ms, models=[model, *others])
            if not found:
                break
        return found

    with Installation(tmp_path, workers=2, **SETTINGS, **SMALL, **active) as tappa:
        delivery = Delivery(tappa, pause_s=0.02)
        await delivery.send(traffic[:third])
        mine.write_text(NEW)
        sending = asyncio.create_task(delivery.send(traffic[third : 2 * third]))
        await asyncio.to_thread(begin_and_die, tappa)
        await asyncio.to_thread(tappa.kill, "worker")
        await sending
        await asyncio.to_thread(tappa.wait_until_visible, VISIBLE_WITHIN_S)
        assert wrong(tappa, traffic[: 2 * third], OLD) == {}, tappa.said()
        sending = asyncio.create_task(delivery.send(traffic[2 * third :]))
        ending = asyncio.create_task(end(tappa))
        await asyncio.to_thread(tappa.kill, "worker-2")
        await sending
        assert "seven_stage: in force" in await ending
        await asyncio.to_thread(tappa.wait_until_visible, VISIBLE_WITHIN_S)
        assert wrong(tappa, traffic, NEW) == {}, tappa.said()
        assert json.loads(tappa.command("status", "--json"))["models_waiting"] == []
