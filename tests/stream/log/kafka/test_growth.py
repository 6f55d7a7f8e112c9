"""A topic with more partitions follows another: what is appended goes there, nothing is lost on the way, and the topic
before is left once all of it is read."""

from __future__ import annotations

import zlib

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from stream.log.interface import Log, LogUnavailableError, Read
from stream.log.kafka import growth
from stream.log.kafka.closing import batch_of
from stream.log.kafka.growth import GrowthError, grow
from stream.log.kafka.log import KafkaLog
from stream.log.kafka.record import HEADERS
from stream.log.kafka.standing import kafka_status
from stream.log.kafka.topic import CLOSED_BYTES_MAX
from stream.log.message import Changed, Rebuild, decode_frame, encode_frame, encode_message, partition_of, shared_out
from stream.settings import LogSettings
from tests.kafka.running_broker import RunningBroker
from tests.stream.log.kafka.topics import on_kafka

NAMES = [f"user:{number}" for number in range(60)]


def word(name: str) -> bytes:
    return encode_message(Changed(database="d", identifier=name))


def by_partition(names: list[str], partitions: int) -> dict[int, list[bytes]]:
    return shared_out({0: [word(name) for name in names]}, partitions)


async def inside(log: Log) -> dict[int, list[str]]:
    """The names in it, by partition."""
    found: dict[int, list[str]] = {}
    for record in await log.read(dict.fromkeys(range(log.partitions), 0), messages_max=10_000, wait_s=0):
        for message in decode_frame(record.frame):
            assert isinstance(message, Changed)
            found.setdefault(record.partition, []).append(message.identifier)
    return found


def test_messages_are_shared_out_anew_and_those_of_one_address_stay_in_order() -> None:
    after = shared_out(by_partition(NAMES, 4), 7)
    wanted = {at: {word(one) for one in NAMES if partition_of(one, 7) == at} for at in after}
    assert {at: set(some) for at, some in after.items()} == wanted
    copies = [encode_message(Changed(database=str(turn), identifier="user:1")) for turn in range(9)]
    assert shared_out({0: copies}, 7) == {partition_of("user:1", 7): copies}
    everywhere = encode_message(Rebuild(database="d", generation=1))
    assert shared_out({2: [everywhere]}, 3) == {0: [everywhere], 1: [everywhere], 2: [everywhere]}


@pytest.mark.parametrize("compression", range(5))
def test_a_closed_topic_takes_a_record_with_nothing_in_it_and_no_frame(compression: int) -> None:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=1,
        producer_epoch=0,
        base_sequence=0,
        batch_size=1_000,
    )
    builder.append(0, timestamp=1, key=None, value=encode_frame([]), headers=list(HEADERS))
    assert len(batch_of(None, ())) <= CLOSED_BYTES_MAX < len(builder.build())


@pytest.mark.slow
async def test_who_has_not_heard_of_it_goes_on_to_the_new_topic_and_nothing_is_lost(kafka: RunningBroker) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings) as ingest, await KafkaLog.open(settings) as other:
        await ingest.append(by_partition(NAMES[:20], 4))
        grown = await grow(settings, 7)
        await ingest.append(by_partition(NAMES[20:40], 4))
        await other.append(by_partition(NAMES[40:], 4))
        async with await KafkaLog.open(settings) as new:
            assert (new.topic_id, new.partitions, new.follows) == (grown.topic_id, 7, ingest.topic_id)
            assert {at: sorted(some) for at, some in (await inside(new)).items()} == {
                at: sorted(one for one in NAMES[20:] if partition_of(one, 7) == at)
                for at in {partition_of(one, 7) for one in NAMES[20:]}
            }
        assert sorted(name for some in (await inside(ingest)).values() for name in some) == sorted(NAMES[:20])


