"""``tappa demo till`` through everything: what it says its receipts come to is what the views say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.eventually import WAIT_S

pytestmark = pytest.mark.slow
TILLS = (
    "demo", "till", "--seed", "3", "--stores", "8", "--days", "20", "--receipts", "1500", "--late", "--end",
    "2026-03-31", "--json",
)  # fmt: skip


@pytest.fixture(scope="module")
def tappa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("tills"), workers=2) as installation:
        yield installation


def sent(tappa: Installation) -> dict[str, Any]:
    """The known totals, once everything is visible."""
    told: dict[str, Any] = json.loads(tappa.command(*TILLS))
    tappa.wait_until_visible(WAIT_S)
    assert (told.pop("accepted"), told.pop("rejected")) == (1500 + told["claims"] + told["copies"], 0)
    del told["seconds"]
    return told


def shown(tappa: Installation) -> dict[str, Any]:
    """The same of the views."""
    [counts] = tappa.rows(
        "SELECT count() AS receipts, countIf(is_voided) AS voided, countIf(customer_id = '') AS nobodys, "
        "countIf(is_staff) AS staff, countIf(difference != 0) AS uneven, sum(lines) AS lines FROM v_receipts"
    )
    kinds = tappa.rows("SELECT kind, count() AS count FROM v_receipts GROUP BY kind")
    stores = tappa.rows(
        "SELECT store_id, receipts, mapApply((money, sum) -> (toString(money), toString(toDecimal64(sum, 2))), "
        "revenue_by_currency) AS revenue, is_listed FROM v_stores"
    )
    assert {one.pop("is_listed") for one in stores} == {0}
    return {
        **counts,
        "by_kind": {one["kind"]: one["count"] for one in kinds},
        "stores": {one.pop("store_id"): one for one in stores},
    }


def plain(told: dict[str, Any]) -> dict[str, Any]:
    """The totals, amounts without zeros at their end, as ClickHouse writes them."""
    stores = {
        store: {**of, "revenue": {money: number(amount) for money, amount in of["revenue"].items()}}
        for store, of in told["stores"].items()
    }
    return {**told, "stores": stores}


def number(amount: str) -> str:
    return amount.rstrip("0").rstrip(".")


def test_what_the_tills_took_is_what_the_views_say_however_late_and_often_it_came(tappa: Installation) -> None:
    told = sent(tappa)
    claims, copies = told.pop("claims"), told.pop("copies")
    assert claims
    assert copies
    assert plain(shown(tappa)) == plain(told)
    [lines] = tappa.rows("SELECT count() AS lines FROM v_receipt_lines")
    assert lines["lines"] == told["lines"]
    [claimed] = tappa.rows("SELECT count() AS claims FROM v_touchpoints WHERE event = 'Receipt Claimed'")
    assert claimed["claims"] == claims
    assert tappa.rows("SELECT message_id FROM v_conflicts") == []


def test_the_same_tills_again_change_nothing(tappa: Installation) -> None:
    sent(tappa)
    before = shown(tappa)
    sent(tappa)
    assert shown(tappa) == before
