"""The traffic means what it says: ingest makes of it the touchpoints that are written beside it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx
import pytest

from ingest.app import create_app
from ingest.settings import IngestSettings
from ingest.sources import Source, by_key
from stage_engine.touchpoint import Touchpoint
from stream.log.memory import MemoryLog
from stream.log.message import decode_frame
from stream.settings import LogSettings
from tests.e2e.chaos import yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.items import DAY_MS, Item, Row
from tests.e2e.traffic import TABLET, TILL_CARD, Traffic
from tests.reference.identity import People, kind


class Sources:
    """Those of the traffic, with their names as keys."""

    def __init__(self) -> None:
        options: dict[str, Any] = {
            "web": {"browser": True, "joins": "device"},
            "app": {"channel": "app"},
            "till": {"channel": "store"},
        }
        self._by_key = by_key(
            [Source(name=name, write_keys=(f"write-key-{name}",), **o) for name, o in options.items()]
        )

    def named(self, name: str) -> Source | None:
        return None

    def find(self, write_key: str) -> Source | None:
        return self._by_key.get(write_key)


class Served:
    """As much of an installation as a delivery needs, in this process."""

    keys = {name: f"write-key-{name}" for name in ("web", "app", "till")}  # noqa: RUF012

    def url(self, part: str) -> str:
        return "http://test"

    def said(self) -> str:
        return ""


def row_of(touchpoint: Touchpoint) -> Row:
    """The touchpoint as a row of the reference."""
    row = {name: getattr(touchpoint, name) for name in touchpoint.__struct_fields__}
    parsed = {name: json.loads(row[name]) if row[name] else {} for name in ("properties", "traits", "context", "extra")}
    lists = {"contacts": list(touchpoint.contacts), "identifiers": list(touchpoint.identifiers)}
    content = row.pop("content_hash")
    return {**row, **parsed, **lists, "content": content}


def known(rows: list[Row]) -> Counter[str]:
    return Counter(
        json.dumps({name: row[name] for name in row if name not in ("received_at", "content")}, sort_keys=True)
        + row["content"].hex()
        for row in rows
    )


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(3, touchpoints=2_000, customers=100, end_ms=yesterday_ms())


async def test_ingest_makes_of_the_traffic_the_touchpoints_that_are_written_beside_it(traffic: Traffic) -> None:
    log = MemoryLog(LogSettings())
    app = create_app(IngestSettings(), log, Sources())
    sendings = traffic.sendings(1)
    delivery = Delivery(Served(), transport=httpx.ASGITransport(app))  # type: ignore[arg-type]
    await delivery.send(sendings)
    records = await log.read(dict.fromkeys(range(log.partitions), 0), messages_max=1_000_000, wait_s=0)
    messages = [message for record in records for message in decode_frame(record.frame)]
    got = known([row_of(message) for message in messages if isinstance(message, Touchpoint)])
    wanted = known([item.touchpoint for item in sendings])
    assert got - wanted == Counter()
    assert wanted - got == Counter()


def test_the_traffic_has_everything_that_can_go_wrong_in_it(traffic: Traffic) -> None:
    items, sendings = traffic.items, traffic.sendings(1)
    keys = Counter((item.source, item.touchpoint["message_id"]) for item in items)
    times = Counter((item.touchpoint["identifiers"][0], item.touchpoint["occurred_at"]) for item in items)
    assert {item.source for item in items} == {"web", "app", "till"}
    types = {"track", "identify", "page", "screen", "group", "alias", "receipt"}
    assert {item.touchpoint["type"] for item in items} == types
    assert {item.touchpoint["transaction"] for item in items} == {"", "sale", "return", "void"}
    assert max(keys.values()) > 1, "a message_id for several touchpoints"
    assert max(times.values()) > 1, "ties within a millisecond"
    assert 0.02 < sum(item.late for item in items) / len(items) < 0.08
    assert any(item.behind_ms > 0 for item in items)
    assert any(item.behind_ms < 0 for item in items)
    assert 1.5 * len(items) < len(sendings) < 2.5 * len(items)
    ages = {(traffic.end_ms - item.touchpoint["occurred_at"]) // (100 * DAY_MS) for item in items}
    assert ages == {0, 1, 4, 5} or ages == {0, 1, 2, 4, 5}


def test_the_traffic_has_people_in_it_who_meet_and_share(traffic: Traffic) -> None:
    people = People([item.touchpoint for item in traffic.items])
    whose = {one: people.whose(one) for one in people.everybody}
    elsewhere = Counter(kind(one) for one, stretches in whose.items() if stretches[-1][1] not in (one, ""))
    assert people.shared == {f"device:{TABLET}", f"loyalty_card:{TILL_CARD}"}
    assert min(elsewhere[name] for name in ("device", "loyalty_card", "email", "user")) > 2
    assert any(len(stretches) > 1 for stretches in whose.values()), "a device that changes hands"
    nobodys = [one for one in people.touchpoints if people.customer(one) == ""]
    assert {one["type"] for one in nobodys} > {"receipt"}, "of a shared device alone"
    beyond = [one for one in people.touchpoints if f"loyalty_card:{TILL_CARD}" in one["identifiers"]]
    assert all(people.customer(one) for one in beyond), "the e-mail beside a shared card counts"
    browsers = [item.touchpoint for item in traffic.items if item.touchpoint["type"] == "alias"]
    assert any(one["previous_id"] == one["anonymous_id"] for one in browsers)


def test_another_shuffle_sends_the_same_in_another_order(traffic: Traffic) -> None:
    def sent(items: list[Item]) -> list[tuple[bytes, int]]:
        return [(item.wire, item.behind_ms) for item in items]

    one, other = sent(traffic.sendings(1)), sent(traffic.sendings(2))
    assert one != other
    assert sorted(one) == sorted(other)


def test_the_same_seed_gives_the_same_traffic() -> None:
    one, other = (Traffic(5, touchpoints=50, customers=10, end_ms=DAY_MS * 20_000).items for _ in range(2))
    assert one == other
