"""What every log promises. The same tests run over each implementation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from stream.log.interface import Lag, Log, LogFullError, LogUnavailableError, Record
from stream.log.kafka.log import KafkaLog
from stream.log.memory import MemoryLog
from stream.log.sqlite import SqliteLog
from stream.settings import LogSettings
from tests.stream.log.kafka.topics import on_kafka
from tests.stream.log.messages import message, names, names_by_partition

Open = Callable[..., Awaitable[Log]]
PARTITIONS = 4
START = dict.fromkeys(range(PARTITIONS), 0)


trimmed_by_hand = pytest.mark.parametrize("open_log", ["memory", "sqlite"], indirect=True)
"""Where there are brokers, they do it by themselves."""


class Clock:
    """Seconds since 1970, moved by the test."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite", pytest.param("kafka", marks=pytest.mark.slow)])
async def open_log(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, backend_ran: Callable[[str], None]
) -> AsyncIterator[Open]:
    """Opens a log with settings of the test's."""
    async with AsyncExitStack() as stack:

        async def opened(**settings: int | float) -> Log:
            wanted = {"partitions": PARTITIONS, "disk_reserve_bytes": 0, **settings}
            log: Log
            if request.param == "memory":
                log = MemoryLog(LogSettings.model_validate(wanted), clock=clock)
            elif request.param == "sqlite":
                log = await SqliteLog.open(tmp_path / "log", LogSettings.model_validate(wanted), clock=clock)
            else:
                log = await KafkaLog.open(on_kafka(request.getfixturevalue("kafka"), **wanted), clock=clock)
            stack.push_async_callback(log.close)
            return log

        yield opened
    backend_ran(f"log: {request.param}")


@pytest.fixture
async def log(open_log: Open) -> Log:
    return await open_log()


async def everything(log: Log, **positions: int) -> list[Record]:
    return await log.read(START, messages_max=1_000_000, wait_s=0)


async def test_a_log_that_has_gone_on_to_no_other_topic_is_never_used_up(log: Log) -> None:
    assert log.follows == ""
    assert not await log.is_used_up(START)
    await log.append({1: [message("a")]})
    assert not await log.is_used_up(await log.ends())


async def test_a_time_leads_to_what_was_appended_then_or_later(log: Log, clock: Clock) -> None:
    for name, at in (("a", 1_000.0), ("b", 2_000.0), ("c", 3_000.0)):
        clock.now = at
        await log.append({1: [message(name)]})
    assert await log.since(999_999) == START
    assert await log.since(2_000_000) == {**START, 1: 1}
    assert await log.since(2_000_001) == {**START, 1: 2}
    assert await log.since(3_000_001) == {**START, 1: 3}


async def test_what_was_appended_is_read_in_order(log: Log) -> None:
    await log.append({1: [message("a"), message("b")], 3: [message("c")]})
    await log.append({1: [message("d")]})
    assert names_by_partition(await everything(log)) == {1: ["a", "b", "d"], 3: ["c"]}


async def test_offsets_of_a_partition_have_no_gaps(log: Log) -> None:
    for turn in range(5):
        await log.append({0: [message(f"{turn}")], turn % 3: [message(f"again {turn}")]})
    records = await everything(log)
    offsets = {p: [r.offset for r in records if r.partition == p] for p in START}
    ends = await log.ends()
    assert offsets == {p: list(range(ends[p])) for p in START}


async def test_concurrent_appends_share_a_record_and_keep_their_order(log: Log) -> None:
    await asyncio.gather(*(log.append({2: [message(f"{i}-{j}") for j in range(3)]}) for i in range(200)))
    records = await everything(log)
    assert len(records) < 200
    assert [name for record in records for name in names(record)] == [f"{i}-{j}" for i in range(200) for j in range(3)]
    assert [record.count for record in records] == [len(names(record)) for record in records]


async def test_appending_nothing_leaves_no_record(log: Log) -> None:
    await log.append({})
    await log.append({1: []})
    assert await everything(log) == []


