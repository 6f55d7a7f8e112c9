"""A few kills of each process, at seeded moments. ``python -m tests.e2e.soak`` does twenty of each."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.e2e.chaos import EVERYTHING, TARGETS, torture

pytestmark = pytest.mark.slow


async def test_kill_9_of_each_process_under_load_and_of_all_together_loses_and_doubles_nothing(tmp_path: Path) -> None:
    kills = [*TARGETS, *TARGETS]
    Random(1).shuffle(kills)
    killed = await torture(tmp_path, seed=1, kills=[*kills, EVERYTHING], touchpoints=2_000, pause_s=(0.2, 2.0))
    assert killed == {**dict.fromkeys(TARGETS, 2), EVERYTHING: 1}
