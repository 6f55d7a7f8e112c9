"""Workers and ingest are restarted one after the other, and no sender notices. ``python -m tests.e2e.soak`` does
it under 2,000 touchpoints a second, and says how long things took."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.rolling import roll
from tests.kafka.running_broker import RunningBroker

pytestmark = pytest.mark.slow


async def test_in_a_rolling_restart_no_request_fails_and_nothing_is_lost(tmp_path: Path) -> None:
    with RunningBroker(tmp_path / "broker") as broker:
        rolled = await roll(tmp_path, broker, per_s=400, calm_s=2)
    print(rolled.said())
    assert rolled.failed == []
    assert rolled.missing == 0
    assert rolled.requests > 40
