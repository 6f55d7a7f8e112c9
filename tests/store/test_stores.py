"""The store directory, and ``v_stores`` against sums by hand."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from stage_engine.touchpoint import Touchpoint, place
from store.clickhouse import ClickHouseStore
from store.directory_rows import list_stores, read_directory
from store.listing import Listing, ListingChange, listing_changes
from tests.store.test_contract import touchpoint
from tests.store.test_receipt_views import ANN, read, receipt

MILAN = Listing(
    store_id="milan/1",
    name="Milano Duomo",
    street="Via Torino 4",
    place="Milano",
    region="Lombardia",
    postcode="20123",
    country="IT",
    time_zone="Europe/Rome",
    opened_on=date(1923, 5, 1),
    closed_on=date(2031, 12, 31),
    opening_hours="Mo-Sa 09:00-20:00",
    latitude=45.4626,
    longitude=9.1869,
)
BARI = Listing(store_id="bari")


async def loaded(store: ClickHouseStore, *listings: Listing, replaced: bool = False) -> list[ListingChange]:
    known, last = await read_directory(store)
    changes = listing_changes(known, {one.store_id: one for one in listings}, replace=replaced, updated_at=last + 1)
    await store.write_listings(changes)
    return changes


async def sent(store: ClickHouseStore, *touchpoints: Touchpoint) -> None:
    await store.write_touchpoints([place(one) for one in touchpoints])


def said(message_id: str, **properties: Any) -> Touchpoint:
    return touchpoint(message_id, properties=json.dumps(properties).encode())


async def test_what_is_loaded_is_read_back_as_it_was(clickhouse: ClickHouseStore) -> None:
    await loaded(clickhouse, MILAN, BARI)
    directory, _ = await read_directory(clickhouse)
    assert directory == {"bari": BARI, "milan/1": MILAN}


async def test_the_same_again_changes_nothing_and_what_was_loaded_last_counts(clickhouse: ClickHouseStore) -> None:
    await loaded(clickhouse, MILAN, BARI)
    assert await loaded(clickhouse, BARI, MILAN) == []
    renamed = replace(BARI, name="Bari Centro")
    assert [one.listing for one in await loaded(clickhouse, renamed)] == [renamed]
    directory, _ = await read_directory(clickhouse)
    assert directory == {"bari": renamed, "milan/1": MILAN}


async def test_stores_that_are_no_longer_loaded_go_only_when_all_are_replaced(clickhouse: ClickHouseStore) -> None:
    await loaded(clickhouse, MILAN, BARI)
    await loaded(clickhouse, BARI, replaced=True)
    assert (await read_directory(clickhouse))[0] == {"bari": BARI}
    await loaded(clickhouse, MILAN)
    assert (await read_directory(clickhouse))[0] == {"bari": BARI, "milan/1": MILAN}


async def test_a_store_that_only_receipts_name_is_there_and_not_listed(clickhouse: ClickHouseStore) -> None:
    await loaded(clickhouse, MILAN)
    await sent(clickhouse, read(receipt(1, total=10)), read(receipt(1, store_id="nowhere", total=3)))
    columns = "store_id, is_listed, name, place, opened_on, latitude, receipts, revenue_by_currency"
    assert await clickhouse.rows(f"SELECT {columns} FROM v_stores ORDER BY store_id") == [
        ("milan/1", 1, "Milano Duomo", "Milano", date(1923, 5, 1), 45.4626, 1, {"EUR": Decimal(10)}),
        ("nowhere", 0, "", "", None, None, 1, {"EUR": Decimal(3)}),
    ]
    assert [one.store_id for one in await list_stores(clickhouse, unlisted=True, limit=10)] == ["nowhere"]
    assert [one.is_listed for one in await list_stores(clickhouse, unlisted=False, limit=10)] == [True, False]


async def test_revenue_is_by_currency_without_returns_and_voided_sales(clickhouse: ClickHouseStore) -> None:
    await sent(
        clickhouse,
        read(receipt("sale", total=100, customer=ANN, sold_at="2026-02-20T10:00:00+01:00")),
        read(receipt("swap", total="-5", kind="exchange")),
        read(receipt("back", total=30, kind="return")),
        read(receipt("back with a sign", total=-7)),
        read(receipt("mistake", total=50, customer=ANN)),
        read(receipt("void", total=50, customer=ANN, kind="void", refers_to="mistake")),
        read(receipt("abroad", total="12.3456", currency="CHF", sold_at="2026-02-28T20:00:00Z")),
    )
    [row] = await list_stores(clickhouse, unlisted=False, limit=10)
    assert row.revenue_by_currency == {"CHF": Decimal("12.3456"), "EUR": Decimal(58)}
    assert (row.receipts, row.touchpoints) == (7, 7)
    times = [datetime.fromisoformat(at).timestamp() * 1000 for at in ("2026-02-20T09:00Z", "2026-02-28T20:00Z")]
    assert [row.first_receipt_at, row.last_receipt_at] == times


async def test_copies_of_a_receipt_count_once(clickhouse: ClickHouseStore) -> None:
    await sent(clickhouse, read(receipt(1, total=10)))
    await sent(clickhouse, read(receipt(1, total=10)))
    [row] = await list_stores(clickhouse, unlisted=False, limit=10)
    assert (row.receipts, row.revenue_by_currency) == (1, {"EUR": Decimal(10)})


async def test_other_touchpoints_name_a_store_in_their_properties(clickhouse: ClickHouseStore) -> None:
    await sent(
        clickhouse, said("m1", store_id="bari"), said("m2", store_id=7), said("m3", store_id=""),
        said("m4", store_id=["x"]), said("m5", about="store_id"), said("m6", store_id=" bari "),
        replace(touchpoint("m7"), properties=b'{"\\u0073tore_id": "spelt"}'),
    )  # fmt: skip
    rows = await list_stores(clickhouse, unlisted=True, limit=10)
    assert {one.store_id: (one.touchpoints, one.receipts) for one in rows} == {
        "7": (1, 0), "bari": (2, 0), "spelt": (1, 0)
    }  # fmt: skip


async def test_a_store_without_receipts_has_no_first_and_no_last_one(clickhouse: ClickHouseStore) -> None:
    await loaded(clickhouse, BARI)
    [row] = await list_stores(clickhouse, unlisted=False, limit=10)
    assert (row.first_receipt_at, row.last_receipt_at, row.revenue_by_currency) == (None, None, {})
