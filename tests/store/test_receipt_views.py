"""``v_receipts`` and ``v_receipt_lines`` against sums by hand, over receipts as ingest reads them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

from ingest.arrival import Arrival, Rules
from ingest.receipts import receipt_touchpoint
from ingest.settings import IdentitySettings, IngestSettings
from ingest.sources import Source
from stage_engine.touchpoint import Touchpoint, place
from store.clickhouse import ClickHouseStore

RULES = Rules.of(IngestSettings(), IdentitySettings(), "", lambda: "generated")
AT = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
ARRIVAL = Arrival(
    source=Source(name="till", write_keys=("till-key-1",), channel="store"), endpoint="/v1/receipts", received_at=AT
)
ANN = {"loyalty_card": "9900"}


def read(receipt: dict[str, Any]) -> Touchpoint:
    return receipt_touchpoint(RULES, ARRIVAL, json.dumps(receipt).encode())


def receipt(number: int | str, **more: Any) -> dict[str, Any]:
    return {
        "receipt_id": number, "store_id": "milan/1", "till_id": 3, "sold_at": "2026-02-28T00:30:00+01:00",
        "business_date": "2026-02-27", "total": "0", "currency": "eur", **more,
    }  # fmt: skip


def line(sku: Any, quantity: Any, unit_price: Any, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "unit_price": unit_price, **more}


async def written(store: ClickHouseStore, *receipts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By number: the rows of ``v_receipts``."""
    await store.write_touchpoints([place(read(one)) for one in receipts])
    return {row["receipt_id"]: row for row in await rows(store, "v_receipts")}


async def rows(store: ClickHouseStore, view: str) -> list[dict[str, Any]]:
    columns = (
        f"SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{view}' ORDER BY position"
    )
    names = [name for (name,) in await store.rows(columns)]
    return [dict(zip(names, row, strict=True)) for row in await store.rows(f"SELECT {', '.join(names)} FROM {view}")]


async def test_a_receipt_is_shown_with_all_that_it_says(clickhouse: ClickHouseStore) -> None:
    said = receipt(
        1001, total="47.84", discount="11.96", tax=8.63, kind="sale", customer=ANN, staff=True,
        lines=[line("A1", 1, "59.80", name="Boots", category="Shoes")],
        payments=[{"method": "gift_card", "amount": "20"}, {"kind": "card", "amount": 27.84}],
    )  # fmt: skip
    shown = (await written(clickhouse, said))["1001"]
    times = {name: shown.pop(name).isoformat() for name in ("sold_at", "received_at")}
    assert times == {"sold_at": "2026-02-27T23:30:00", "received_at": "2026-03-01T12:00:00"}
    assert shown == {
        "customer_id": "loyalty_card:9900", "message_id": "receipt:milan%2F1/3/2026-02-27/1001", "source": "till",
        "store_id": "milan/1", "till_id": "3", "business_date": date(2026, 2, 27), "receipt_id": "1001", "kind": "sale",
        "sold_at_local": "2026-02-28T00:30:00+01:00",
        "total": Decimal("47.84"), "currency": "EUR", "lines": 1,
        "lines_total": Decimal("59.80"), "discount": Decimal("11.96"), "tax": Decimal("8.63"), "difference": 0,
        "payments": [
            {"method": "gift_card", "amount": Decimal(20)}, {"method": "card", "amount": Decimal("27.84")}
        ],
        "is_staff": 1, "refers_to": "", "is_voided": 0, "contacts": ["loyalty_card:9900"], "user_id": "",
    }  # fmt: skip


async def test_what_does_not_add_up_is_told_by_how_much(clickhouse: ClickHouseStore) -> None:
    two = [line("A1", 2, 10), line("A2", 1, "5.50", discount="0.50")]
    shown = await written(
        clickhouse,
        receipt("right", total=25, lines=two),
        receipt("wrong", total="24.99", lines=two),
        receipt("net", total=30, lines=two, tax=5, tax_included=False),
        receipt("bare", total=25),
        receipt("back", total=25, kind="return", lines=two),
        receipt("back with a sign", total=-25, lines=[line("A1", -2, 10), line("A2", -1, 5)]),
        receipt("swapped", total=-5, kind="exchange", lines=[line("A1", -1, 10), line("A2", 1, 5)]),
    )
    assert {number: row["difference"] for number, row in shown.items()} == {
        "right": 0, "wrong": Decimal("-0.01"), "net": 0, "bare": None, "back": 0, "back with a sign": 0, "swapped": 0
    }  # fmt: skip
    assert shown["back with a sign"]["kind"] == "return"


async def test_a_void_takes_back_what_it_refers_to_if_both_are_the_same_customers(clickhouse: ClickHouseStore) -> None:
    shown = await written(
        clickhouse,
        receipt("sale", customer=ANN),
        receipt("swap", customer=ANN, kind="exchange"),
        receipt("kept", customer=ANN),
        receipt("another's", customer={"loyalty_card": "9901"}),
        receipt("v1", customer=ANN, kind="void", refers_to="sale"),
        receipt("v2", customer=ANN, kind="void", refers_to="swap"),
        receipt("v3", customer=ANN, kind="void", refers_to="another's"),
    )
    assert {number for number, row in shown.items() if row["is_voided"]} == {"sale", "swap"}


async def test_every_line_is_there_once_and_they_come_to_what_they_should(clickhouse: ClickHouseStore) -> None:
    dice = Random(7)
    receipts = []
    for number in range(200):
        some = [
            line(
                dice.choice(["A1", 7, "ü/1"]),
                dice.choice([1, "2", 0.5, -1]),
                dice.choice(["9.9900", 12, "1e1"]),
                discount=dice.choice([None, "0.10", 1]),
            )
            for _ in range(dice.randrange(6))
        ]  # fmt: skip
        receipts.append(receipt(number, lines=some, kind="sale"))
    shown = await written(clickhouse, *receipts, *receipts[:50])
    lines = await rows(clickhouse, "v_receipt_lines")
    by_hand = {
        (str(one["receipt_id"]), number): (
            str(each["sku"]),
            Decimal(str(each["quantity"])) * Decimal(str(each["unit_price"])) - Decimal(str(each["discount"] or 0)),
        )
        for one in receipts
        for number, each in enumerate(one["lines"], start=1)
    }
    found = {(row["message_id"].rpartition("/")[2], row["line"]): (row["sku"], row["amount"]) for row in lines}
    assert found == by_hand
    assert len(lines) == len(by_hand)
    for number, row in shown.items():
        assert row["lines_total"] == sum(amount for (of, _), (_, amount) in by_hand.items() if of == number)
