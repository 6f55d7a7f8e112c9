"""What is Kafka's own about the log on it: the topic, the records, other clients, security."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from stream.log.interface import LogFullError, LogReplacedError, LogUnavailableError, Record
from stream.log.kafka.log import KafkaLog
from stream.log.kafka.record import FORMAT_HEADER
from stream.log.message import decode_frame, encode_frame, partition_of
from stream.settings import LogSettings
from tests.installing import run
from tests.kafka.running_broker import HERE, JAVA, LIBRARIES, PASSWORD, USER, RunningBroker
from tests.stream.log.kafka.topics import on_kafka
from tests.stream.log.messages import message, names, names_by_partition

pytestmark = pytest.mark.slow

START = dict.fromkeys(range(4), 0)


@pytest.fixture
async def admin(kafka: RunningBroker) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await client.start()
    yield client
    await client.close()


async def everything(log: KafkaLog) -> list[Record]:
    return await log.read(START, messages_max=1_000_000, wait_s=0)


async def forget(admin: AIOKafkaAdminClient, settings: LogSettings, before: dict[int, int]) -> None:
    """As retention would."""
    topic = settings.kafka.topic
    await admin.delete_records({TopicPartition(topic, at): RecordsToDelete(offset) for at, offset in before.items()})


async def put(broker: RunningBroker, settings: LogSettings, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    """As some other program would."""
    async with AIOKafkaProducer(bootstrap_servers=broker.address) as producer:
        await producer.send_and_wait(settings.kafka.topic, value, partition=0, headers=headers)


async def test_a_log_opened_again_is_the_same_and_a_topic_made_anew_is_another(
    kafka: RunningBroker, admin: AIOKafkaAdminClient
) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings) as log, await KafkaLog.open(settings) as again:
        await log.append({1: [message("a")]})
        await log.commit({1: 1})
        assert (again.topic_id, again.partitions) == (log.topic_id, 4)
        assert await again.positions() == {**START, 1: 1}
        assert names_by_partition(await everything(again)) == {1: ["a"]}
    await admin.delete_topics([settings.kafka.topic])
    async with await KafkaLog.open(settings) as anew:
        assert anew.topic_id != log.topic_id
        assert await everything(anew) == []
        assert await anew.positions() == START


MISFITS = [
    ({"min.insync.replicas": "2"}, 3, {}, "never take anything: make it smaller"),
    ({}, 3, {"in_sync_replicas_min": 2}, "set it to 2, or in_sync_replicas_min = 1"),
    ({"cleanup.policy": "compact"}, 3, {}, "set it to delete"),
    ({"retention.ms": "3600000"}, 3, {}, "retention.ms is 3600000.* set it to 604800000, or retention_s = 3600"),
    ({"retention.bytes": "1000"}, 3, {}, "retention.bytes is 1000.* set it to -1"),
    ({"max.message.bytes": "1000"}, 3, {}, "max.message.bytes is 1000.* set it to 1114112"),
    ({}, 5, {}, "has 5 partitions, the settings say 3.* set log.partitions = 5"),
]


@pytest.mark.parametrize(("configuration", "partitions", "kafka_settings", "words"), MISFITS)
async def test_a_topic_that_does_not_fit_is_refused_with_what_to_change(
    kafka: RunningBroker,
    admin: AIOKafkaAdminClient,
    configuration: dict[str, str],
    partitions: int,
    kafka_settings: dict[str, Any],
    words: str,
) -> None:
    settings = on_kafka(kafka, kafka_settings, partitions=3)
    await admin.create_topics([NewTopic(settings.kafka.topic, partitions, 1, topic_configs=configuration)])
    with pytest.raises(LogUnavailableError, match=words):
        await KafkaLog.open(settings)


async def test_more_copies_than_there_are_brokers_are_said_to_be_too_many(kafka: RunningBroker) -> None:
    with pytest.raises(LogUnavailableError, match=r"does not make topic .* and 3 copies .*: make it yourself"):
        await KafkaLog.open(on_kafka(kafka, {"replicas": 3}))


async def test_what_the_brokers_have_forgotten_is_passed_over(kafka: RunningBroker, admin: AIOKafkaAdminClient) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings) as log:
        for turn in range(5):
            await log.append({0: [message(f"{turn}")]})
        await forget(admin, settings, {0: 3})
        assert await log.heads() == {**START, 0: 3}
        assert names_by_partition(await everything(log)) == {0: ["3", "4"]}
        assert (await log.lag()).messages == 2
        await forget(admin, settings, {0: 5})
        assert (await log.heads())[0] == (await log.ends())[0] == 5
        await log.append({0: [message("5")]})
        assert [(record.offset, names(record)) for record in await everything(log)] == [(5, ["5"])]


async def test_a_position_behind_the_end_is_said_to_be_a_loss(kafka: RunningBroker) -> None:
    async with await KafkaLog.open(on_kafka(kafka)) as log:
        await log.append({0: [message("a")]})
        with pytest.raises(LogReplacedError, match="the brokers have lost records"):
            await log.read({0: 2}, messages_max=10, wait_s=0)


async def test_a_topic_that_is_made_anew_while_it_is_open_is_noticed(
    kafka: RunningBroker, admin: AIOKafkaAdminClient
) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings) as log:
        await log.append({0: [message("a")]})
        await admin.delete_topics([settings.kafka.topic])
        async with await KafkaLog.open(settings):
            with pytest.raises(LogReplacedError, match="made anew while it was open"):
                await log.lag()


async def test_a_record_of_a_later_format_is_refused(kafka: RunningBroker) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings) as log:
        await put(kafka, settings, encode_frame([message("a")]), [(FORMAT_HEADER, b"2")])
        with pytest.raises(LogUnavailableError, match="at offset 0 of partition 0 has format 2, this Tappa reads"):
            await everything(log)


async def test_another_program_s_record_is_read_as_it_is(kafka: RunningBroker) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings) as log:
        await put(kafka, settings, b"no frame", [])
        await log.append({0: [message("a")]})
        stranger, own = await everything(log)
        assert (stranger.frame, stranger.count) == (b"no frame", 1)
        assert names(own) == ["a"]


async def test_what_waits_too_long_for_the_workers_keeps_new_touchpoints_out(kafka: RunningBroker) -> None:
    now = 1_000_000.0
    settings = on_kafka(kafka, {"retention_s": 7200})
    async with await KafkaLog.open(settings, clock=lambda: now) as log:
        await log.append({0: [message("old")]})
    now += 3_700
    async with await KafkaLog.open(settings, clock=lambda: now) as log:
        with pytest.raises(LogFullError, match="is 1 h old, and the brokers do not keep it for ever"):
            await log.append({0: [message("refused")]})
        await log.commit({0: 1})
        await log.append({0: [message("taken")]})


async def test_the_lag_of_much_is_estimated_by_its_beginning(kafka: RunningBroker) -> None:
    async with await KafkaLog.open(on_kafka(kafka, frame_messages_max=10, partitions=1)) as log:
        await log.append({0: [message(str(turn), 20_000) for turn in range(300)]})
        lag = await log.lag()
    assert lag.messages == 300
    assert 300 * 20_000 < lag.bytes < 300 * 20_200


async def test_the_java_client_reads_the_records_and_keys_belong_where_java_says(kafka: RunningBroker) -> None:
    keys = ["user:42", "loyalty_card:9900", "device:3f…", "email:zoë@example.com"]
    settings = on_kafka(kafka, partitions=7)
    async with await KafkaLog.open(settings, clock=lambda: 1_234.5) as log:
        for key in keys:
            await log.append({partition_of(key, log.partitions): [message(key)]})
        records = await log.read(dict.fromkeys(range(7), 0), messages_max=100, wait_s=0)
    program = [*JAVA, "-Dfile.encoding=UTF-8", "-cp", f"{LIBRARIES}/*", str(HERE / "Read.java")]
    told = run([*program, kafka.address, settings.kafka.topic, str(len(records)), "7", *keys], HERE, 60).splitlines()
    lines = [line.split() for line in told]
    assert [int(line[1]) for line in lines if line[0] == "key"] == [partition_of(key, 7) for key in keys]
    assert {tuple(line[1:]) for line in lines if line[0] == "record"} == {
        (str(one.partition), str(one.offset), "1", "1234500", base64.b64encode(one.frame).decode()) for one in records
    }
    assert sum(len(decode_frame(one.frame)) for one in records) == len(keys)


def secure(broker: RunningBroker, password: str = PASSWORD, **kafka: Any) -> LogSettings:
    chosen = {"servers": broker.secure, "tls": True, "ca_file": broker.certificate, "sasl": "SCRAM-SHA-512"}
    return on_kafka(broker, {**chosen, "user": USER, "password": password, **kafka})


async def test_the_log_works_over_tls_with_a_password(kafka: RunningBroker) -> None:
    async with await KafkaLog.open(secure(kafka)) as log:
        await log.append({0: [message("a")]})
        await log.commit({0: 1})
        assert names_by_partition(await everything(log)) == {0: ["a"]}
        assert await log.positions() == {**START, 0: 1}


async def test_a_wrong_password_is_refused_and_told_to_nobody(
    kafka: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(LogUnavailableError, match=r"(?i)authentication.*check .* user and password") as refused:
        await KafkaLog.open(secure(kafka, password="a-wrong-secret"))
    assert "a-wrong-secret" not in caplog.text + str(refused.value) + repr(secure(kafka, password="a-wrong-secret"))


async def test_an_unknown_certificate_is_refused(kafka: RunningBroker) -> None:
    with pytest.raises(LogUnavailableError, match=r"(?i)certificate"):
        await KafkaLog.open(secure(kafka, ca_file=None))
