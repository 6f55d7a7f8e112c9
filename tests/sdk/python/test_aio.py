from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tappa_sdk import AsyncTappa, ClosedError, QueueFullError
from tests.ingest.service import KEY
from tests.sdk.python.ingest import RunningIngest


async def test_what_is_awaited_arrives(ingest: RunningIngest) -> None:
    async with AsyncTappa(KEY, ingest.url, interval_s=0.01) as tappa:
        ids = [await tappa.track("Signed Up", user_id="42"), await tappa.identify("42", {"city": "Milan"})]
        assert await tappa.flush(30)
        assert sorted(touchpoint.message_id for touchpoint in ingest.touchpoints()) == sorted(ids)
    with pytest.raises(ClosedError):
        await tappa.track("Signed Up", user_id="42")


async def test_many_tasks_share_the_commits_of_a_spool(ingest: RunningIngest, tmp_path: Path) -> None:
    async with AsyncTappa(KEY, ingest.url, spool=tmp_path, interval_s=0.01) as tappa:
        ids = await asyncio.gather(*(tappa.track("Signed Up", user_id=f"u{number}") for number in range(200)))
    assert sorted(touchpoint.message_id for touchpoint in ingest.touchpoints()) == sorted(ids)


async def test_the_loop_goes_on_while_a_call_waits_for_room(ingest: RunningIngest) -> None:
    ingest.shut()
    async with AsyncTappa(KEY, ingest.url, queue_items_max=1, interval_s=0.01) as tappa:
        await tappa.track("Signed Up", user_id="u1")
        waiting = asyncio.ensure_future(tappa.track("Signed Up", user_id="u2"))
        done, _ = await asyncio.wait({waiting}, timeout=0.1)
        assert not done
        ingest.reopen()
        await waiting
    assert len(ingest.touchpoints()) == 2


async def test_without_room_a_call_raises_if_it_is_to(ingest: RunningIngest) -> None:
    ingest.shut()
    async with AsyncTappa(KEY, ingest.url, full="raise", queue_items_max=1) as tappa:
        await tappa.track("Signed Up", user_id="u1")
        with pytest.raises(QueueFullError):
            await tappa.track("Signed Up", user_id="u2")
        ingest.reopen()


async def test_a_call_that_waits_for_room_can_be_given_up(ingest: RunningIngest) -> None:
    ingest.shut()
    async with AsyncTappa(KEY, ingest.url, queue_items_max=1, interval_s=0.01) as tappa:
        await tappa.track("Signed Up", user_id="u1")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await tappa.track("Signed Up", user_id="u2")
        ingest.reopen()
    assert [touchpoint.user_id for touchpoint in ingest.touchpoints()] == ["u1"]


async def test_a_full_spool_makes_a_call_wait_until_there_is_room(ingest: RunningIngest, tmp_path: Path) -> None:
    ingest.shut()
    async with AsyncTappa(KEY, ingest.url, spool=tmp_path, spool_bytes_max=30_000, interval_s=0.01) as tappa:
        large = {"text": "x" * 20_000}
        await tappa.track("Signed Up", large, user_id="u1")
        await tappa.track("Signed Up", large, user_id="u2")
        waiting = asyncio.ensure_future(tappa.track("Signed Up", large, user_id="u3"))
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
        ingest.reopen()
        await waiting
    assert len(ingest.touchpoints()) == 3
