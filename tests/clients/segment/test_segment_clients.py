"""Segment's clients deliver all that they are told to an installation, in each of their modes, whatever happens to
ingest meanwhile; and what they send is in the columns where it belongs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.clients.segment.senders import SENDERS, Run, Sender
from tests.e2e.installation import Installation

pytestmark = pytest.mark.slow

TRACKS: Final = 40
MANY: Final = 600

CALLS: Final = """
    SELECT type, event, name, user_id, anonymous_id, previous_id, group_id, contacts, channel, acquisition_channel,
        toString(value) AS value, currency, (toUnixTimestamp64Milli(occurred_at) - {at:Int64}) / 1000 AS seconds,
        occurred_at = original_timestamp AS uncorrected,
        JSONExtractString(context, 'library', 'name') AS library, JSONExtractString(traits, 'plan') AS plan
    FROM v_touchpoints WHERE startsWith(message_id, {who:String}) = 0 AND event != 'Counted'
        AND (user_id = {who:String} OR anonymous_id = concat({who:String}, '-device')) ORDER BY occurred_at"""


@pytest.fixture(scope="module")
def tappa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("installation")) as running:
        yield running


@pytest.fixture(params=SENDERS)
def sender(request: pytest.FixtureRequest) -> Sender:
    return SENDERS[request.param]


def rows_of_calls(sender: Sender, who: str, at: int) -> list[dict[str, Any]]:
    """The rows of the documented calls."""
    device = f"{who}-device"
    common = {
        "name": "", "user_id": "", "anonymous_id": "", "previous_id": "", "group_id": "", "contacts": [],
        "channel": "app", "acquisition_channel": "", "value": None, "currency": "", "uncorrected": 1,
        "library": sender.library, "plan": "",
    }  # fmt: skip
    calls: list[dict[str, Any]] = [
        {"type": "identify", "event": "Identified", "user_id": who, "anonymous_id": device,
         "contacts": [f"email:{who}@example.com"]},
        {"type": "track", "event": "Order Completed", "user_id": who, "contacts": [f"loyalty_card:{who}-card"],
         "acquisition_channel": "Paid Search", "value": "25.5", "currency": "EUR"},
        {"type": "page", "event": "Page Viewed", "name": "Home", "anonymous_id": device, "channel": "web"},
        {"type": "screen", "event": "Screen Viewed", "name": "Cart", "anonymous_id": device, "channel": "app"},
        {"type": "group", "event": "Group Joined", "user_id": who, "group_id": "acme", "plan": "pro"},
        {"type": "alias", "event": "Aliased", "user_id": who, "previous_id": f"{who}-old"},
    ]  # fmt: skip
    return [{**common, **call, "seconds": second} for second, call in enumerate(calls)]


def counted(tappa: Installation, who: str) -> dict[str, Any]:
    """How many of a run's tracks are there, and how many different ones, of which customers."""
    [row] = tappa.rows(
        "SELECT count() AS all, uniqExact(message_id) AS different, groupUniqArray(customer_id) AS customers "
        "FROM v_touchpoints WHERE event = 'Counted' AND startsWith(message_id, concat({who:String}, '-'))",
        who=who,
    )
    return row


def test_every_documented_call_arrives_once_in_every_mode(
    tappa: Installation, sender: Sender, backend_ran: Callable[[str], None]
) -> None:
    at = int(time.time() * 1000) - 3_600_000
    folder = sender.folder.name
    runs = [
        Run(who=f"{folder}-{name.replace('_', '')}", mode=mode, at=at, tracks=TRACKS)
        for name, mode in sender.modes.items()
    ]
    assert sender.send(tappa.url("ingest"), tappa.keys["app"], runs) == []
    tappa.wait_until_visible(60)
    found = {run.who: tappa.rows(CALLS, who=run.who, at=str(at)) for run in runs}
    assert found == {run.who: rows_of_calls(sender, run.who, at) for run in runs}
    assert {run.who: counted(tappa, run.who) for run in runs} == {
        run.who: {"all": TRACKS, "different": TRACKS, "customers": [f"user:{run.who}"]} for run in runs
    }
    backend_ran(f"client: segment {folder}")


def test_all_is_delivered_through_a_kill_of_ingest(tappa: Installation, sender: Sender) -> None:
    who = f"{sender.folder.name}-killed"
    run = Run(who=who, mode=sender.modes["default"], at=int(time.time() * 1000), tracks=MANY)
    before = tappa.restarts()
    told = sender.send(tappa.url("ingest"), tappa.keys["app"], [run], at_half=lambda: tappa.kill("ingest"))
    assert told == []
    assert tappa.restarts() > before
    tappa.wait_until_visible(60)
    row = counted(tappa, who)
    assert (row["all"], row["different"]) == (MANY, MANY)
