"""Every view against the brute force, over random people: ties in a millisecond, copies with other clocks, voids,
silence, a message_id used for several things, people who meet and share. The journeys in the database are the stage
engine's, who is who is the brute force's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stage_engine.fold import fold
from stage_engine.journey import Journey, Visit
from stage_engine.model import parse_model
from stage_engine.touchpoint import MONEY_UNIT, Touchpoint, place
from store.clickhouse import ClickHouseStore
from store.interface import CustomerRow, IdentityRow
from store.sql import literal
from tests.reference.naive_model import Row, identity
from tests.reference.naive_model import place as place_of
from tests.reference.reference import Reference
from tests.stage_engine.histories import DAY, START, Digits, histories
from tests.stage_engine.identity.worlds import LIMITS, at, split_of, touchpoint_of
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
IDENTITY = ["kind", "value", "identifier", "customer_id", "valid_from", "valid_to"]
PROFILE = [
    *("customer_id", "identifiers", "first_seen", "last_seen", "traits", "traits_at", "traits_source"),
    *("group_traits", "group_traits_at", "group_traits_source", "consent", "consent_at"),
]
TIMES = ("valid_from", "valid_to", "first_seen", "last_seen")

shops = st.lists(histories(size_max=16), min_size=1, max_size=len(PEOPLE)).map(
    lambda several: [
        msgspec.structs.replace(one, **said) for said, history in zip(PEOPLE, several, strict=False) for one in history
    ]
)
"""The touchpoints of several people, as they arrive."""


def as_row(touchpoint: Touchpoint) -> Row:
    row: Row = msgspec.structs.asdict(touchpoint)
    parsed = {name: msgspec.json.decode(row[name] or b"{}") for name in ("properties", "traits", "context")}
    return {**row, **parsed, "identifiers": list(touchpoint.identifiers), "content": touchpoint.content_hash}


async def fill(
    store: ClickHouseStore,
    touchpoints: list[Touchpoint],
    splits: Iterable[tuple[str, str]] = (),
    version: int = 1,
    **limits: Any,
) -> dict[str, Reference]:
    """Write facts and what follows from them; returns the brute force for each model. A ``version`` above 1 replaces
    what followed from fewer facts."""
    for table in ("touchpoints", "customers", "identities") if version == 1 else ():
        await store.execute(f"TRUNCATE TABLE {table}")
    before = {customer for (customer,) in await store.rows("SELECT DISTINCT customer_id FROM customers")}
    half = len(touchpoints) // 2
    await store.write_touchpoints(list(map(place, touchpoints[:half])))
    await store.write_touchpoints(list(map(place, touchpoints[half:])))
    rows = [as_row(one) for one in touchpoints]
    references = {name: Reference(rows, text, "EUR", splits, **limits) for name, text in TEXTS.items()}
    one = references[DEFAULT_MODEL]
    whose = {identity(row): one.customers[place_of(row)] for row in one.touchpoints}
    theirs: dict[str, list[Touchpoint]] = {customer: [] for customer in before}
    for row, touchpoint in zip(rows, touchpoints, strict=True):
        theirs.setdefault(whose[identity(row)], []).append(touchpoint)
    await store.write_customers([
        CustomerRow(
            customer_id=customer,
            model=name,
            model_version=model.version,
            stages=tuple(sorted(model.rank, key=lambda stage: model.rank[stage])),
            version=version,
            journey=fold(model, history) if history else None,
        )
        for customer, history in theirs.items()
        if customer
        for name, model in MODELS.items()
    ])  # fmt: skip
    told = {identifier: one.people.whose(identifier) for identifier in sorted(one.people.everybody)}
    await store.write_identities([
        IdentityRow(identifier=identifier, version=version, stretches=tuple(stretches))
        for number, (identifier, stretches) in enumerate(told.items())
        if number % 2 or version > 1 or stretches != [(0, "" if identifier.startswith("receipt:") else identifier)]
    ])  # fmt: skip
    return references


async def ask(store: ClickHouseStore, names: list[str], source: str) -> list[Row]:
    """Rows of a view with times in milliseconds and money in 1/10,000, as the reference has them."""
    rows = await store.rows(f"SELECT {', '.join(map(exactly, names))} FROM {source}")
    return ordered(dict(zip(names, map(plain, row), strict=True)) for row in rows)


def exactly(name: str) -> str:
    if name == "original_timestamps":
        return "arrayMap(at -> toUnixTimestamp64Milli(at), original_timestamps)"
    if name.endswith(("traits_at", "consent_at")):
        return f"mapApply((key, at) -> (key, toUnixTimestamp64Milli(at)), {name})"
    return f"toUnixTimestamp64Milli({name})" if name.endswith(("_at", "_since", "timestamp", *TIMES)) else name


def plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value * MONEY_UNIT)
    return {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=repr)


def picked(names: list[str], rows: Iterable[Row]) -> list[Row]:
    return ordered({name: row[name] for name in names} for row in rows)


async def profiles(store: ClickHouseStore, source: str = "v_profiles") -> list[Row]:
    """Rows of the view, the values of traits as they were told."""
    rows = await ask(store, PROFILE, source)
    for row in rows:
        for column in ("traits", "group_traits"):
            row[column] = {name: json.loads(value) for name, value in row[column].items()}
    return ordered(rows)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(touchpoints=shops, days=st.integers(-3, 900), milliseconds=st.integers(-1, 1))
async def test_every_view_says_what_the_brute_force_says(
    clickhouse: ClickHouseStore, touchpoints: list[Touchpoint], days: int, milliseconds: int
) -> None:
    all_models = await fill(clickhouse, touchpoints)
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
    assert await ask(clickhouse, IDENTITY, "v_identities") == picked(IDENTITY, one.v_identities())
    assert await profiles(clickhouse) == picked(PROFILE, one.v_profiles())


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
    for row in await profiles(clickhouse):
        assert await profiles(clickhouse, f"v_profiles WHERE customer_id = {literal(row['customer_id'])}") == [row]


TRAITS = ({}, {"name": "Ann"}, {"name": None, "age": 3}, {"city": {"zip": ["é", None]}, "name": ""}, {"age": "3"})
CONTEXTS: tuple[Row, ...] = (
    {},
    {"consent": {"categoryPreferences": {"ads": True, "mail": None, "sms": "yes"}}},
    {"consent": {"categoryPreferences": {"ads": False, "mail": True}}},
    {"consent": 3, "traits": {"name": "é"}},
)


def telling(row: Row, number: int) -> Touchpoint:
    """The touchpoint with these identifiers; what else it says is chosen by the digits of a number."""
    digits = Digits(number)
    kinds = {one.partition(":")[0]: one.partition(":")[2] for one in row["identifiers"]}
    context = json.dumps(digits.choose(*CONTEXTS)).encode()
    said = {
        "type": digits.choose("identify", "identify", "group", "track"),
        "traits": json.dumps(digits.choose(*TRAITS)).encode(),
        "context": digits.choose(context, context.replace(b"consent", rb"\u0063onsent")),
        "transaction": digits.choose("", "", "", "sale", "exchange", "void"),
        "refers_to": digits.choose(*"abcde"),
    }
    return Touchpoint(
        **{name: row[name] for name in ("source", "message_id", "occurred_at", "original_timestamp")},
        received_at=0,
        event="Something",
        channel="web",
        user_id=kinds.get("user", ""),
        anonymous_id=kinds.get("device", ""),
        previous_id=kinds.get("previous", ""),
        contacts=tuple(
            one for one in row["identifiers"] if one.partition(":")[0] not in ("user", "device", "previous")
        ),
        content_hash=blake2b(repr((row, said)).encode(), digest_size=16).digest(),
        **said,
    )


@st.composite
def meetings(draw: st.DrawFn) -> tuple[list[Touchpoint], list[tuple[str, str]], dict[str, Any]]:
    """Touchpoints of people who meet, log in, share and are told apart; splits; limits."""
    few = st.just(draw(st.sampled_from((5, 3, 2))))
    rows = draw(st.lists(st.builds(touchpoint_of, st.integers(1, 12), st.integers(0, 2**32), few), min_size=1))
    corrected = draw(st.lists(st.integers(1, 12), max_size=3))
    rows += [{**row, "occurred_at": moment} for row, moment in zip(rows, corrected, strict=False)]
    splits = [split_of(rows[0], number, False) for number in draw(st.lists(st.integers(0, 20), max_size=2))]
    touchpoints = [telling(row, draw(st.integers(0, 2**20))) for row in rows]
    limits = draw(LIMITS)
    names = {"of_kind": "values_max_of_kind", "values": "values_max", "group": "group_max", "allowed": "allowed"}
    told = {name: limits[ours] for name, ours in names.items()}
    return touchpoints, [(split.one, split.other) for split in splits], told


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(meetings())
async def test_everybody_is_who_the_brute_force_says_in_every_view(
    clickhouse: ClickHouseStore, met: tuple[list[Touchpoint], list[tuple[str, str]], dict[str, Any]]
) -> None:
    touchpoints, splits, limits = met
    await fill(clickhouse, touchpoints[: len(touchpoints) // 2], **limits)
    one = (await fill(clickhouse, touchpoints, splits, version=2, **limits))[DEFAULT_MODEL]
    assert await ask(clickhouse, TOUCHPOINT, "v_touchpoints") == picked(TOUCHPOINT, one.v_touchpoints())
    assert await ask(clickhouse, IDENTITY, "v_identities") == picked(IDENTITY, one.v_identities())
    assert await profiles(clickhouse) == picked(PROFILE, one.v_profiles())
    then = f"v_customers_at(at = fromUnixTimestamp64Milli({6}, 'UTC')) WHERE model = '{DEFAULT_MODEL}'"
    assert await ask(clickhouse, CUSTOMER, then) == picked(CUSTOMER, one.v_customers_at(6))


def visiting(*visits: Visit, planned: tuple[Visit, ...] = ()) -> CustomerRow:
    return CustomerRow(
        customer_id="user:p",
        model="restless",
        model_version="v1",
        stages=("cold", "warm", "hot", "gone"),
        version=1,
        journey=Journey(recent=visits, planned=planned, highest_stage=visits[0].stage),
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


def seen(time: int, *identifiers: str, **other: Any) -> Touchpoint:
    """A touchpoint with these identifiers, named after its time."""
    return msgspec.structs.replace(telling(at(time, *identifiers), 3), **other)


async def owners(store: ClickHouseStore) -> dict[str, str]:
    """Whose each touchpoint is, by ``message_id``."""
    return dict(await store.rows("SELECT message_id, customer_id FROM v_touchpoints"))


async def stretches(store: ClickHouseStore, identifier: str) -> list[tuple[str, int, int | None]]:
    rows = await ask(store, IDENTITY, f"v_identities WHERE identifier = {literal(identifier)}")
    return sorted((row["customer_id"], row["valid_from"], row["valid_to"]) for row in rows)


async def test_visits_before_a_login_are_those_of_who_logs_in(clickhouse: ClickHouseStore) -> None:
    first, login, later = seen(1, "device:d"), seen(5, "device:d", "user:ada"), seen(7, "device:d")
    bob, last = seen(9, "device:d", "user:bob"), seen(10, "device:d")
    await fill(clickhouse, [first, login, later, bob, last])
    assert await owners(clickhouse) == {
        "m1": "user:ada", "m5": "user:ada", "m7": "user:ada", "m9": "user:bob", "m10": "user:bob",
    }  # fmt: skip
    assert await stretches(clickhouse, "device:d") == [("user:ada", 0, 9), ("user:bob", 9, None)]
    assert await stretches(clickhouse, "user:ada") == [("user:ada", 0, None)]
    known = {row["customer_id"]: row["identifiers"] for row in await profiles(clickhouse)}
    assert known == {"user:ada": ["device:d", "user:ada"], "user:bob": ["device:d", "user:bob"]}


async def test_what_only_a_shared_tablet_says_is_nobodys(clickhouse: ClickHouseStore) -> None:
    logins = [seen(number, "device:tablet", f"user:{number}") for number in range(1, 7)]
    await fill(clickhouse, [*logins, seen(8, "device:tablet"), seen(9, "device:tablet", "loyalty_card:9900")])
    found = await owners(clickhouse)
    assert [found[f"m{number}"] for number in range(1, 7)] == [f"user:{number}" for number in range(1, 7)]
    assert (found["m8"], found["m9"]) == ("", "loyalty_card:9900")
    assert await stretches(clickhouse, "device:tablet") == [("", 0, None)]
    assert len(await profiles(clickhouse)) == 7


async def test_a_card_of_a_family_is_its_first_users_until_too_many_share_it(clickhouse: ClickHouseStore) -> None:
    card = "loyalty_card:1"
    receipt = seen(9, card)
    with_email = seen(10, card, "email:e@shop.it")
    with_device = seen(11, card, "device:d")
    family = [seen(2, card, "user:bob"), seen(1, card, "user:ada"), receipt, with_email, with_device]
    await fill(clickhouse, family)
    found = await owners(clickhouse)
    assert (found["m9"], found["m10"], found["m11"]) == ("user:ada", "user:ada", "user:ada")
    users = [seen(number, card, f"user:{number}") for number in range(3, 8)]
    login = seen(12, "device:d", "user:eve")
    await fill(clickhouse, [*family, *users, login], version=2)
    found = await owners(clickhouse)
    assert (found["m9"], found["m10"], found["m11"]) == ("", "email:e@shop.it", "user:eve")


async def test_a_receipt_that_comes_late_is_whose_card_it_was_and_its_void_counts_by_customer(
    clickhouse: ClickHouseStore,
) -> None:
    sale = {"transaction": "sale", "value": 10_000, "currency": "EUR"}
    receipt = seen(2, "loyalty_card:1", **sale)
    another = seen(4, "loyalty_card:1", **sale)
    joined = seen(5, "loyalty_card:1", "user:ada")
    void = seen(6, "user:ada", transaction="void", refers_to="m2")
    await fill(clickhouse, [void, joined])
    await fill(clickhouse, [void, joined, receipt, another], version=2)
    assert await owners(clickhouse) == dict.fromkeys(("m2", "m4", "m5", "m6"), "user:ada")
    now = f"v_customers WHERE model = '{DEFAULT_MODEL}'"
    then = f"v_customers_at(at = fromUnixTimestamp64Milli(6, 'UTC')) WHERE model = '{DEFAULT_MODEL}'"
    for source in (now, then):
        [customer] = await ask(clickhouse, ["customer_id", "purchases", "touchpoints", "revenue"], source)
        assert customer == {"customer_id": "user:ada", "purchases": 1, "touchpoints": 2, "revenue": 10_000}


async def test_a_receipt_that_names_nobody_is_whoever_claims_it(clickhouse: ClickHouseStore) -> None:
    alone, beside = seen(1, "receipt:s/1/7"), seen(2, "receipt:s/1/7", "device:d")
    await fill(clickhouse, [alone, beside])
    assert await owners(clickhouse) == {"m1": "", "m2": "device:d"}
    assert await stretches(clickhouse, "receipt:s/1/7") == [("", 0, None)]
    await fill(clickhouse, [alone, beside, seen(3, "receipt:s/1/7", "user:ada")], version=2)
    assert await owners(clickhouse) == dict.fromkeys(("m1", "m2", "m3"), "user:ada")
    assert await stretches(clickhouse, "receipt:s/1/7") == [("user:ada", 0, None)]


async def test_an_alias_leads_from_its_previous_id_as_a_user_and_as_a_device(clickhouse: ClickHouseStore) -> None:
    await fill(clickhouse, [seen(1, "device:x"), seen(2, "user:x"), seen(3, "user:ada", "previous:x")])
    assert await owners(clickhouse) == dict.fromkeys(("m1", "m2", "m3"), "user:ada")
    [profile] = await profiles(clickhouse)
    assert profile["identifiers"] == ["device:x", "user:ada", "user:x"]


async def test_a_customer_who_has_become_another_leaves_no_row_in_any_view(clickhouse: ClickHouseStore) -> None:
    card, met = seen(1, "loyalty_card:1"), seen(5, "loyalty_card:1", "user:ada")
    views = ("v_touchpoints", "v_stage_visits", "v_customers", "v_identities", "v_profiles",
             "v_customers_at(at = fromUnixTimestamp64Milli(9, 'UTC'))")  # fmt: skip

    async def shown(customer: str) -> list[int]:
        counts = [
            await clickhouse.rows(f"SELECT count() > 0 FROM {view} WHERE customer_id = '{customer}'") for view in views
        ]
        return [count for ((count,),) in counts]

    await fill(clickhouse, [card])
    assert (await shown("loyalty_card:1"), await shown("user:ada")) == ([1] * 6, [0] * 6)
    await fill(clickhouse, [card, met], version=2)
    assert (await shown("loyalty_card:1"), await shown("user:ada")) == ([0] * 6, [1] * 6)
    await fill(clickhouse, [card, met], [("loyalty_card:1", "user:ada")], version=3)
    assert (await shown("loyalty_card:1"), await shown("user:ada")) == ([1] * 6, [1] * 6)


async def test_of_a_trait_the_last_word_in_time_counts_and_null_takes_it_away(clickhouse: ClickHouseStore) -> None:
    def saying(time: int, source: str, *identifiers: str, **traits: Any) -> Touchpoint:
        return seen(time, *identifiers, source=source, type="identify", traits=json.dumps(traits).encode())

    late = saying(2, "app", "device:d", name="Ann", city="Roma", age=3)
    early = saying(1, "web", "device:d", city="Forlì", shoe={"size": [38.5]})
    last = saying(3, "web", "user:ada", "device:d", name=None, age="4")
    await fill(clickhouse, [last, late, early])
    [profile] = await profiles(clickhouse)
    assert profile["traits"] == {"age": "4", "city": "Roma", "shoe": {"size": [38.5]}}
    assert profile["traits_at"] == {"age": 3, "city": 2, "shoe": 1}
    assert profile["traits_source"] == {"age": "web", "city": "app", "shoe": "web"}
    assert (profile["first_seen"], profile["last_seen"], profile["customer_id"]) == (1, 3, "user:ada")


async def test_consent_is_the_last_word_on_each_purpose(clickhouse: ClickHouseStore) -> None:
    def consenting(time: int, **purposes: Any) -> Touchpoint:
        context = json.dumps({"consent": {"categoryPreferences": purposes}}).encode()
        return seen(time, "user:ada", type="track", context=context)

    await fill(clickhouse, [consenting(3, ads=False, mail="yes"), consenting(2, ads=True, mail=True, sms=None)])
    [profile] = await profiles(clickhouse)
    assert (profile["consent"], profile["consent_at"]) == ({"ads": False, "mail": True}, {"ads": 3, "mail": 2})
