from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from stage_engine.identity.limits import Limits
from stage_engine.identity.link import link_of
from store.memory import MemoryStore
from stream.log.interface import LogUnavailableError
from stream.log.memory import MemoryLog
from stream.log.message import Changed, decode_frame, partition_of
from stream.settings import LogSettings
from tappa.apply_limits import OtherLimitsError, Pace, apply_limits
from tappa.limits import APPLIED, as_note, started_with
from tests.stream.touchpoints import touchpoint

OLD, NEW = Limits(), Limits(values_max=3)
SLOW = Pace(page=5, append=2, wait_s=0.001)


class FragileLog(MemoryLog):
    """It fails at the n-th append."""

    fails_at = 0

    async def append(self, messages: Mapping[int, Sequence[bytes]], *, internal: bool = False) -> None:
        self.fails_at -= 1
        if self.fails_at == 0:
            raise LogUnavailableError("away")
        await super().append(messages, internal=internal)


@pytest.fixture
def log() -> FragileLog:
    return FragileLog(LogSettings(partitions=3))


@pytest.fixture
async def store() -> MemoryStore:
    """With the identifiers user:0 to user:6 and card:0 to card:6, and workers that were started with new limits."""
    store = MemoryStore()
    for number in range(7):
        link = link_of(touchpoint(str(number), user=str(number), contacts=(f"card:{number}",)))
        assert link is not None
        await store.write_links([(f"user:{number}", link), (f"card:{number}", link)])
    await store.write_note("database_id", "here")
    assert await started_with(store, OLD)
    assert not await started_with(store, NEW)
    return store


async def told(log: MemoryLog) -> list[str]:
    records = await log.read(dict.fromkeys(range(3), 0), messages_max=1_000, wait_s=0)
    found: list[str] = []
    for record in records:
        for message in decode_frame(record.frame):
            assert isinstance(message, Changed)
            assert (message.database, record.partition) == ("here", partition_of(message.identifier, 3))
            found.append(message.identifier)
    return sorted(found)


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


EVERYBODY = sorted([*(f"card:{n}" for n in range(7)), *(f"user:{n}" for n in range(7))])


async def test_every_identifier_is_looked_at_again_once(store: MemoryStore, log: FragileLog) -> None:
    reported: list[int] = []
    assert await apply_limits(store, log, NEW, again=False, report=reported.append, settled=at_once, pace=SLOW) == 14
    assert await told(log) == EVERYBODY
    assert reported == sorted(reported)
    assert await store.read_note(APPLIED) == as_note(NEW)
    assert await apply_limits(store, log, NEW, again=False, report=reported.append, settled=at_once, pace=SLOW) is None
    assert await apply_limits(store, log, NEW, again=True, report=reported.append, settled=at_once, pace=SLOW) == 14


async def test_what_was_cut_short_goes_on_where_it_was(store: MemoryStore, log: FragileLog) -> None:
    log.fails_at = 4
    with pytest.raises(LogUnavailableError):
        await apply_limits(store, log, NEW, again=False, report=print, settled=at_once, pace=SLOW)
    assert await store.read_note(APPLIED) == as_note(OLD)
    with pytest.raises(TimeoutError):
        await apply_limits(store, log, NEW, again=False, report=print, settled=never, pace=SLOW)
    assert await apply_limits(store, log, NEW, again=False, report=print, settled=at_once, pace=SLOW) == 14
    assert await told(log) == EVERYBODY


async def test_it_stays_close_to_the_workers(store: MemoryStore, log: FragileLog) -> None:
    pace = replace(SLOW, backlog_max=3)
    work = asyncio.create_task(apply_limits(store, log, NEW, again=False, report=print, settled=at_once, pace=pace))
    backlogs: list[int] = []
    while not work.done():
        backlogs.append((await log.lag()).messages)
        await asyncio.sleep(0.005)
        await log.commit(await log.ends())
    assert await work == 14
    assert max(backlogs) <= 5


async def test_limits_that_the_workers_do_not_have_are_not_applied(store: MemoryStore, log: FragileLog) -> None:
    with pytest.raises(OtherLimitsError, match="restart it first"):
        await apply_limits(store, log, OLD, again=True, report=print, settled=at_once, pace=SLOW)
    assert await told(log) == []