async def test_a_record_holds_no_more_messages_than_its_limit(open_log: Open) -> None:
    log = await open_log(frame_messages_max=10)
    await log.append({0: [message(str(i)) for i in range(25)]})
    records = await everything(log)
    assert [record.count for record in records] == [10, 10, 5]
    assert names_by_partition(records) == {0: [str(i) for i in range(25)]}


async def test_a_record_holds_no_more_bytes_than_its_limit_unless_one_message_does(open_log: Open) -> None:
    log = await open_log(frame_bytes_max=1_000)
    await log.append({0: [message("a", 400), message("b", 400), message("large", 5_000), message("c", 400)]})
    assert [names(record) for record in await everything(log)] == [["a", "b"], ["large"], ["c"]]


async def test_large_frames_come_back_whole(log: Log) -> None:
    await log.append({0: [message(str(i), 32_000) for i in range(100)]})
    assert names_by_partition(await everything(log)) == {0: [str(i) for i in range(100)]}


async def test_a_read_begins_at_its_positions_and_stays_in_its_partitions(log: Log) -> None:
    for turn in range(3):
        await log.append({p: [message(f"{p}.{turn}")] for p in START})
    records = await log.read({1: 1, 2: 3, 3: 2}, messages_max=100, wait_s=0)
    assert names_by_partition(records) == {1: ["1.1", "1.2"], 3: ["3.2"]}


async def test_a_read_stops_near_its_limit_and_is_shared_among_the_partitions(log: Log) -> None:
    for turn in range(10):
        await log.append({p: [message(f"{p}.{turn}.{i}") for i in range(5)] for p in START})
    records = await log.read(START, messages_max=60, wait_s=0)
    assert {p: len([r for r in records if r.partition == p]) for p in START} == dict.fromkeys(START, 3)


async def test_a_read_returns_a_whole_record_even_if_it_is_over_the_limit(log: Log) -> None:
    await log.append({0: [message(str(i)) for i in range(50)]})
    (record,) = await log.read(START, messages_max=1, wait_s=0)
    assert record.count == 50


async def test_a_full_partition_does_not_starve_the_others_of_small_reads(log: Log) -> None:
    positions = dict(START)
    for turn in range(20):
        await log.append({0: [message(f"0.{turn}.{i}") for i in range(5)], 3: [message(f"3.{turn}")]})
        if turn >= 10:
            for record in await log.read(positions, messages_max=6, wait_s=0):
                positions[record.partition] = record.offset + 1
    assert min(positions[0], positions[3]) >= 8


async def test_a_read_is_bounded_in_bytes(open_log: Open) -> None:
    log = await open_log(read_bytes_max=10_000)
    for turn in range(20):
        await log.append({0: [message(f"{turn}", 2_000)]})
    assert [r.offset for r in await log.read(START, messages_max=100, wait_s=0)] == [0, 1, 2, 3, 4]


async def test_reading_all_in_small_steps_gives_everything_once(log: Log) -> None:
    for turn in range(30):
        await log.append({p: [message(f"{p}.{turn}")] for p in range(turn % PARTITIONS + 1)})
    positions, found = dict(START), list[Record]()
    while records := await log.read(positions, messages_max=7, wait_s=0):
        found += records
        positions |= {record.partition: record.offset + 1 for record in records}
    assert positions == await log.ends()
    expected = {p: [f"{p}.{turn}" for turn in range(30) if turn % PARTITIONS >= p] for p in START}
    assert names_by_partition(found) == expected


async def test_a_waiting_read_wakes_when_something_comes(log: Log) -> None:
    reading = asyncio.create_task(log.read(START, messages_max=10, wait_s=60))
    await asyncio.sleep(0.05)
    assert not reading.done()
    await log.append({2: [message("late")]})
    assert names_by_partition(await reading) == {2: ["late"]}


