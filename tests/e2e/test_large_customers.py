"""Customers of 10,000 touchpoints: their rows are those of the reference, and none is folded again without a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.e2e.chaos import WORKERS, yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.histories import NOBODY
from tests.e2e.installation import Installation
from tests.e2e.items import DAY_MS, Item, Row, iso, message
from tests.e2e.sayings import added, answered, paged, viewed
from tests.e2e.views import differences

pytestmark = pytest.mark.slow

TOUCHPOINTS: Final = 10_000
LATE: Final = 0.01
"""The part of the touchpoints that come after younger ones."""
LATE_TOGETHER: Final = 10
REPEATED: Final = 0.01
BATCH_ITEMS: Final = 250
SMALL_BATCHES: Final = {"TAPPA_WORKER__BATCH_MESSAGES_MAX": "1000"}
"""Else a worker that is behind takes everything at once, and nothing is ever late."""
MEMBERS: Final = {"user_id": "userId", "anonymous_id": "anonymousId"}


def touch(who: Row, number: int, at_ms: int, chance: Random) -> Item:
    body, said = chance.choice((viewed, viewed, added, answered, paged))(chance, NOBODY)
    body = {"type": "track", "messageId": f"{'-'.join(who.values())}-{number}", **body, "timestamp": iso(at_ms)}
    body |= {MEMBERS[column]: value for column, value in who.items()}
    return message("app", body, {**said, **who}, at_ms)


def arrivals(who: Row, chance: Random, end_ms: int) -> Iterator[Item]:
    """Somebody's touchpoints of a month, in order but for the late ones; some come twice."""
    late: list[Item] = []
    for number, at_ms in enumerate(sorted(end_ms - chance.randrange(20 * DAY_MS) for _ in range(TOUCHPOINTS))):
        item = touch(who, number, at_ms, chance)
        if chance.random() < LATE:
            late.append(item)
        else:
            yield from [item] * (2 if chance.random() < REPEATED else 1)
        if len(late) == LATE_TOGETHER:
            yield from late
            late.clear()
    yield from late


async def test_customers_of_10_000_touchpoints_are_folded_again_for_late_linked_and_repeated_ones_only(
    tmp_path: Path,
) -> None:
    end_ms, chance = yesterday_ms(), Random(11)
    ada = list(arrivals({"user_id": "ada"}, chance, end_ms))
    phone = list(arrivals({"anonymous_id": "phone"}, chance, end_ms))
    links = [
        touch({"user_id": user, "anonymous_id": device}, number, end_ms + number - 5 * DAY_MS, chance)
        for number, (user, device) in enumerate([("bob", "phone"), ("bob", "phone"), ("ada", "tablet")])
    ]
    conflict = touch({"user_id": "ada"}, 0, end_ms - 3 * DAY_MS, chance)
    with Installation(tmp_path, workers=WORKERS, **SMALL_BATCHES) as tappa:
        delivery = Delivery(tappa, clients=1, batch_items=BATCH_ITEMS)
        await asyncio.gather(delivery.send(ada), delivery.send(phone))
        await delivery.send([*links, conflict])
        await asyncio.to_thread(tappa.wait_until_visible, 120)
        sent = [item.touchpoint for item in (*ada, *phone, *links, conflict)]
        at_ms = end_ms - 10 * DAY_MS + 12_345
        assert differences(tappa, sent, now_ms=end_ms + DAY_MS, at_ms=at_ms) == {}
        counted = [tappa.metrics(worker) for worker in ("worker", "worker-2")]
        refolds, late, duplicates, linked = (
            sum(metrics[f"tappa_worker_{name}_total"] for metrics in counted)
            for name in ("refolds", "late", "duplicates", "links")
        )
        assert sum(metrics["tappa_worker_touchpoints_total"] for metrics in counted) == len(sent)
        assert 0 < refolds <= late + duplicates + linked
        assert late > 0
