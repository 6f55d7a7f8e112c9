"""Every view against the brute force, over random people: ties in a millisecond, copies with other clocks, voids,
silence, a message_id used for several things. The journeys in the database are the stage engine's."""

from __future__ import annotations

import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stage_engine.fold import fold
from stage_engine.journey import Journey, Visit
from stage_engine.model import parse_model
from stage_engine.touchpoint import MONEY_UNIT, Touchpoint, place
from store.clickhouse import ClickHouseStore, literal
from store.interface import CustomerRow
from tests.reference.naive_model import Row
from tests.reference.reference import Reference
from tests.stage_engine.histories import DAY, START, histories
from tests.stage_engine.test_fold import RESTLESS, SEVEN_STAGE
from tests.store.conftest import DEFAULT_MODEL

TEXTS = {"restless": RESTLESS, "seven_stage": SEVEN_STAGE}
MODELS = {name: parse_model(text, name) for name, text in TEXTS.items()}
PEOPLE: tuple[Row, ...] = (
    {"user_id": "u"},
    {"user_id": "it's \\ Ünï"},
    {"user_id": "", "contacts": ("loyalty_card:9900",)},
    {"user_id": "", "contacts": ("email:ann@shop.it", "receipt:s1|1|7")},
    {"user_id": "", "contacts": ("receipt:s1|1|8",)},
    {"user_id": "", "anonymous_id": "d1"},
    {"user_id": "v"},
    {"user_id": "w"},
)
TOUCHPOINT = [
    "customer_id",
    "stage_before",
    "stage_after",
    "message_id",
    "source",
    "type",
    "event",
    "name",
    "channel",
    "acquisition_channel",
    "offline",
    "occurred_at",
    "original_timestamp",
    "user_id",
    "anonymous_id",
    "group_id",
    "identifiers",
    "value",
    "currency",
    "transaction",
    "refers_to",
    "score_kind",
    "score",
]
VISIT = [
    "customer_id",
    "model",
    "seq",
    "stage",
    "entered_at",
    "left_at",
    "duration",
    "from_stage",
    "label",
    "cause_message_id",
    "cause_event",
    "cause_channel",
]
CUSTOMER = [
    "customer_id",
    "model",
    "stage",
    "stage_since",
    "highest_stage",
    "first_touch_at",
    "last_touch_at",
    "touchpoints",
    "purchases",
    "revenue",
    "revenue_by_currency",
]
CONFLICT = ["source", "message_id", "touchpoints", "original_timestamps", "identifiers"]

shops = st.lists(histories(size_max=16), min_size=1, max_size=len(PEOPLE)).map(
    lambda several: [
        msgspec.structs.replace(one, **said) for said, history in zip(PEOPLE, several, strict=False) for one in history
    ]
)
"""The touchpoints of several people, as they arrive."""


def as_row(touchpoint: Touchpoint) -> Row:
    row: Row = msgspec.structs.asdict(touchpoint)
    json = {name: msgspec.json.decode(row[name] or b"{}") for name in ("properties", "traits", "context")}
    return {**row, **json, "identifiers": list(touchpoint.identifiers), "content": touchpoint.content_hash}


async def fill(store: ClickHouseStore, touchpoints: list[Touchpoint]) -> None:
    for table in ("touchpoints", "customers"):
        await store.execute(f"TRUNCATE TABLE {table}")
    half = len(touchpoints) // 2
    await store.write_touchpoints(list(map(place, touchpoints[:half])))
    await store.write_touchpoints(list(map(place, touchpoints[half:])))
    histories: dict[str, list[Touchpoint]] = {}
    for touchpoint in touchpoints:
        histories.setdefault(touchpoint.home, []).append(touchpoint)
    rows = [
        CustomerRow(
            customer_id=home,
            model=name,
            model_version=model.version,
            stages=tuple(sorted(model.rank, key=lambda stage: model.rank[stage])),
            version=1,
            journey=fold(model, history),
        )
        for home, history in histories.items()
        if not home.startswith("receipt:")
        for name, model in MODELS.items()
    ]
    await store.write_customers(rows)


async def ask(store: ClickHouseStore, names: list[str], source: str) -> list[Row]:
    """Rows of a view with times in milliseconds and money in 1/10,000, as the reference has them."""
    rows = await store.rows(f"SELECT {', '.join(map(exactly, names))} FROM {source}")
    return ordered(dict(zip(names, map(plain, row), strict=True)) for row in rows)


def exactly(name: str) -> str:
    if name == "original_timestamps":
        return "arrayMap(at -> toUnixTimestamp64Milli(at), original_timestamps)"
    return f"toUnixTimestamp64Milli({name})" if name.endswith(("_at", "_since", "timestamp")) else name


def plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value * MONEY_UNIT)
    return {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=repr)


def picked(names: list[str], rows: Iterable[Row]) -> list[Row]:
    return ordered({name: row[name] for name in names} for row in rows)


