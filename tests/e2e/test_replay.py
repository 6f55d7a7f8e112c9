"""The log read again into the same database, and into another one: the views are those of the reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.chaos import on_kafka
from tests.e2e.replaying import replay
from tests.kafka.running_broker import RunningBroker

pytestmark = pytest.mark.slow


async def test_what_was_lost_comes_back_from_the_embedded_log_and_another_database_takes_over(tmp_path: Path) -> None:
    await replay(tmp_path, touchpoints=1_200, settings={})


async def test_what_was_lost_comes_back_from_kafka_and_another_database_takes_over(
    tmp_path: Path, kafka: RunningBroker
) -> None:
    names = {"TAPPA_LOG__KAFKA__TOPIC": "replayed", "TAPPA_LOG__KAFKA__GROUP": "replayed"}
    await replay(tmp_path, touchpoints=1_200, settings=on_kafka(kafka) | names)
