"""The log read again: into a database that has lost nearly everything, and into an empty one, which then takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.e2e.changing import said
from tests.e2e.chaos import SETTINGS, VISIBLE_WITHIN_S, yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.installation import Installation
from tests.e2e.items import DAY_MS, Item
from tests.e2e.traffic import Traffic
from tests.e2e.views import differences

LOST: Final = ("touchpoints", "customers", "identities", "identity_links")


async def replay(directory: Path, *, touchpoints: int, settings: Mapping[str, str], seed: int = 7) -> None:
    """Send some; lose facts and rows; replay while others arrive; compare. Replay into another database; go on there,
    send the last ones, and compare."""
    end_ms = yesterday_ms()
    traffic = Traffic(seed, touchpoints=touchpoints, customers=touchpoints // 9, end_ms=end_ms).sendings(1)
    third = len(traffic) // 3

    def wrong(tappa: Installation, sent: Sequence[Item]) -> dict[str, list[str]]:
        tappa.wait_until_visible(VISIBLE_WITHIN_S)
        touchpoints = [item.touchpoint for item in sent]
        return differences(tappa, touchpoints, now_ms=end_ms + DAY_MS, at_ms=end_ms - 10 * DAY_MS + 12_345)

    with Installation(directory, workers=2, **SETTINGS, **settings) as tappa:
        delivery = Delivery(tappa)
        await delivery.send(traffic[:third])
        await asyncio.to_thread(tappa.wait_until_visible, VISIBLE_WITHIN_S)
        await asyncio.to_thread(tappa.lose, *LOST)
        sending = asyncio.create_task(delivery.send(traffic[third : 2 * third]))
        assert "touchpoints again; everybody is folded again" in await said(tappa, "replay", "--from", "beginning")
        await sending
        assert await asyncio.to_thread(wrong, tappa, traffic[: 2 * third]) == {}, tappa.said()
        again = await said(tappa, "replay", "--from", "beginning", "--database", "second", "--json")
        assert again == f'{{"touchpoints":{2 * third}}}\n'
        await delivery.send(traffic[2 * third :])
        await asyncio.to_thread(tappa.restart, TAPPA_STORE__DATABASE="second")
        assert await asyncio.to_thread(wrong, tappa, traffic) == {}, tappa.said()