@pytest.mark.slow
async def test_a_topic_is_used_up_once_it_is_closed_and_read_and_the_next_one_is_read_then(
    kafka: RunningBroker,
) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings, read=Read(seen=frozenset())) as log:
        await log.append(by_partition(NAMES, 4))
        assert not await log.is_used_up(await log.ends())
        await grow(settings, 5)
        ends = await log.ends()
        assert not await log.is_used_up({**ends, 3: ends[3] - 1})
        assert await log.is_used_up(ends)
        assert await log.is_used_up(ends), "also for who asks later"
        assert sum(map(len, (await inside(log)).values())) == len(NAMES)
        seen = Read(seen=frozenset({log.topic_id}))
        async with await KafkaLog.open(settings, read=seen) as again:
            assert again.topic_id == log.topic_id
        over = Read(seen=frozenset({log.topic_id}), used_up=frozenset({log.topic_id}))
        async with await KafkaLog.open(settings, read=over) as new:
            assert (new.follows, new.partitions) == (log.topic_id, 5)


@pytest.mark.slow
async def test_a_growth_that_died_takes_nothing_away_and_is_finished_by_the_next_call(
    kafka: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = on_kafka(kafka)

    async def dies(*_: object) -> None:
        raise KeyboardInterrupt

    async with await KafkaLog.open(settings) as log:
        with monkeypatch.context() as patch:
            patch.setattr(growth, "alter", dies)
            with pytest.raises(KeyboardInterrupt):
                await grow(settings, 7)
        await log.append(by_partition(NAMES, 4))
        async with await KafkaLog.open(settings) as still:
            assert (still.topic_id, still.partitions) == (log.topic_id, 4)
        with pytest.raises(GrowthError, match="there already and has 7 partitions: grow to that many"):
            await grow(settings, 6)
        assert not (await grow(settings, 7)).already
        again = await grow(settings, 7)
        assert again.already
        await log.append(by_partition(NAMES, 4))
        async with await KafkaLog.open(settings) as new:
            assert (new.topic_id, sum(map(len, (await inside(new)).values()))) == (again.topic_id, len(NAMES))


@pytest.mark.slow
async def test_the_log_grows_more_than_once_and_the_first_opener_follows(kafka: RunningBroker) -> None:
    settings = on_kafka(kafka, partitions=2)
    async with await KafkaLog.open(settings) as log:
        await grow(settings, 3)
        third = await grow(settings, 9)
        await log.append(by_partition(NAMES, 2))
        async with await KafkaLog.open(settings) as new:
            assert (new.partitions, new.topic_id) == (9, third.topic_id)
            assert sum(map(len, (await inside(new)).values())) == len(NAMES)


@pytest.mark.slow
async def test_what_the_topics_before_still_hold_counts_until_workers_are_past_them(kafka: RunningBroker) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings) as log:
        await log.append(by_partition(NAMES, 4))
        await grow(settings, 5)
        assert await earlier(settings) == len(NAMES)
        await log.commit(await log.ends())
        assert await earlier(settings) == 0
        await log.commit(dict.fromkeys(range(4), 0))
        async with await KafkaLog.open(settings) as new:
            await new.commit(dict.fromkeys(range(5), 0))
        assert await earlier(settings) == 0


async def earlier(settings: LogSettings) -> int:
    status = await kafka_status(settings)
    assert status is not None
    return status.earlier


@pytest.mark.slow
@pytest.mark.parametrize(
    ("partitions", "words"), [(4, "has 4 partitions already"), (1, "has 4 partitions already, and never gets fewer")]
)
async def test_a_log_never_gets_fewer_partitions(kafka: RunningBroker, partitions: int, words: str) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings):
        with pytest.raises(GrowthError, match=words):
            await grow(settings, partitions)


@pytest.mark.slow
async def test_where_there_is_no_topic_yet_the_first_start_makes_it_as_large(kafka: RunningBroker) -> None:
    with pytest.raises(GrowthError, match="first start makes it so"):
        await grow(on_kafka(kafka), 7)


@pytest.mark.slow
async def test_a_record_that_is_too_large_is_refused_as_before(kafka: RunningBroker) -> None:
    settings = on_kafka(kafka)
    async with await KafkaLog.open(settings) as log:
        noise = b"".join(zlib.crc32(str(one).encode()).to_bytes(4, "big") for one in range(400_000))
        with pytest.raises(LogUnavailableError, match="refuses a record as too large"):
            await log.append({0: [noise]})
