"""A web visitor who buys in the shop with a card and brings one thing back: four files, in all orders in which they may
arrive. Each order has a person of its own, and all of them go through one installation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Final

import pytest

from stage_engine.model import SHIPPED
from tests.e2e.installation import Installation
from tests.e2e.views import CUSTOMER, IDENTITY, VISIT, Row, actual, expected, in_order
from tests.eventually import WAIT_S
from tests.reference.reference import Reference
from tests.reference.sent import touchpoint_of

pytestmark = pytest.mark.slow
MODELS: Final = ("seven_stage", "circular")
FILES: Final = ("visits", "members", "sales", "returns")
ORDERS: Final = tuple(permutations(FILES))
TOUCHPOINT: Final = (
    *("customer_id", "stage_before", "stage_after", "message_id", "source", "type", "event", "channel", "identifiers"),
    *("occurred_at", "value", "currency", "transaction", "refers_to"),
)
RECEIVED: Final = 1_770_000_000_000
"""When ingest got them, which decides nothing."""

MAPPING: Final = """
version: 1
csv: {delimiter: ";"}
receipt:
  group_by: [day, number]
  fields:
    receipt_id: number
    store_id: shop
    till_id: till
    business_date: day
    sold_at: {column: at, time: {format: "%d.%m.%Y %H:%M", zone: Europe/Rome}}
    currency: {constant: EUR}
    customer.loyalty_card: card
    refers_to.receipt_id: of_number
    refers_to.business_date: of_day
  lines:
    sku: article
    quantity: {column: pieces, as: number}
    unit_price: {column: price, as: number}
"""
COLUMNS: Final = "shop;till;day;number;at;card;article;pieces;price;of_number;of_day\n"


class Visitor:
    """One person: what happened to her, as four files say it and as a list of sendings."""

    def __init__(self, number: int) -> None:
        self.user, self.device, self.card = f"ann-{number}", f"browser-{number}", f"{9_900_000 + number}"
        self._number = number
        self._customer = {"loyalty_card": self.card}

    def visits(self) -> list[Row]:
        """Before she buys, and a look at the site after she brought something back."""
        seen = [
            ("Page Viewed", 1, 9),
            ("Product Viewed", 1, 9),
            ("Products Searched", 2, 20),
            ("Product Viewed", 3, 21),
        ]
        seen += [("Product Added", 4, 8), ("Page Viewed", 12, 8)]
        return [self._track(event, day, hour) for event, day, hour in seen]

    def members(self) -> list[Row]:
        """She joined the loyalty programme on the site."""
        traits = {"loyalty_card": self.card, "email": f"ann.{self._number}@shop.example"}
        said = {"type": "identify", "userId": self.user, "anonymousId": self.device, "traits": traits}
        return [{**said, "messageId": f"joined-{self._number}", "timestamp": "2026-03-04T07:55:00Z"}]

    def sales(self) -> list[Row]:
        lines = [("boots", "1", "120.00"), ("socks", "2", "15.00")]
        return [self._receipt("2026-03-05", "17:30", "+01:00", "sale", "150.00", lines)]

    def returns(self) -> list[Row]:
        back = self._receipt("2026-03-08", "10:05", "+01:00", "return", "15.00", [("socks", "1", "15.00")])
        return [{**back, "refers_to": {"receipt_id": f"{self._number}", "business_date": "2026-03-05"}}]

    def sent(self, file: str) -> list[Row]:
        """The sendings of a file, as the reference takes them."""
        kind = "message" if file in ("visits", "members") else "receipt"
        source = {"visits": "site", "members": "members"}.get(file, "tills")
        return [{"source": source, "received_at": RECEIVED, kind: one} for one in getattr(self, file)()]

    def write(self, file: str, folder: Path) -> Path:
        """The file."""
        said = getattr(self, file)()
        if file in ("visits", "members"):
            path = folder / f"{file}-{self._number}.ndjson"
            path.write_text("".join(json.dumps(one) + "\n" for one in said))
            return path
        path = folder / f"{file}-{self._number}.csv"
        path.write_text(COLUMNS + "".join(row for one in said for row in rows(one)))
        return path

    def _track(self, event: str, day: int, hour: int) -> Row:
        said = {"type": "track", "event": event, "anonymousId": self.device, "properties": {"sku": "boots"}}
        name = event.replace(" ", "-").lower()
        return {**said, "messageId": f"{name}-{day}-{self._number}", "timestamp": f"2026-03-{day:02}T{hour:02}:15:00Z"}

    def _receipt(self, day: str, at: str, offset: str, kind: str, total: str, lines: list[tuple[str, str, str]]) -> Row:
        return {
            "store_id": "milano-01", "till_id": "2", "business_date": day, "receipt_id": f"{self._number}",
            "sold_at": f"{day}T{at}:00{offset}", "kind": kind, "total": total, "currency": "EUR",
            "customer": self._customer,
            "lines": [{"sku": sku, "quantity": pieces, "unit_price": price} for sku, pieces, price in lines],
        }  # fmt: skip


def rows(receipt: Row) -> Iterator[str]:
    """As a till's export has them: what came back has a minus."""
    year, month, day = receipt["business_date"].split("-")
    of = receipt.get("refers_to", {})
    sign = "-" if receipt["kind"] == "return" else ""
    for line in receipt["lines"]:
        yield ";".join(
            [
                receipt["store_id"], receipt["till_id"], receipt["business_date"], receipt["receipt_id"],
                f"{day}.{month}.{year} {receipt['sold_at'][11:16]}", receipt["customer"]["loyalty_card"], line["sku"],
                sign + line["quantity"], line["unit_price"], of.get("receipt_id", ""), of.get("business_date", ""),
            ]
        ) + "\n"  # fmt: skip


