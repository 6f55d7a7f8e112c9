"""Traffic over HTTP, in any order and repeated: the rows of every view are those of a batch job over all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.chaos import yesterday_ms
from tests.e2e.delivery import Delivery
from tests.e2e.installation import Installation
from tests.e2e.items import DAY_MS
from tests.e2e.traffic import Traffic
from tests.e2e.views import VIEWS, differences, dump

pytestmark = pytest.mark.slow
SMALL_BATCHES = {"TAPPA_WORKER__BATCH_MESSAGES_MAX": "1000"}
"""Else a worker that is late takes everything at once, and nothing is ever late."""


async def delivered(directory: Path, traffic: Traffic, shuffle: int, end_ms: int) -> dict[str, bytes]:
    """Send everything to a new installation, compare its views with the reference, and return them."""
    directory.mkdir()
    with Installation(directory, workers=1, **SMALL_BATCHES) as tappa:
        sendings = traffic.sendings(shuffle)
        await Delivery(tappa).send(sendings)
        tappa.wait_until_visible(120)
        touchpoints = [item.touchpoint for item in sendings]
        at_ms = end_ms - 10 * DAY_MS + 12_345
        assert differences(tappa, touchpoints, now_ms=end_ms + DAY_MS, at_ms=at_ms) == {}
        metrics = tappa.metrics("worker")
        assert metrics["tappa_worker_touchpoints_total"] == len(sendings)
        reasons = sum(metrics[f"tappa_worker_{why}_total"] for why in ("late", "duplicates", "links"))
        assert 0 < metrics["tappa_worker_refolds_total"] <= reasons
        return {view: dump(tappa, view, at_ms=at_ms) for view in VIEWS}


async def test_10_000_touchpoints_shuffled_and_repeated_give_the_rows_of_the_reference_whatever_the_shuffle(
    tmp_path: Path,
) -> None:
    end_ms = yesterday_ms()
    traffic = Traffic(7, touchpoints=10_000, customers=500, end_ms=end_ms)
    one = await delivered(tmp_path / "one", traffic, 1, end_ms)
    other = await delivered(tmp_path / "other", traffic, 2, end_ms)
    assert one == other
