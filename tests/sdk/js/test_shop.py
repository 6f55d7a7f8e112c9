"""The demo shop, clicked through in a real browser: from discovery to purchase, and on in the store."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sdk.js.built import build
from tests.sdk.js.conftest import HERE, Browser

pytestmark = pytest.mark.slow

CARD = "990012345678"
SHOP = HERE.parents[2] / "samples" / "shop"


@pytest.fixture(scope="module")
def shop(browser: Browser) -> Iterator[str]:
    """The address of ``tappa demo web``."""
    command = (sys.executable, "-m", "tappa", "demo", "web", "--port", "0", "--data", str(browser.tappa.data))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=browser.tappa.environment) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+/", process.stdout.readline())
            assert found, "the shop does not start"
            yield found[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def visit(browser: Browser, shop: str) -> dict[str, Any]:
    receipt = {
        "receipt_id": "77", "store_id": "milano-01", "till_id": "1",
        "total": 15, "currency": "EUR", "customer": {"loyalty_card": CARD},
    }  # fmt: skip
    return browser.drive("shop.mjs", shop, CARD, json.dumps(receipt))


def test_the_page_shows_its_visitor_moving_from_discovery_to_purchase_and_on(visit: dict[str, Any]) -> None:
    assert visit["stages"] == ["discovery", "evaluation", "interest", "purchase", "loyalty"]
    assert visit["errors"] == []


def test_a_receipt_with_the_card_is_in_the_same_journey(browser: Browser, visit: dict[str, Any]) -> None:
    assert visit["touchpoints"][0] == "Receipt Issuedstore"
    (customer,) = browser.tappa.rows(
        "SELECT uniqExact(customer_id) AS customers, countIf(channel = 'web') > 0 AS web, "
        "countIf(channel = 'store') AS receipts FROM v_touchpoints WHERE customer_id = "
        "(SELECT any(customer_id) FROM v_touchpoints WHERE event = 'Receipt Issued' AND has(contacts, {card:String}))",
        card=f"loyalty_card:{CARD}",
    )
    assert customer == {"customers": 1, "web": 1, "receipts": 1}


def test_nobody_else_is_told_of_it(visit: dict[str, Any], shop: str) -> None:
    nothing = {"stage": "", "touchpoints": []}
    assert visit["stranger"] == nothing
    asked = httpx.get(
        f"{shop}journey", params={"device": "x" * 20}, headers={"cookie": "tappa_anonymous_id=../why?a=b"}
    )
    assert asked.json() == nothing


def test_no_key_that_reads_or_joins_is_in_what_a_page_can_see(browser: Browser, shop: str) -> None:
    told = httpx.get(f"{shop}settings.json").json()
    sources = json.loads(browser.tappa.command("sources", "--json"))
    key = next(source for source in sources if source["name"] == "shop-page")
    assert (told.keys(), told["writeKey"], key["joins"]) == ({"host", "writeKey"}, key["write_key"], "device")


def test_a_card_is_taken_from_the_shops_own_pages_only(shop: str) -> None:
    body = json.dumps({"card": CARD})
    cookies = {"cookie": "tappa_anonymous_id=0c9ffe1c-0000-4000-8000-000000000000"}
    simple = httpx.post(f"{shop}card", content=body, headers={"content-type": "text/plain", **cookies})
    long = httpx.post(f"{shop}card", json={"card": "9" * 2_000}, headers=cookies)
    assert (simple.status_code, long.status_code) == (400, 400)


def test_the_shop_has_the_sdk_as_it_is_built(tmp_path: Any) -> None:
    build(tmp_path)
    assert (SHOP / "tappa.js").read_bytes() == (tmp_path / "tappa.js").read_bytes(), "in sdk/js: npm run shop"