@pytest.fixture(scope="module")
def tappa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With everything that the files say, each person's in an order of its own."""
    folder = tmp_path_factory.mktemp("orders")
    mapping = folder / "tills.yaml"
    mapping.write_text(MAPPING)
    sources = {"visits": ("--source", "site"), "members": ("--source", "members")}
    tills = ("--source", "tills", "--mapping", str(mapping))
    with Installation(folder, workers=2, TAPPA_MODELS__ACTIVE=json.dumps(MODELS)) as installation:
        for turn in range(len(FILES)):
            for number, order in enumerate(ORDERS):
                file = order[turn]
                path = str(Visitor(number).write(file, folder))
                told = json.loads(installation.command("import", path, *sources.get(file, tills), "--json"))
                assert (told["accepted"], told["rejected"]) == (len(Visitor(number).sent(file)), 0)
            installation.wait_until_visible(WAIT_S)
        yield installation


@pytest.fixture(scope="module")
def references() -> dict[str, Reference]:
    """The brute force over all that was sent, by model."""
    sendings = [one for number in range(len(ORDERS)) for file in FILES for one in Visitor(number).sent(file)]
    touchpoints = [touchpoint_of(sending) for sending in sendings]
    return {name: Reference(touchpoints, (Path(SHIPPED) / f"{name}.yaml").read_text()) for name in MODELS}


def test_in_all_24_orders_her_journey_is_what_the_reference_says(
    tappa: Installation, references: dict[str, Reference]
) -> None:
    now = int(time.time() * 1000)
    visits = [row for one in references.values() for row in one.v_stage_visits(now)]
    assert in_order(actual(tappa, "v_stage_visits", VISIT)) == in_order(expected(visits, VISIT))
    customers = [row for one in references.values() for row in one.v_customers(now)]
    assert in_order(actual(tappa, "v_customers", CUSTOMER)) == in_order(expected(customers, CUSTOMER))
    touchpoints = references["seven_stage"].v_touchpoints()
    assert in_order(actual(tappa, "v_touchpoints", TOUCHPOINT)) == in_order(expected(touchpoints, TOUCHPOINT))
    identities = references["seven_stage"].v_identities()
    assert in_order(actual(tappa, "v_identities", IDENTITY)) == in_order(expected(identities, IDENTITY))


@pytest.mark.parametrize(
    ("model", "journey"),
    [
        ("seven_stage", ["discovery ", "evaluation ", "interest filled_cart", "purchase ", "post_sale returned"]),
        (
            "circular",
            [
                *("initial_consideration ", "active_evaluation ", "active_evaluation brand_added", "purchase "),
                "post_purchase returned",
            ],
        ),
    ],
)
def test_it_is_the_same_journey_in_every_order(tappa: Installation, model: str, journey: list[str]) -> None:
    found = tappa.rows(
        "SELECT groupUniqArray(stages) AS journeys, count() AS customers FROM (SELECT customer_id, "
        "arrayMap(one -> one.2, arraySort(groupArray((seq, concat(stage, ' ', label))))) AS stages "
        "FROM v_stage_visits WHERE model = {model:String} AND entered_at < '2026-03-20' GROUP BY customer_id)",
        model=model,
    )
    assert found == [{"journeys": [journey], "customers": 24}]


def test_she_bought_once_and_what_came_back_is_taken_off(tappa: Installation) -> None:
    found = tappa.rows(
        "SELECT purchases, toString(revenue) AS revenue, touchpoints, count() AS customers FROM v_customers "
        "GROUP BY ALL"
    )
    assert found == [{"purchases": 1, "revenue": "135", "touchpoints": 9, "customers": 24 * len(MODELS)}]
