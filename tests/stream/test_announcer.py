"""What is said when nobody writes a row: what silence brings, and what was not said when it should have been."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from stage_engine.journey import Journey, Visit
from stage_engine.model import Model
from store.interface import CustomerRow, Generation, State
from store.memory import MemoryStore
from store.stage_change import StageChange
from stream.announcer import TELL_NOTE, Announcer
from stream.folding import Folding
from stream.metrics import WorkerMetrics
from stream.patience import LogPatience, Patience
from stream.settings import WorkerSettings
from tests.stream.test_worker import MODEL

NOW_MS = 1_800_000_000_000
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
BOUGHT = Visit(stage="purchase", entered_at=NOW_MS - DAY_MS, cause_message_id="m1", cause_source="shop")
LAPSED = Visit(stage="post_sale", entered_at=NOW_MS + DAY_MS, from_stage="purchase")
LATER = Visit(stage="discovery", entered_at=NOW_MS + 2 * DAY_MS, from_stage="post_sale")
JOURNEY = Journey(recent=(BOUGHT,), planned=(LAPSED, LATER), touchpoints=1)
VERSION = 1 << 48 | 7


class Telling:
    """An announcer on a store, at a time of its own."""

    def __init__(self, store: MemoryStore | None = None, now_ms: int = NOW_MS) -> None:
        self.store = store or MemoryStore()
        self.now_ms = now_ms
        self.version = VERSION
        settings, metrics = WorkerSettings(), WorkerMetrics()
        patience = Patience(1, metrics)
        steadily = LogPatience("used", 1, patience)
        self.announcer = Announcer(self.store, settings, patience, steadily, metrics, clock=lambda: self.now_ms * 1_000)

    async def begin(self, number: int = 0, version: int = VERSION - 1, model: Model = MODEL) -> None:
        generation = Generation(
            model=model.name, number=number, version=model.version, text=model.text, state=State.SERVING
        )
        await self.announcer.use([Folding(model=model, generation=generation)], {0: version}, 1)

    async def write(self, journey: Journey | None, before: Journey | None = None, *, say: bool = True) -> None:
        row = CustomerRow(
            customer_id="user:ada",
            model=MODEL.name,
            model_version=MODEL.version,
            stages=MODEL.stages,
            version=self.version,
            journey=journey,
        )
        if say:
            await self.announcer.say([row], {"user:ada": {MODEL.name: before}} if before else {})
        await self.store.write_customers([row])

    async def review(self, now_ms: int) -> None:
        self.now_ms = now_ms
        await self.announcer.review(lambda identifier: self.version)

    def said(self) -> list[tuple[str, str]]:
        """Kind and stage, in the order in which they were said."""
        return [(one.kind, one.visit.stage) for one in self.records()]

    def records(self) -> Sequence[StageChange]:
        return sorted(self.store.stage_changes.values(), key=lambda one: one.said_at)


async def test_what_silence_brings_is_said_when_it_is_due_and_not_before() -> None:
    telling = Telling()
    await telling.begin()
    await telling.write(JOURNEY)
    for minute in range(24 * 60):
        await telling.review(NOW_MS + minute * MINUTE_MS)
    assert telling.said() == [("entered", "purchase")]
    await telling.review(LAPSED.entered_at)
    assert telling.said() == [("entered", "purchase"), ("entered", "post_sale")]


async def test_after_an_absence_everything_that_silence_brought_meanwhile_is_said() -> None:
    before = Telling()
    await before.begin()
    await before.write(JOURNEY)
    await before.review(NOW_MS)
    after = Telling(before.store)
    after.now_ms = LATER.entered_at + DAY_MS
    await after.begin()
    await after.review(after.now_ms)
    assert after.said() == [("entered", "purchase"), ("entered", "post_sale"), ("entered", "discovery")]


async def test_what_silence_brought_is_taken_back_when_there_was_none() -> None:
    telling = Telling()
    await telling.begin()
    await telling.write(JOURNEY)
    for now_ms in (LAPSED.entered_at - MINUTE_MS, LAPSED.entered_at):
        await telling.review(now_ms)
    back = replace(BOUGHT, stage="loyalty", entered_at=NOW_MS, from_stage="purchase", cause_message_id="m2")
    telling.version += 1
    await telling.write(replace(JOURNEY, recent=(BOUGHT, back), planned=()), before=JOURNEY)
    assert telling.said()[2:] == [("retracted", "post_sale"), ("corrected", "loyalty")]


async def test_an_import_says_what_silence_brought_only_when_nothing_comes_behind_it() -> None:
    long_ago = [replace(one, entered_at=one.entered_at - 900 * DAY_MS) for one in (BOUGHT, LAPSED, LATER)]
    journey = Journey(recent=(long_ago[0],), planned=(long_ago[1],), touchpoints=1)
    telling = Telling()
    await telling.begin()
    await telling.write(journey)
    await telling.review(NOW_MS + 1_000)
    moved = replace(long_ago[2], entered_at=long_ago[1].entered_at - 1, cause_message_id="m2")
    telling.version += 1
    await telling.write(replace(journey, recent=(long_ago[0], moved), planned=(long_ago[2],)), before=journey)
    assert telling.said() == [("entered", "purchase"), ("entered", "discovery")]
    await telling.review(NOW_MS + 5_000)
    assert telling.said()[2:] == [("entered", "discovery")]


async def test_what_a_dead_worker_had_yet_to_say_of_silence_is_said_though_a_touchpoint_has_ended_it() -> None:
    lapsed = replace(LAPSED, entered_at=NOW_MS - DAY_MS + 1)
    before = Journey(recent=(BOUGHT,), planned=(lapsed,), touchpoints=1)
    died = Telling()
    await died.begin()
    await died.write(before)
    telling = Telling(died.store)
    await telling.begin()
    telling.version += 1
    back = replace(BOUGHT, stage="loyalty", entered_at=NOW_MS, from_stage="post_sale", cause_message_id="m2")
    await telling.write(Journey(recent=(BOUGHT, lapsed, back), touchpoints=2), before=before)
    assert telling.said() == [("entered", "purchase"), ("entered", "loyalty")]
    await telling.review(NOW_MS + 1)
    assert telling.said()[2:] == [("corrected", "post_sale")]


async def test_of_silence_before_anything_was_said_nothing_is_said_though_a_touchpoint_has_ended_it() -> None:
    lapsed = replace(LAPSED, entered_at=NOW_MS - DAY_MS + 1)
    before = Journey(recent=(BOUGHT,), planned=(lapsed,), touchpoints=1)
    telling = Telling()
    telling.version = VERSION - 2
    await telling.write(before, say=False)
    await telling.begin()
    telling.version = VERSION
    back = replace(BOUGHT, stage="loyalty", entered_at=NOW_MS, from_stage="post_sale", cause_message_id="m2")
    await telling.write(Journey(recent=(BOUGHT, lapsed, back), touchpoints=2), before=before)
    await telling.review(NOW_MS + 1)
    assert telling.said() == [("entered", "loyalty")]


async def test_what_was_folded_again_while_nothing_had_ever_been_worked_off_is_said() -> None:
    telling = Telling()
    telling.version = 1 << 48
    await telling.write(JOURNEY, say=False)  # by a worker that began while another one wrote facts
    await telling.begin(version=1 << 48)
    await telling.review(NOW_MS)
    assert telling.said() == [("corrected", "purchase")]


async def test_of_what_was_before_anything_was_said_nothing_is_said() -> None:
    past = replace(JOURNEY, planned=(replace(LAPSED, entered_at=NOW_MS - 1), LATER))
    telling = Telling()
    telling.version = VERSION - 2
    await telling.write(past, say=False)
    await telling.begin()
    telling.version = VERSION
    await telling.review(NOW_MS)
    assert telling.said() == []
    await telling.review(LATER.entered_at)
    assert telling.said() == [("entered", "discovery")]


@pytest.mark.parametrize("asked", [False, True])
async def test_a_rebuild_says_what_it_changes_only_when_asked(*, asked: bool) -> None:
    telling = Telling()
    await telling.begin()
    await telling.write(Journey(recent=(replace(BOUGHT, stage="interest"),), touchpoints=1))
    if asked:
        await telling.store.write_note(TELL_NOTE.format(generation=3), "1")
    row = next(iter(telling.store.generations.values()))
    await telling.store.write_customers([replace(row, generation=3, journey=Journey(recent=(BOUGHT,)))])
    await telling.begin(3, VERSION)
    await telling.review(NOW_MS + MINUTE_MS)
    changed = [("retracted", "interest"), ("corrected", "purchase")] if asked else []
    assert telling.said() == [("entered", "interest"), *changed]


async def test_what_is_said_at_a_version_that_is_not_reached_yet_is_left_alone() -> None:
    telling = Telling()
    await telling.begin()
    await telling.write(JOURNEY)
    telling.store.generations.clear()  # as if whoever said it had died before they wrote the row
    telling.version = VERSION - 1
    await telling.review(NOW_MS)
    assert telling.said() == [("entered", "purchase")]
    telling.version = VERSION
    await telling.review(NOW_MS + 3_600_000)
    assert telling.said() == [("entered", "purchase"), ("retracted", "purchase")]


async def test_a_retraction_of_what_is_so_is_taken_back() -> None:
    telling = Telling()
    await telling.begin()
    await telling.write(JOURNEY)
    [entered] = telling.records()
    await telling.store.write_stage_changes([replace(entered, kind="retracted", said_at=entered.said_at + 1)])
    await telling.review(NOW_MS)
    assert telling.said() == [("entered", "purchase"), ("retracted", "purchase"), ("corrected", "purchase")]


async def test_the_circle_comes_by_everybody_some_at_a_time() -> None:
    telling = Telling()
    await telling.begin()
    await telling.write(JOURNEY)
    [entered] = telling.records()
    everybody = [f"user:{number}" for number in range(1_200)]
    await telling.store.write_stage_changes([replace(entered, customer_id=one) for one in everybody])
    found = [0]
    while len(found) < 5:
        await telling.review(NOW_MS)
        found.append(sum(kind == "retracted" for kind, _ in telling.said()))
    assert found == [0, 500, 1_000, 1_200, 1_200]
