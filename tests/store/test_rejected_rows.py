"""Dead letters, listed and closed; the counts."""

from __future__ import annotations

from stage_engine.journey import Journey
from stage_engine.touchpoint import place
from store.clickhouse import ClickHouseStore
from store.interface import CustomerRow
from store.rejected import Refused
from store.rejected_rows import Counts, counts, list_rejected, mark_replayed
from tests.store.test_contract import touchpoint


def refused(rejected_id: str, received_at: int = 1_000, code: str = "too_large") -> Refused:
    return Refused(
        rejected_id=rejected_id,
        source="shop",
        received_at=received_at,
        code=code,
        reason="It's too large.",
        message_id="m",
        body=b'\xff{"a": 1}\x00',
        endpoint="/v1/track",
    )


async def open_ids(store: ClickHouseStore) -> list[str]:
    return [row.rejected_id for row in await list_rejected(store, limit=10)]


async def test_a_dead_letter_is_listed_whole(clickhouse: ClickHouseStore) -> None:
    await clickhouse.write_rejected([refused("a"), refused("a")])
    (row,) = await list_rejected(clickhouse, limit=10)
    assert (row.rejected_id, row.source, row.received_at, row.code) == ("a", "shop", 1_000, "too_large")
    assert (row.reason, row.message_id, row.endpoint) == ("It's too large.", "m", "/v1/track")
    assert (row.body, row.replayed) == (b'\xff{"a": 1}\x00', False)


async def test_the_newest_come_first_and_can_be_chosen(clickhouse: ClickHouseStore) -> None:
    await clickhouse.write_rejected([refused("a", 1), refused("b", 3), refused("c", 2, code="poison")])
    assert await open_ids(clickhouse) == ["b", "c", "a"]
    assert [row.rejected_id for row in await list_rejected(clickhouse, limit=1)] == ["b"]
    assert [row.rejected_id for row in await list_rejected(clickhouse, limit=9, code="poison")] == ["c"]
    assert [row.rejected_id for row in await list_rejected(clickhouse, limit=9, ids=["a", "c"])] == ["c", "a"]


async def test_a_replayed_one_is_closed_even_if_the_worker_writes_it_again(clickhouse: ClickHouseStore) -> None:
    await clickhouse.write_rejected([refused("a"), refused("b")])
    await mark_replayed(clickhouse, ["a"])
    await mark_replayed(clickhouse, ["a"])
    await clickhouse.write_rejected([refused("a")])
    assert await open_ids(clickhouse) == ["b"]
    (closed,) = await list_rejected(clickhouse, limit=9, replayed=True)
    assert (closed.rejected_id, closed.replayed, closed.body) == ("a", True, b'\xff{"a": 1}\x00')


async def test_one_that_is_refused_again_later_is_open_again(clickhouse: ClickHouseStore) -> None:
    await clickhouse.write_rejected([refused("a", 1_000)])
    await mark_replayed(clickhouse, ["a"])
    await clickhouse.write_rejected([refused("a", 1_001)])
    assert await open_ids(clickhouse) == ["a"]


async def test_one_that_was_refused_again_before_the_mark_stays_open(clickhouse: ClickHouseStore) -> None:
    await clickhouse.write_rejected([refused("a", 1_000), refused("b", 1_000)])
    await clickhouse.write_rejected([refused("a", 2_000)])
    await mark_replayed(clickhouse, ["a", "b"], before_ms=1_500)
    assert await open_ids(clickhouse) == ["a"]


async def test_counts_are_of_rows_that_count(clickhouse: ClickHouseStore) -> None:
    def row(customer_id: str, model: str, journey: Journey | None) -> CustomerRow:
        return CustomerRow(
            customer_id=customer_id, model=model, model_version="v", stages=(), version=1, journey=journey
        )

    await clickhouse.write_touchpoints(list(map(place, [touchpoint("a"), touchpoint("b")])))
    await clickhouse.write_touchpoints(list(map(place, [touchpoint("a", received_at=5)])))
    await clickhouse.write_customers([row("x", "m", Journey()), row("x", "n", Journey()), row("y", "m", None)])
    await clickhouse.write_rejected([refused("a"), refused("b")])
    await mark_replayed(clickhouse, ["b"])
    assert await counts(clickhouse) == Counts(touchpoints=2, customers=1, rejected=1)