def references(touchpoints: list[Touchpoint]) -> dict[str, Reference]:
    rows = [as_row(one) for one in touchpoints]
    return {name: Reference(rows, text) for name, text in TEXTS.items()}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(touchpoints=shops, days=st.integers(-3, 900), milliseconds=st.integers(-1, 1))
async def test_every_view_says_what_the_brute_force_says(
    clickhouse: ClickHouseStore, touchpoints: list[Touchpoint], days: int, milliseconds: int
) -> None:
    await fill(clickhouse, touchpoints)
    all_models = references(touchpoints)
    one = all_models[DEFAULT_MODEL]
    now = int(time.time() * 1000)
    at = START + days * DAY + milliseconds
    then = f"v_customers_at(at = fromUnixTimestamp64Milli({at}, 'UTC'))"

    assert await ask(clickhouse, TOUCHPOINT, "v_touchpoints") == picked(TOUCHPOINT, one.v_touchpoints())
    assert await ask(clickhouse, CONFLICT, "v_conflicts") == picked(CONFLICT, one.v_conflicts())
    visits = [row for reference in all_models.values() for row in reference.v_stage_visits(now)]
    assert await ask(clickhouse, VISIT, "v_stage_visits") == picked(VISIT, visits)
    customers = [row for reference in all_models.values() for row in reference.v_customers(now)]
    assert await ask(clickhouse, CUSTOMER, "v_customers") == picked(CUSTOMER, customers)
    customers = [row for reference in all_models.values() for row in reference.v_customers_at(at)]
    assert await ask(clickhouse, CUSTOMER, then) == picked(CUSTOMER, customers)


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(touchpoints=shops, days=st.integers(0, 900))
async def test_asking_for_one_customer_gives_that_customers_rows_of_all(
    clickhouse: ClickHouseStore, touchpoints: list[Touchpoint], days: int
) -> None:
    await fill(clickhouse, touchpoints)
    then = f"v_customers_at(at = fromUnixTimestamp64Milli({START + days * DAY}, 'UTC'))"
    sources = {"v_touchpoints": TOUCHPOINT, "v_stage_visits": VISIT, "v_customers": CUSTOMER, then: CUSTOMER}
    for source, names in sources.items():
        everything = await ask(clickhouse, names, source)
        for customer_id in ("user:u", "user:it's \\ Ünï", "", "loyalty_card:9900", "nobody"):
            theirs = await ask(clickhouse, names, f"{source} WHERE customer_id = {literal(customer_id)}")
            assert theirs == [row for row in everything if row["customer_id"] == customer_id]


def visiting(*visits: Visit, planned: tuple[Visit, ...] = ()) -> CustomerRow:
    return CustomerRow(
        customer_id="user:p",
        model="restless",
        model_version="v1",
        stages=("cold", "warm", "hot", "gone"),
        version=1,
        journey=Journey(visits=visits, planned=planned, highest_stage=visits[0].stage),
    )


async def test_a_visit_that_silence_will_bring_is_shown_when_it_is_due(clickhouse: ClickHouseStore) -> None:
    now = int(time.time() * 1000)
    due, later = now - DAY, now + DAY
    await clickhouse.write_customers([
        visiting(
            Visit(stage="hot", entered_at=due - DAY),
            planned=(
                Visit(stage="warm", entered_at=due, from_stage="hot"),
                Visit(stage="gone", entered_at=later, from_stage="warm"),
            ),
        )
    ])  # fmt: skip
    visits = await ask(clickhouse, VISIT, "v_stage_visits")
    assert [(row["stage"], row["left_at"], row["duration"]) for row in visits] == [
        ("hot", due, 86_400.0),
        ("warm", None, None),
    ]
    (customer,) = await ask(clickhouse, CUSTOMER, "v_customers")
    assert (customer["stage"], customer["stage_since"], customer["highest_stage"]) == ("warm", due, "hot")


async def test_a_visit_that_a_touchpoint_of_a_fast_clock_began_is_shown_at_once(clickhouse: ClickHouseStore) -> None:
    soon = int(time.time() * 1000) + 60_000
    await clickhouse.write_customers([visiting(Visit(stage="hot", entered_at=soon, cause_message_id="m"))])
    assert [row["stage"] for row in await ask(clickhouse, VISIT, "v_stage_visits")] == ["hot"]
    assert [row["stage"] for row in await ask(clickhouse, CUSTOMER, "v_customers")] == ["hot"]


async def test_a_customer_of_whom_nothing_is_left_is_in_no_view(clickhouse: ClickHouseStore) -> None:
    row = visiting(Visit(stage="hot", entered_at=START))
    await clickhouse.write_customers([row, msgspec.structs.replace(row, journey=None, version=2)])
    assert await ask(clickhouse, VISIT, "v_stage_visits") == []
    assert await ask(clickhouse, CUSTOMER, "v_customers") == []
