"""The topic of stage changes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from stage_engine.journey import Visit
from store.stage_change import StageChange, visit_id
from stream.log.interface import LogUnavailableError
from stream.log.kafka.changes import ChangesTopic, record_of
from stream.log.kafka.log import KafkaLog
from stream.log.message import partition_of
from tests.kafka.running_broker import RunningBroker
from tests.stream.log.kafka.topics import on_kafka

PAGE = (Path(__file__).parents[4] / "docs" / "stage-changes.md").read_text(encoding="utf-8")
VISIT = Visit(
    stage="purchase",
    entered_at=1_772_360_100_000,
    from_stage="evaluation",
    cause_message_id="o-1001",
    cause_source="shop",
    cause_identifiers=("device:3f9a", "user:42"),
    cause_original_timestamp=1_772_360_100_000,
    cause_event="Order Completed",
    cause_channel="web",
)
CHANGE = StageChange(
    customer_id="user:42",
    model="seven_stage",
    kind="entered",
    visit_id=visit_id("user:42", "seven_stage", VISIT),
    visit=VISIT,
    version=281474976710913,
    said_at=1_772_360_100_842_317,
)


def test_a_record_is_the_one_on_the_page() -> None:
    found = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    assert json.loads(record_of(CHANGE)) == json.loads(found[1])


def test_what_silence_brought_has_no_cause() -> None:
    silence = Visit(stage="post_sale", entered_at=1_772_360_100_007, from_stage="purchase")
    assert json.loads(record_of(replace(CHANGE, visit=silence)))["cause"] is None


@pytest.mark.slow
async def test_what_is_said_of_a_customer_lies_in_one_partition_in_the_order_in_which_it_was_said(
    kafka: RunningBroker,
) -> None:
    settings = on_kafka(kafka)
    name = f"{settings.kafka.topic}-changes"
    named = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"changes_topic": name})})
    topic = await ChangesTopic.open(named)
    assert topic is not None
    said = [replace(CHANGE, customer_id=f"user:{number % 10}", said_at=number) for number in range(200)]
    await topic.publish(said[:150])
    await topic.close()
    await topic.publish(said[150:])
    await topic.close()
    there = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"topic": name})})
    async with await KafkaLog.open(there) as log:
        records = await log.read(dict.fromkeys(range(4), 0), messages_max=1_000_000, wait_s=5)
    found: dict[str, list[bytes]] = {}
    for one in sorted(records, key=lambda one: one.offset):
        customer_id = json.loads(one.frame)["customer_id"]
        assert one.partition == partition_of(customer_id, 4)
        found.setdefault(customer_id, []).append(one.frame)
    assert found == {f"user:{who}": [record_of(one) for one in said[who::10]] for who in range(10)}


@pytest.mark.slow
async def test_the_logs_own_topic_is_refused(kafka: RunningBroker) -> None:
    settings = on_kafka(kafka)
    same = settings.kafka.model_copy(update={"changes_topic": settings.kafka.topic})
    with pytest.raises(LogUnavailableError, match="give it a name of its own"):
        await ChangesTopic.open(settings.model_copy(update={"kafka": same}))