async def test_a_waiting_read_wakes_only_for_its_own_partitions(log: Log) -> None:
    reading = asyncio.create_task(log.read({1: 0}, messages_max=10, wait_s=60))
    await log.append({2: [message("somebody else's")]})
    await asyncio.sleep(0.05)
    assert not reading.done()
    await log.append({1: [message("mine")]})
    assert names_by_partition(await reading) == {1: ["mine"]}


async def test_a_read_gives_up_after_its_time(log: Log) -> None:
    assert await log.read(START, messages_max=10, wait_s=0.05) == []


async def test_a_cancelled_read_and_a_cancelled_append_leave_the_log_well(log: Log) -> None:
    reading = asyncio.create_task(log.read(START, messages_max=10, wait_s=60))
    appending = asyncio.create_task(log.append({0: [message("perhaps")]}))
    await asyncio.sleep(0)
    reading.cancel()
    appending.cancel()
    await asyncio.gather(reading, appending, return_exceptions=True)
    await log.append({0: [message("surely")]})
    assert names_by_partition(await everything(log))[0][-1] == "surely"


async def test_positions_start_at_nought_and_are_what_was_committed(log: Log) -> None:
    await log.append({p: [message("a")] for p in START})
    assert await log.positions() == START
    await log.commit({1: 1, 2: 1})
    assert await log.positions() == {0: 0, 1: 1, 2: 1, 3: 0}


async def test_a_stale_commit_is_accepted(log: Log) -> None:
    for _ in range(3):
        await log.append({0: [message("a")]})
    await log.commit({0: 3})
    await log.commit({0: 1})
    assert await log.positions() == {**START, 0: 1}
    assert (await log.lag()).messages == 2


async def test_the_lag_is_what_lies_after_the_committed_positions(log: Log, clock: Clock) -> None:
    await log.append({0: [message("a"), message("b")]})
    clock.now += 10
    await log.append({0: [message("c")], 1: [message("d")]})
    sizes = {(r.partition, r.offset): len(r.frame) for r in await everything(log)}
    assert await log.lag() == Lag(messages=4, bytes=sum(sizes.values()), oldest_appended_at=1_000_000)
    await log.commit({0: 1})
    assert await log.lag() == Lag(messages=2, bytes=sizes[0, 1] + sizes[1, 0], oldest_appended_at=1_010_000)
    await log.commit({0: 2, 1: 1})
    assert await log.lag() == Lag(messages=0, bytes=0, oldest_appended_at=None)


async def test_records_say_when_they_were_appended(log: Log, clock: Clock) -> None:
    clock.now = 1_234.567
    await log.append({0: [message("a")]})
    assert [record.appended_at for record in await everything(log)] == [1_234_567]


@trimmed_by_hand
async def test_trimming_drops_what_is_old_and_committed(log: Log, clock: Clock) -> None:
    await log.append({0: [message("old")], 1: [message("old")]})
    clock.now += 100
    await log.append({0: [message("new")]})
    await log.commit({0: 2, 1: 1})
    assert await log.trim(older_than_s=50, keep_bytes=1_000_000) == 2
    assert names_by_partition(await everything(log)) == {0: ["new"]}
    assert await log.heads() == {**START, 0: 1, 1: 1}


@trimmed_by_hand
async def test_trimming_keeps_what_is_not_committed_however_old_and_large(log: Log, clock: Clock) -> None:
    await log.append({p: [message("a", 1_000)] for p in START})
    await log.append({p: [message("b", 1_000)] for p in START})
    clock.now += 1_000_000
    await log.commit({1: 1, 2: 2})
    assert await log.trim(older_than_s=0, keep_bytes=0) == 3
    assert names_by_partition(await everything(log)) == {0: ["a", "b"], 1: ["b"], 3: ["a", "b"]}


