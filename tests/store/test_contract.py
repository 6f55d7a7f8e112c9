"""One suite for everything that calls itself a ``Store``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from stage_engine.journey import Journey, Visit
from stage_engine.touchpoint import Touchpoint, place
from store.customer_columns import stored_journeys
from store.interface import (
    PROGRESS_END,
    CustomerRow,
    Fold,
    Generation,
    Position,
    Progress,
    State,
    Store,
    UnwritableRowError,
)
from store.packed_touchpoints import CONDITIONS_ONLY
from store.rejected import Refused
from stream.log.message import partition_of

FOLD = Fold(model="seven_stage", generation=0, version="v1")
STAGES = ("discovery", "evaluation", "purchase")


def touchpoint(message_id: str = "m1", **said: Any) -> Touchpoint:
    known: dict[str, Any] = {
        "source": "shop",
        "type": "track",
        "event": "Order Completed",
        "channel": "web",
        "occurred_at": 1_750_000_000_123,
        "original_timestamp": 1_750_000_000_123,
        "received_at": 1_750_000_001_000,
        "user_id": "42",
        "content_hash": b"c" * 16,
    }
    return Touchpoint(message_id=message_id, **(known | said))


def all_that_it_can_say(**said: Any) -> Touchpoint:
    """A touchpoint with every field, each hard to write down."""
    known: dict[str, Any] = {
        "name": "Cart",
        "acquisition_channel": "Paid Search",
        "offline": True,
        "anonymous_id": "a-1",
        "previous_id": "p-1",
        "group_id": "g",
        "contacts": ("email:ann@shop.it", "loyalty_card:9900"),
        "properties": b'{"a": "\xc3\xa8\\u0000"}',
        "traits": b"{}",
        "context": b'{"page": {}}',
        "extra": b'{"x": 1}',
        "value": -123_456_789_012_345_678,
        "currency": "EUR",
        "transaction": "return",
        "refers_to": "m0",
        "score_kind": "nps",
        "score": 9.1,
        "occurred_at": 0,
        "original_timestamp": -1,
    }
    return touchpoint('it\'s a \\ \0 "quoted" / 名前 \n id', **(known | said))


def row(journey: Journey | None, version: int = 1, customer_id: str = "user:42", **said: Any) -> CustomerRow:
    known: dict[str, Any] = {"model": "seven_stage", "model_version": "v1", "stages": STAGES}
    return CustomerRow(customer_id=customer_id, version=version, journey=journey, **(known | said))


JOURNEY = Journey(
    recent=(
        Visit(stage="discovery", entered_at=1_750_000_000_123, cause_message_id="m1", cause_identifiers=("user:42",)),
        Visit(stage="purchase", entered_at=1_750_000_000_124, from_stage="discovery", label="quick"),
    ),
    planned=(Visit(stage="purchase", entered_at=1_760_000_000_124, from_stage="purchase", label="lapsing"),),
    highest_stage="purchase",
    first_touch_at=1_750_000_000_123,
    last_touch_at=1_750_000_000_124,
    touchpoints=2,
    purchases=1,
    revenue={"EUR": -19_999, "JPY": 10**17},
    counters={"returns": 2, "spent": 10**18, "mood": 9.0, "from": "store", "new": True, "kinds": (2**64 - 1, 0)},
    voided=frozenset({"m9"}),
    last_order=(1, "m1", "shop", ("user:42",), 1),
    tail=b"\x00\xff" * 24,
)


async def test_a_touchpoint_comes_back_as_it_was_written(store: Store) -> None:
    full = all_that_it_can_say()
    bare = touchpoint("bare", value=None, score=None)
    await store.write_touchpoints(list(map(place, [full, bare])))
    read = await store.read_touchpoints(["user:42"])
    assert sorted(read["user:42"], key=lambda one: one.message_id) == [bare, full]


async def test_bytes_that_are_no_utf8_come_back_as_they_were_written(store: Store) -> None:
    odd = touchpoint(properties=b"\xff\xfe\x00")
    await store.write_touchpoints(list(map(place, [odd])))
    assert await store.read_touchpoints([odd.home]) == {odd.home: [odd]}


async def test_what_is_filed_in_a_range_of_places_is_found_with_the_fields_that_are_asked_for(store: Store) -> None:
    full = all_that_it_can_say(traits=b"\xff", received_at=0)
    nobody = touchpoint("r", user_id="", contacts=("receipt:1",))
    others = [touchpoint("o", user_id=f"{number}", received_at=0) for number in range(20)]
    await store.write_touchpoints(list(map(place, [full, nobody, *others])))
    everything = await store.read_filed_between(0, PROGRESS_END, [0], 1, dict.fromkeys(CONDITIONS_ONLY))
    assert [one for home in everything.values() for one in home if one[2].message_id == full.message_id] == [
        place(full)
    ]
    half = PROGRESS_END // 2
    reads = {"score": None, "name": frozenset({full.event}), "offline": frozenset({"it's another"})}
    found: list[str] = []
    for begin in (0, half):
        for partition in range(3):
            homes = await store.read_filed_between(begin, begin + half, [partition], 3, reads)
            assert all(partition_of(home, 3) == partition for home in homes)
            found += homes
            if bare := [one[2] for one in homes.get(full.home, ()) if one[2].message_id == full.message_id]:
                without = {name: value for name, (_, value) in CONDITIONS_ONLY.items() if name not in ("score", "name")}
                assert bare == [replace(full, **without)]
    assert sorted(found) == sorted({one.home for one in [full, *others]})


@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
async def test_of_copies_the_smallest_time_then_content_then_receipt_counts(
    store: Store, batches: int, turned: bool
) -> None:
    best = touchpoint(occurred_at=1_749_000_000_000, content_hash=b"\x01" + b"z" * 15, received_at=5)
    copies = [
        best,
        touchpoint(occurred_at=1_749_000_000_000, content_hash=b"\x01" + b"z" * 15, received_at=6),
        touchpoint(occurred_at=1_749_000_000_000, content_hash=b"\x02" + b"a" * 15, received_at=1),
        touchpoint(occurred_at=1_749_000_000_001, content_hash=b"\x00" * 16, received_at=0),
    ]
    copies = copies[::-1] if turned else copies
    for start in range(batches):
        await store.write_touchpoints(list(map(place, copies[start::batches])))
    assert await store.read_touchpoints(["user:42"]) == {"user:42": [best]}


async def test_a_message_id_used_again_for_something_else_is_another_touchpoint(store: Store) -> None:
    others = [touchpoint(), touchpoint(original_timestamp=7), touchpoint(source="till"), touchpoint(anonymous_id="d")]
    await store.write_touchpoints(list(map(place, others)))
    assert len((await store.read_touchpoints(["user:42"]))["user:42"]) == 4


async def test_only_the_homes_asked_for_are_read(store: Store) -> None:
    await store.write_touchpoints(list(map(place, [touchpoint(user_id=str(number)) for number in range(20)])))
    assert set(await store.read_touchpoints(["user:3", "user:7", "user:none"])) == {"user:3", "user:7"}
    assert await store.read_touchpoints([]) == {}


async def test_receipts_that_name_nobody_are_read_by_their_own_keys(store: Store) -> None:
    receipts = [touchpoint(key, user_id="", contacts=(f"receipt:{key}",)) for key in ("a", "b", "c")]
    await store.write_touchpoints(list(map(place, [*receipts, touchpoint()])))
    read = await store.read_touchpoints(["receipt:a", "receipt:c", "user:42"])
    assert read == {"receipt:a": [receipts[0]], "receipt:c": [receipts[2]], "user:42": [touchpoint()]}


async def test_more_homes_than_fit_one_statement_are_read(store: Store) -> None:
    await store.write_touchpoints(list(map(place, [touchpoint(user_id="5")])))
    homes = [f"user:{number:0200d}" for number in range(6_000)]
    assert set(await store.read_touchpoints([*homes, "user:5"])) == {"user:5"}


async def test_homes_are_listed_page_by_page_each_once(store: Store) -> None:
    homes = {f"user:{user}" for user in ("b", "a", "é", "\U0001f600", "it's \\", "Z", *map(str, range(30)))}
    for source in ("shop", "till"):
        await store.write_touchpoints(list(map(place, [touchpoint(source=source, user_id=home[5:]) for home in homes])))
    receipts = [touchpoint(user_id="", contacts=(f"receipt:{number}",)) for number in range(20)]
    await store.write_touchpoints(list(map(place, receipts)))
    homes |= {receipt.home for receipt in receipts}
    listed: list[str] = []
    while page := await store.read_homes(listed[-1] if listed else "", 7):
        assert len(page) <= 7
        listed += page
    assert len(listed) == len(homes)
    assert set(listed) == homes


async def test_a_journey_comes_back_as_it_was_written(store: Store) -> None:
    await store.write_customers([row(JOURNEY)])
    assert await store.read_journeys(["user:42", "user:43"], [FOLD]) == {("user:42", FOLD): JOURNEY}


async def test_a_tombstone_is_not_a_missing_row(store: Store) -> None:
    await store.write_customers([row(None)])
    assert await store.read_journeys(["user:42", "user:43"], [FOLD]) == {("user:42", FOLD): None}


async def test_a_row_of_another_version_of_the_model_is_no_row(store: Store) -> None:
    await store.write_customers([row(JOURNEY, model_version="v0"), row(JOURNEY, model="linear", model_version="v1")])
    linear = replace(FOLD, model="linear")
    assert await store.read_journeys(["user:42"], [FOLD, linear]) == {("user:42", linear): JOURNEY}
    assert await store.read_journeys(["user:42"], []) == {}


@dataclass(frozen=True)
class Written:
    versions: list[int]
    counts: int


@pytest.mark.parametrize(
    "written",
    [
        Written([1, 2], 1),
        Written([2, 1], 0),
        Written([3, 3], 1),
        Written([(2 << 48) | 1, (1 << 48) | 9_000], 0),
    ],
)
async def test_only_a_version_that_is_not_lower_replaces_a_row(store: Store, written: Written) -> None:
    journeys = [Journey(touchpoints=number + 1) for number in range(2)]
    for version, journey in zip(written.versions, journeys, strict=True):
        await store.write_customers([row(journey, version)])
    assert await store.read_journeys(["user:42"], [FOLD]) == {("user:42", FOLD): journeys[written.counts]}


async def test_writing_a_row_again_changes_nothing(store: Store) -> None:
    for _ in range(3):
        await store.write_customers([row(JOURNEY)])
        await store.write_touchpoints(list(map(place, [touchpoint()])))
    assert await store.read_journeys(["user:42"], [FOLD]) == {("user:42", FOLD): JOURNEY}
    assert await store.read_touchpoints(["user:42"]) == {"user:42": [touchpoint()]}


SECOND = Fold(model="seven_stage", generation=2, version="v2")


async def test_rows_of_several_generations_stay_apart(store: Store) -> None:
    await store.write_customers([row(JOURNEY, 5), row(Journey(), 1, generation=2, model_version="v2")])
    await store.write_customers([row(None, 4, generation=3)])
    assert await store.read_journeys(["user:42"], [FOLD, SECOND]) == {
        ("user:42", FOLD): JOURNEY,
        ("user:42", SECOND): Journey(),
    }
    assert await store.read_modelled() == {("seven_stage", 0), ("seven_stage", 2), ("seven_stage", 3)}


async def test_rows_of_a_generation_go_without_the_others(store: Store) -> None:
    await store.write_customers([row(JOURNEY), row(JOURNEY, generation=2), row(JOURNEY, model="linear")])
    await store.drop_generations([generation(0, State.GONE)])
    assert await store.read_modelled() == {("seven_stage", 2), ("linear", 0)}
    await store.drop_generations([])


def generation(number: int, state: State, text: str = "name: it's") -> Generation:
    return Generation(model="seven_stage", number=number, version="v1", text=text, state=state)


async def test_a_generation_never_goes_back(store: Store) -> None:
    assert await store.read_models() == []
    await store.write_models([generation(0, State.SERVING), generation(1, State.REBUILDING)])
    await store.write_models([generation(0, State.GONE), generation(1, State.SERVING)])
    await store.write_models([generation(0, State.SERVING), generation(1, State.REBUILDING)])
    found = {one.number: one for one in await store.read_models()}
    assert found == {0: generation(0, State.GONE), 1: generation(1, State.SERVING)}


async def test_how_a_customer_stands_is_what_the_row_that_counts_says(store: Store) -> None:
    own = replace(JOURNEY, own=True)
    await store.write_customers([row(own, 2, "user:1"), row(JOURNEY, 2, "user:2"), row(None, 2, "user:3")])
    await store.write_customers([row(None, 1, "user:1"), row(own, 1, "user:2"), row(own, 1, "user:3")])
    await store.write_customers([row(own, 1, "user:4", generation=2), row(own, 1, "user:5", model="linear")])
    found = await store.read_standings(FOLD, 0, PROGRESS_END, [0], 1)
    assert {one.customer_id: (one.gone, one.own) for one in found} == {
        "user:1": (False, True),
        "user:2": (False, False),
        "user:3": (True, False),
    }
    assert await store.count_standings(FOLD) == (2, 4)


async def test_customers_are_found_once_each_by_place_and_partition(store: Store) -> None:
    everybody = {f"user:è{number}" for number in range(200)}
    await store.write_customers([row(JOURNEY, 1, one) for one in sorted(everybody)])
    quarter = PROGRESS_END // 4
    found = [
        standing.customer_id
        for begin in range(0, PROGRESS_END, quarter)
        for partition in range(3)
        for standing in await store.read_standings(FOLD, begin, begin + quarter, [partition], 3)
        if partition_of(standing.customer_id, 3) == partition
    ]
    assert sorted(found) == sorted(everybody)
    several = await store.read_standings(FOLD, 0, PROGRESS_END, [0, 2], 3)
    assert {partition_of(one.customer_id, 3) for one in several} == {0, 2}


async def test_progress_never_goes_back(store: Store) -> None:
    first = Progress(generation=1, partition=0, begun_at=7, done=0, customers=0)
    further = replace(first, done=PROGRESS_END, customers=9)
    await store.write_progress([first, replace(first, partition=1)])
    await store.write_progress([further])
    await store.write_progress([replace(first, done=5)])
    assert await store.read_progress(1) == [further, replace(first, partition=1)]
    assert await store.read_progress(2) == []


async def test_positions_grow_and_stay_apart_by_topic_and_epoch(store: Store) -> None:
    first = Position(topic_id="t1", epoch=1, partition=0, offset=10)
    other = Position(topic_id="t2", epoch=1, partition=0, offset=3)
    later = Position(topic_id="t1", epoch=2, partition=0, offset=1)
    await store.write_positions([first, other])
    await store.write_positions([Position(topic_id="t1", epoch=1, partition=0, offset=9), later])
    read = await store.read_positions()
    assert sorted(read, key=lambda one: (one.topic_id, one.epoch)) == [first, later, other]


async def test_a_note_is_what_was_written_last(store: Store) -> None:
    assert await store.read_note("folded") is None
    for value in ("a", "b", "a", "it's {} \\"):
        await store.write_note("folded", value)
        assert await store.read_note("folded") == value


async def test_writing_nothing_is_allowed(store: Store) -> None:
    await store.write_touchpoints(list(map(place, [])))
    await store.write_customers([])
    await store.write_rejected([])
    await store.write_positions([])


async def test_a_dead_letter_may_be_any_bytes_and_come_again(store: Store) -> None:
    letter = Refused(rejected_id="ab", source="s", received_at=1, code="c", reason="r", body=b"\xff\x00{")
    await store.write_rejected([letter, letter])
    await store.write_rejected([letter])


async def test_a_row_that_can_never_be_written_is_told_from_a_store_that_is_away(clickhouse: Store) -> None:
    with pytest.raises(UnwritableRowError):
        await clickhouse.write_touchpoints(list(map(place, [touchpoint(), touchpoint("m2", value=1 << 70)])))
    with pytest.raises(UnwritableRowError):
        await clickhouse.write_touchpoints([place(touchpoint(name="\ud800"))])
    assert await clickhouse.read_touchpoints(["user:42"]) == {}


@pytest.mark.parametrize(
    "state",
    [["purchase", 1_750_000_000_123, 1_750_000_000_124, 2, 1], [JOURNEY.visits, JOURNEY.planned, "purchase", 1, 2]],
    ids=["without visits", "with all visits in one list"],
)
def test_a_state_of_an_older_version_is_in_doubt(state: list[object]) -> None:
    older = msgspec.msgpack.encode(state)
    block = [["user:42", "user:43"], ["seven_stage"] * 2, [0, 1], [0, 0], [older, msgspec.msgpack.encode(JOURNEY)]]
    assert dict(stored_journeys(block)) == {
        ("user:42", "seven_stage", 0): None,
        ("user:43", "seven_stage", 1): JOURNEY,
    }
