"""Histories in which nearly every touchpoint says who is who, on real installations whose processes are killed;
``make soak`` lives through two hundred. And that the histories mean what they say, and have everything in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx
import pytest

from ingest.app import create_app
from ingest.settings import IngestSettings
from stage_engine.touchpoint import Touchpoint
from stream.log.memory import MemoryLog
from stream.log.message import decode_frame
from stream.settings import LogSettings
from tests.e2e.chaos import yesterday_ms
from tests.e2e.decision import decided
from tests.e2e.delivery import Delivery
from tests.e2e.histories import History
from tests.e2e.items import Item
from tests.e2e.lives import KILLS, Conditions, live, lots
from tests.e2e.test_traffic import Served, Sources, known, row_of
from tests.reference.identity import People, kind

HISTORIES = 20
LIVED = 14
"""Of them so many are lived through here: a minute for every seven."""


@pytest.fixture(scope="module")
def histories() -> list[History]:
    return [History(seed, yesterday_ms()) for seed in range(HISTORIES)]


@pytest.fixture(scope="module")
def peoples(histories: list[History]) -> list[People]:
    """Who everybody is in each history."""
    return [People(one.touchpoints, **decided(one.decisions, Conditions.of(one.seed).limits)) for one in histories]


@pytest.mark.slow
@pytest.mark.parametrize("seeds", lots(0, LIVED), ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
async def test_after_kill_9_every_row_of_every_view_is_that_of_the_reference(tmp_path: Path, seeds: list[int]) -> None:
    killed = await live(tmp_path, seeds)
    assert killed.total() == KILLS


async def test_ingest_makes_of_the_histories_the_touchpoints_that_are_written_beside_them(
    histories: list[History],
) -> None:
    log = MemoryLog(LogSettings())
    app = create_app(IngestSettings(), log, Sources())
    delivery = Delivery(Served(), transport=httpx.ASGITransport(app))  # type: ignore[arg-type]
    await delivery.send([one for history in histories for one in history.sent if isinstance(one, Item)])
    records = await log.read(dict.fromkeys(range(log.partitions), 0), messages_max=1_000_000, wait_s=0)
    messages = [message for record in records for message in decode_frame(record.frame)]
    got = known([row_of(message) for message in messages if isinstance(message, Touchpoint)])
    wanted = known([touchpoint for history in histories for touchpoint in history.touchpoints])
    assert got - wanted == Counter()
    assert wanted - got == Counter()


def test_in_the_histories_people_share_everything_and_some_of_it_with_too_many(peoples: list[People]) -> None:
    assert {kind(one) for people in peoples for one in people.shared} >= {
        *("user", "device", "email", "loyalty_card", "phone"),
    }
    sizes = [(len(group), people.limits["group"]) for people in peoples for group in people.card_groups.values()]
    assert any(size > most for size, most in sizes)
    assert any(8 < size <= most for size, most in sizes)
    assert any(len(group) > 2 for people in peoples for group in people.user_groups.values())
    assert any(len(people.whose(one)) > 3 for people in peoples for one in people.everybody), "it changes hands"


def test_in_the_histories_touchpoints_come_with_other_clocks_in_conflict_and_for_nobody(
    histories: list[History], peoples: list[People]
) -> None:
    times: dict[tuple[object, ...], set[int]] = {}
    for history in histories:
        for one in history.touchpoints:
            key = (one["source"], one["message_id"], one["original_timestamp"], *one["identifiers"])
            times.setdefault(key, set()).add(one["occurred_at"])
    assert sum(len(some) > 1 for some in times.values()) > 100
    ids = Counter(key[:2] for key in times)
    assert sum(count > 1 for count in ids.values()) > 20
    assert any(people.customer(one) == "" for people in peoples for one in people.touchpoints)


def test_in_the_histories_receipts_that_named_nobody_are_claimed(
    histories: list[History], peoples: list[People]
) -> None:
    claimed = {
        key
        for history in histories
        for one in history.touchpoints
        for key in one["contacts"]
        if one["event"] == "Receipt Claimed" and key.startswith("receipt:")
    }
    unnamed = [
        (one, people) for people in peoples for one in people.touchpoints if one["identifiers"] == [one["message_id"]]
    ]
    assert sum(people.customer(one) != "" for one, people in unnamed if one["message_id"] in claimed) > 20
    assert {people.customer(one) for one, people in unnamed if one["message_id"] not in claimed} == {""}


def test_in_the_histories_every_kind_of_decision_is_taken_and_taken_back_and_matters(histories: list[History]) -> None:
    assert {(one.kind, one.revoked) for history in histories for one in history.decisions} == {
        (kind, revoked) for kind in ("split", "allow", "block") for revoked in (False, True)
    }
    mattered = [history for history in histories if whose(history, told=True) != whose(history, told=False)]
    assert len(mattered) > HISTORIES / 5


def whose(history: History, *, told: bool) -> list[str]:
    """The customer of every touchpoint, with and without the decisions."""
    limits = Conditions.of(history.seed).limits
    people = People(history.touchpoints, **decided(history.decisions if told else [], limits))
    return [people.customer(one) for one in people.touchpoints]
