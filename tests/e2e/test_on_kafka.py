"""The same installation on Kafka: two addresses in the settings, and the views are those of the reference, whatever
happens to workers and broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.e2e.chaos import on_kafka_order, torture
from tests.kafka.running_broker import RunningBroker

pytestmark = pytest.mark.slow


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    """One that may be killed."""
    with RunningBroker(tmp_path / "broker") as running:
        yield running


async def test_workers_that_die_freeze_come_and_go_and_a_killed_ingest_and_broker_lose_and_double_nothing(
    tmp_path: Path, broker: RunningBroker
) -> None:
    kills = on_kafka_order(Random(1), 1)
    killed = await torture(tmp_path, seed=1, kills=kills, touchpoints=1_500, pause_s=(0.2, 1.5), broker=broker)
    assert killed == dict.fromkeys(kills, 1)