@trimmed_by_hand
async def test_trimming_by_size_drops_the_oldest_first(log: Log, clock: Clock) -> None:
    for turn in range(10):
        clock.now += 1
        await log.append({turn % PARTITIONS: [message(f"{turn}", 1_000)]})
    await log.commit(await log.ends())
    sizes = [len(record.frame) for record in await everything(log)]
    assert await log.trim(older_than_s=1_000_000, keep_bytes=sum(sizes) - 2 * min(sizes)) == 2
    left = [name for some in names_by_partition(await everything(log)).values() for name in some]
    assert sorted(left, key=int) == [str(turn) for turn in range(2, 10)]


@trimmed_by_hand
async def test_a_position_before_the_head_continues_at_the_head(log: Log) -> None:
    for turn in range(5):
        await log.append({0: [message(f"{turn}")]})
    await log.commit({0: 3})
    await log.trim(older_than_s=-1, keep_bytes=1_000_000)
    assert names_by_partition(await everything(log)) == {0: ["3", "4"]}


@trimmed_by_hand
async def test_offsets_go_on_after_everything_was_trimmed(log: Log) -> None:
    await log.append({0: [message("a")]})
    await log.commit({0: 1})
    assert await log.trim(older_than_s=-1, keep_bytes=0) == 1
    assert (await log.heads())[0] == (await log.ends())[0] == 1
    await log.append({0: [message("b")]})
    assert [(record.offset, names(record)) for record in await everything(log)] == [(1, ["b"])]


@trimmed_by_hand
async def test_a_stale_commit_before_the_head_counts_the_lag_from_the_head(log: Log) -> None:
    for turn in range(3):
        await log.append({0: [message(f"{turn}")]})
    await log.commit({0: 2})
    await log.trim(older_than_s=-1, keep_bytes=0)
    await log.commit({0: 0})
    assert (await log.lag()).messages == 1
    assert await log.trim(older_than_s=-1, keep_bytes=0) == 0


async def test_a_backlog_over_its_limit_refuses_new_messages_but_not_internal_ones(open_log: Open) -> None:
    log = await open_log(backlog_bytes_max=2_000)
    await log.append({0: [message("fits", 3_000)]})
    with pytest.raises(LogFullError):
        await log.append({0: [message("refused")]})
    await log.append({1: [message("internal")]}, internal=True)
    assert names_by_partition(await everything(log)) == {0: ["fits"], 1: ["internal"]}
    await log.commit({0: 1})
    await log.append({0: [message("again")]})


async def test_too_many_waiting_appends_are_refused_at_once(open_log: Open) -> None:
    log = await open_log(waiting_appends_max=5)
    results = await asyncio.gather(*(log.append({0: [message(str(i))]}) for i in range(50)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, LogFullError)]
    assert len(refused) == 45
    assert len(names_by_partition(await everything(log))[0]) == 5
    await log.append({0: [message("later")]})


async def test_too_many_waiting_bytes_are_refused_at_once_but_not_internal_ones(open_log: Open) -> None:
    log = await open_log(waiting_bytes_max=10_000)
    sent = [log.append({0: [message(str(i), 4_000)]}, internal=i == 9) for i in range(10)]
    results = await asyncio.gather(*sent, return_exceptions=True)
    assert [i for i, result in enumerate(results) if result is None] == [0, 1, 9]


async def test_an_append_larger_than_what_may_wait_goes_through_alone(open_log: Open) -> None:
    log = await open_log(waiting_bytes_max=1_000)
    await log.append({0: [message("large", 5_000)]})


async def test_a_partition_that_does_not_exist_is_a_mistake(log: Log) -> None:
    with pytest.raises(ValueError, match="no partition 4"):
        await log.append({4: [message("a")]})
    with pytest.raises(ValueError, match="no partition -1"):
        await log.commit({-1: 0})


async def test_a_closed_log_has_finished_its_appends_and_takes_no_more(log: Log) -> None:
    under_way = [asyncio.create_task(log.append({0: [message(str(i))]})) for i in range(20)]
    await asyncio.sleep(0)
    await log.close()
    await asyncio.gather(*under_way)
    with pytest.raises(LogUnavailableError):
        await log.append({0: [message("too late")]})
