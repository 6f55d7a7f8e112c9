"""What of the log is read once more."""

from __future__ import annotations

import pytest

from stream.log.memory import MemoryLog
from stream.reread import OutOfReachError, Since, Span, read_again, spans
from stream.settings import LogSettings
from tests.stream.log.messages import message, names

HOUR_S = 3_600.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def hourly(hours: int, clock: Clock, *, topic_id: str = "one", follows: str = "") -> MemoryLog:
    """A log with a record an hour, in two partitions in turn."""
    log = MemoryLog(LogSettings(partitions=2), topic_id=topic_id, follows=follows, clock=clock)
    for hour in range(hours):
        clock.now = hour * HOUR_S
        await log.append({hour % 2: [message(str(hour))]})
    return log


async def read(span: Span) -> list[str]:
    return sorted([name async for records, _ in read_again(span, 1) for one in records for name in names(one)], key=int)


@pytest.mark.parametrize(
    ("since", "wanted"),
    [
        (Since(), range(6)),
        (Since(time_ms=int(2 * HOUR_S * 1000)), range(2, 6)),
        (Since(time_ms=int(99 * HOUR_S * 1000)), range(0)),
        (Since(offset=2), range(4, 6)),
    ],
)
async def test_it_is_read_from_a_time_an_offset_or_the_beginning_to_where_it_ends_now(
    since: Since, wanted: range
) -> None:
    clock = Clock()
    log = await hourly(6, clock)
    [span] = await spans([log], since)
    assert span.records == len(wanted)
    await log.append({0: [message("99")]})
    assert await read(span) == list(map(str, wanted))


async def trimmed(log: MemoryLog, clock: Clock) -> None:
    await log.commit(await log.ends())
    await log.trim(older_than_s=clock.now - 2 * HOUR_S, keep_bytes=10**9)


async def test_a_log_that_does_not_go_back_so_far_says_since_when_it_is_whole() -> None:
    clock = Clock()
    log = await hourly(6, clock)
    await trimmed(log, clock)
    assert await log.heads() == {0: 1, 1: 1}
    with pytest.raises(OutOfReachError, match=r"goes back to 1970-01-01T03:00:00\+00:00 only"):
        await spans([log], Since(time_ms=int(HOUR_S * 1000)))
    with pytest.raises(OutOfReachError, match="partition 0 of the log begins at offset 1"):
        await spans([log], Since(offset=0))
    [span] = await spans([log], Since())
    assert await read(span) == ["2", "3", "4", "5"]
    [later] = await spans([log], Since(time_ms=int(3 * HOUR_S * 1000)))
    assert await read(later) == ["3", "4", "5"]


async def test_all_topics_that_the_log_has_had_are_read_and_an_offset_is_of_the_last() -> None:
    clock = Clock()
    logs = [await hourly(4, clock), await hourly(6, clock, topic_id="two", follows="one")]
    assert [span.records for span in await spans(logs, Since())] == [4, 6]
    assert [span.records for span in await spans(logs, Since(offset=1))] == [4]
