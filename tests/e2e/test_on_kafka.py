"""The same installation on Kafka: the views are those of the reference, whatever happens to workers and broker.
``python -m tests.e2e.soak`` does more of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chaos import torture
from tests.e2e.growing import grow
from tests.kafka.running_broker import RunningBroker

pytestmark = pytest.mark.slow


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    """One that may be killed."""
    with RunningBroker(tmp_path / "broker") as running:
        yield running


KILLS = {
    1: ["join beside", "worker-2", "broker", "freeze worker", "leave beside", "ingest"],
    2: ["freeze worker-3", "worker", "ingest", "join beside", "freeze worker-2", "leave beside", "broker", "worker-3"],
}
"""By seed."""


@pytest.mark.parametrize(("seed", "workers"), [(1, 2), (2, 3)])
async def test_workers_that_die_freeze_come_and_go_and_a_killed_ingest_and_broker_lose_and_double_nothing(
    tmp_path: Path, broker: RunningBroker, seed: int, workers: int
) -> None:
    kills = KILLS[seed]
    killed = await torture(
        tmp_path, seed=seed, kills=kills, touchpoints=1_500, pause_s=(0.2, 1.5), broker=broker, workers=workers
    )
    assert killed == dict.fromkeys(kills, 1)


async def test_more_partitions_while_touchpoints_arrive_lose_and_double_nothing_and_fail_no_request(
    tmp_path: Path, broker: RunningBroker
) -> None:
    assert await grow(tmp_path, broker, touchpoints=1_500) == 0
