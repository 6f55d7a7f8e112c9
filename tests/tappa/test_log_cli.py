"""``tappa log``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from stream.log.kafka.log import KafkaLog
from stream.log.kafka.standing import kafka_status
from stream.settings import LogSettings
from tests.kafka.running_broker import RunningBroker
from tests.stream.log.kafka.topics import on_kafka
from tests.stream.log.messages import message
from tests.typed import typed


def environment(data: Path, settings: LogSettings) -> dict[str, str]:
    names = {name: str(getattr(settings.kafka, name)) for name in ("servers", "topic", "group")}
    kafka = {f"TAPPA_LOG__KAFKA__{name.upper()}": value for name, value in names.items()}
    return {"TAPPA_DATA": str(data), "TAPPA_LOG__PARTITIONS": str(settings.partitions), **kafka}


def test_the_embedded_log_is_said_to_be_what_it_is_and_how_to_begin_with_more(tmp_path: Path) -> None:
    done = typed("log", "grow", "24", TAPPA_DATA=str(tmp_path))
    assert done.exit_code == 1
    assert "8 partitions for good" in done.stderr
    assert "docs/kafka.md" in done.stderr
    assert "log.partitions = 24" in done.stderr


@pytest.mark.slow
def test_a_log_that_is_worked_off_has_grown_at_once_and_says_so(tmp_path: Path, kafka: RunningBroker) -> None:
    settings = on_kafka(kafka)
    asyncio.run(made(settings))
    grown = typed("log", "grow", "7", "--json", **environment(tmp_path, settings))
    topic = f"{settings.kafka.topic}.2"
    assert [json.loads(line) for line in grown.stdout.splitlines()] == [
        {"state": state, "topic": topic, "partitions": 7} for state in ("appended", "read")
    ]
    again = typed("log", "grow", "7", **environment(tmp_path, settings))
    assert again.exit_code == 0
    assert f"goes to topic {topic} with 7 partitions already now" in again.stdout
    status = asyncio.run(kafka_status(settings))
    assert status is not None
    assert status.partitions == 7
    fewer = typed("log", "grow", "5", **environment(tmp_path, settings))
    assert (fewer.exit_code, "has 7 partitions already" in fewer.stderr) == (1, True)


async def made(settings: LogSettings) -> None:
    """The first topic, with something that is worked off."""
    async with await KafkaLog.open(settings) as log:
        await log.append({0: [message("a")]})
        await log.commit(await log.ends())
