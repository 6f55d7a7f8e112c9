"""What is said of stage visits, in every store; and the view that says each thing once."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stage_engine.journey import Journey, Visit
from store.clickhouse import ClickHouseStore
from store.interface import CustomerRow, Fold, Store
from store.stage_change import Kind, StageChange, order_of, visit_id

FOLD = Fold(model="seven_stage", generation=0, version="v1")
VISIT = Visit(
    stage="purchase",
    entered_at=1_750_000_000_123,
    from_stage="discovery",
    label="it's",
    cause_message_id="m1",
    cause_source="shop",
    cause_identifiers=("device:a", "user:è"),
    cause_original_timestamp=1_750_000_000_456,
    cause_event="Order Completed",
    cause_channel="web",
)
LATER = Visit(stage="loyalty", entered_at=1_760_000_000_000, from_stage="purchase")


def said(kind: Kind, version: int, said_at: int = 1, visit: Visit = VISIT, **more: Any) -> StageChange:
    name = visit_id("user:è", "seven_stage", visit)
    known = {"customer_id": "user:è", "model": "seven_stage", "generation": 2, "visit_id": name, "visit": visit}
    return StageChange(**{**known, "kind": kind, "version": version, "said_at": said_at, **more})


def row(journey: Journey | None, version: int, customer_id: str = "user:è") -> CustomerRow:
    return CustomerRow(
        customer_id=customer_id,
        model="seven_stage",
        model_version="v1",
        stages=("discovery", "purchase", "loyalty"),
        version=version,
        journey=journey,
    )


async def test_what_is_said_comes_back_as_it_was_said(store: Store) -> None:
    entered, other = said("entered", 5), said("corrected", 7, visit=LATER)
    await store.write_stage_changes([entered, other])
    assert await store.read_last_said(["user:è", "user:nobody"]) == {
        ("user:è", "seven_stage"): {entered.visit_id: entered, other.visit_id: other}
    }


async def test_of_what_is_said_of_a_visit_the_highest_version_counts_and_then_the_last(store: Store) -> None:
    retracted = said("retracted", 8, 20)
    await store.write_stage_changes([retracted, said("entered", 5, 30)])
    await store.write_stage_changes([said("corrected", 8, 10)])
    assert await store.read_last_said(["user:è"]) == {("user:è", "seven_stage"): {retracted.visit_id: retracted}}


async def test_journeys_come_with_the_version_of_their_rows(store: Store) -> None:
    journey = Journey(touchpoints=2, recent=(VISIT,))
    await store.write_customers([row(journey, 5), row(None, 6, "user:gone")])
    assert await store.read_versioned(["user:è", "user:gone", "user:nobody"], [FOLD]) == {
        ("user:è", FOLD): (5, journey),
        ("user:gone", FOLD): (6, None),
    }


async def test_whom_silence_brings_a_visit_is_found_by_its_time(store: Store) -> None:
    journey = Journey(recent=(VISIT,), planned=(LATER, replace(LATER, entered_at=1_770_000_000_000)))
    await store.write_customers([row(journey, 5), row(Journey(recent=(VISIT,)), 5, "user:active")])
    at = LATER.entered_at

    async def due(since: int, until: int, after: str = "", partitions: tuple[int, ...] = (0,)) -> list[str]:
        return await store.read_due(since, until, partitions, len(partitions), after, 10)

    assert await due(at - 1, at) == ["user:è"]
    assert await due(at, at + 1) == []
    assert await due(at, 1_770_000_000_000) == ["user:è"]
    assert await due(VISIT.entered_at - 1, VISIT.entered_at) == []
    assert await due(at - 1, at, after="user:è") == []
    assert sorted(await due(at - 1, at, partitions=(0, 1))) == ["user:è"]


async def test_everybody_is_found_page_by_page_who_has_a_row_or_of_whom_something_was_said(store: Store) -> None:
    everybody = [f"user:{number}" for number in range(5)]
    await store.write_customers([row(None, 5, one) for one in everybody[:3]])
    await store.write_stage_changes([said("entered", 1, customer_id=one) for one in everybody[2:]])
    first = await store.read_customers([0, 1], 2, "", 3)
    assert first == everybody[:3]
    assert await store.read_customers([0, 1], 2, first[-1], 3) == everybody[3:]
    apart = [await store.read_customers([partition], 3, "", 10) for partition in range(3)]
    assert sorted(one for some in apart for one in some) == everybody


async def test_the_view_says_each_thing_once(clickhouse: ClickHouseStore) -> None:
    await clickhouse.write_stage_changes(
        [
            said("entered", 5, 10),
            said("entered", 6, 20),  # a repeat
            said("retracted", 7, 30),
            said("corrected", 7, 40, corrects="an earlier one"),
            said("retracted", 4, 50, visit=LATER),  # of what was never said
        ]
    )
    rows = await clickhouse.rows(
        "SELECT kind, version, toUnixTimestamp64Micro(said_at), corrects, stage, from_stage, label, "
        "toUnixTimestamp64Milli(entered_at), cause_message_id, cause_event, cause_channel, stands "
        "FROM v_stage_changes WHERE customer_id = 'user:è' ORDER BY version, said_at"
    )
    visit = ("purchase", "discovery", "it's", VISIT.entered_at, "m1", "Order Completed", "web")
    assert rows == [
        ("entered", 5, 10, "", *visit, 1),
        ("retracted", 7, 30, "", *visit, 1),
        ("corrected", 7, 40, "an earlier one", *visit, 1),
    ]


def test_a_visit_keeps_its_id_with_another_customer_unless_silence_brought_it() -> None:
    assert visit_id("device:a", "linear", VISIT) == visit_id("user:a", "linear", VISIT)
    assert visit_id("device:a", "linear", LATER) != visit_id("user:a", "linear", LATER)
    assert visit_id("device:a", "linear", VISIT) != visit_id("device:a", "five_e", VISIT)
    assert visit_id("device:a", "linear", VISIT) != visit_id("device:a", "linear", replace(VISIT, label=""))


def test_of_one_moment_silence_comes_first() -> None:
    silence = replace(LATER, entered_at=VISIT.entered_at)
    assert sorted([VISIT, LATER, silence], key=order_of) == [silence, VISIT, LATER]
