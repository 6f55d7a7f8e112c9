"""Snowplow's test data of a web site: who is who, against the users, sessions and page views that its own models make
of it. Where we differ, docs/identity-real-data.md says why."""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from datetime import UTC, datetime

import pytest

from stage_engine.identity.limits import Limits
from stage_engine.touchpoint import Touchpoint
from tests.identity_data.answers import DATA, PAGE, Answers, answers, table
from tests.stream.touchpoints import START_MS, touchpoint

LIMITS = Limits()
GENEROUS = Limits(values_max_of_kind={"user": 20, "device": 10})
"""As Snowplow, which knows no shared device: as many users as the data has on one."""
Row = dict[str, str]


def rows(name: str) -> list[Row]:
    with (DATA / "snowplow_web" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def touchpoint_of(event: Row) -> Touchpoint:
    """``derived_tstamp`` is the time with the device's clock corrected, ``dvce_created_tstamp`` the time as sent."""
    return touchpoint(
        event["event_id"],
        at=milliseconds(event["derived_tstamp"]) - START_MS,
        original=milliseconds(event["dvce_created_tstamp"]) - START_MS,
        user=event["user_id"],
        device=event["domain_userid"],
        event="Page Viewed" if event["event_name"] == "page_view" else event["event_name"],
        note=event["collector_tstamp"],
    )


def last_named(events: list[Row]) -> list[Row]:
    """The same events, but that of each device only the last one says who the user is."""
    last = {
        event["domain_userid"]: event["event_id"] for event in sorted(events, key=lambda one: one["derived_tstamp"])
    }
    return [
        event if event["event_id"] == last[event["domain_userid"]] else event | {"user_id": ""}
        for event in events
        if event["domain_userid"]
    ]


async def worked_off(limits: Limits) -> Answers:
    return await answers([touchpoint_of(event) for event in rows("events")], limits)


async def worked_off_with_late_names() -> Answers:
    return await answers([touchpoint_of(event) for event in last_named(rows("events"))], LIMITS)


def page_views(found: Answers) -> list[Touchpoint]:
    return [one for one in found.touchpoints if one.event == "Page Viewed"]


async def test_events_sent_twice_are_counted_once_as_in_the_published_page_views() -> None:
    found = await worked_off(LIMITS)
    published = {row["event_id"]: milliseconds(row["derived_tstamp"]) for row in rows("page_views_expected")}
    ours = {one.message_id: one.occurred_at for one in page_views(found)}
    assert (len(rows("events")), len(found.touchpoints), len(ours), len(published)) == (160, 157, 49, 43)
    assert {event: ours.get(event) for event in published} == published


async def test_every_published_page_view_is_its_published_users() -> None:
    found = await worked_off(LIMITS)
    ours = {one.message_id: found.customer(one) for one in page_views(found)}
    published = {row["event_id"]: f"user:{row['user_id']}" for row in rows("page_views_expected")}
    assert {event: ours[event] for event in published} == published


async def test_the_published_users_are_customers_and_begin_when_we_say() -> None:
    found = await worked_off(LIMITS)
    published = {f"user:{row['user_id']}": milliseconds(row["start_tstamp"]) for row in rows("users_expected")}
    assert {name: found.of(name)[0].occurred_at for name in published} == published
    assert (len(published), len(found.customers)) == (11, 25)


async def test_a_user_with_a_new_device_for_every_visit_is_one_customer() -> None:
    found = await worked_off(LIMITS)
    devices = Counter(row["user_id"] for row in {row["domain_userid"]: row for row in rows("events")}.values())
    assert (devices["Rotating domain_userid per session"], devices["consent_accel"]) == (3, 26)
    assert {"user:Rotating domain_userid per session", "user:consent_accel"} <= found.customers
    assert not [name for name in found.customers if name.startswith("device:")]


def stitched(found: Answers) -> dict[tuple[str, str], tuple[str, str]]:
    """By session and its start: the published stitched user, and whose the device is at the session's end."""
    return {
        (row["domain_sessionid"], row["start_tstamp"]): (
            f"user:{row['stitched_user_id']}",
            found.whose(f"device:{row['domain_userid']}", milliseconds(row["end_tstamp"])),
        )
        for row in rows("sessions_expected")
        if row["domain_userid"]
    }


@pytest.mark.parametrize(
    ("limits", "alike", "other"),
    [
        (LIMITS, 15, {("user:user stitch - session: 2nd id: 10", "")}),
        (GENEROUS, 16, {("user:user stitch - session: 2nd id: 10", "user:user stitch - session: 1st id: 2")}),
    ],
    ids=["as shipped", "without shared devices"],
)
async def test_the_devices_of_sessions_are_stitched_to_their_published_users(
    limits: Limits, alike: int, other: set[tuple[str, str]]
) -> None:
    pairs = stitched(await worked_off(limits)).values()
    assert len([one for one in pairs if one[0] == one[1]]) == alike
    assert {one for one in pairs if one[0] != one[1]} == other


async def test_whoever_is_named_last_has_all_sessions_of_the_device_as_published() -> None:
    found = await worked_off_with_late_names()
    pairs = stitched(found)
    assert len(pairs) == 17
    assert {session: ours for session, (_, ours) in pairs.items()} == {
        session: published for session, (published, _) in pairs.items()
    }
    assert not [name for name in found.customers if name.startswith("device:")]


async def test_the_page_has_what_was_computed() -> None:
    assert [made for made in await tables() if made not in PAGE] == [], "python -m tests.identity_data.test_snowplow"


async def tables() -> list[str]:
    shipped = await worked_off(LIMITS)
    return [
        stitching_table({
            "as sent, and as shipped": shipped,
            "as sent, but a device may have ten users": await worked_off(GENEROUS),
            "named by the last event of each device alone": await worked_off_with_late_names(),
        }),
        users_table(shipped),
        missing_table(shipped),
    ]  # fmt: skip


def stitching_table(found: dict[str, Answers]) -> str:
    pairs = {name: stitched(one).values() for name, one in found.items()}
    heads = ["events", "sessions with a device", "of the published user"]
    return table(heads, [[name, len(some), sum(a == b for a, b in some)] for name, some in pairs.items()])


def users_table(found: Answers) -> str:
    """Page views of each published user, where any number differs."""
    counted = Counter(row["user_id"] for row in rows("page_views_expected"))
    ours = Counter(found.customer(one).removeprefix("user:") for one in page_views(found))
    told = [
        (row["user_id"], int(row["page_views"]), counted[row["user_id"]], ours[row["user_id"]])
        for row in rows("users_expected")
    ]
    heads = ["user", "page views in Snowplow's users", "in Snowplow's page views", "in Tappa"]
    return table(heads, sorted(row for row in told if len({*row[1:]}) > 1))


def missing_table(found: Answers) -> str:
    """Customers that are no published users."""
    published = {f"user:{row['user_id']}" for row in rows("users_expected")}
    missing = sorted(found.customers - published)
    return table(["customer", "touchpoints", "page views"], [
        (name, len(found.of(name)), sum(one.event == "Page Viewed" for one in found.of(name))) for name in missing
    ])  # fmt: skip


if __name__ == "__main__":
    print(*asyncio.run(tables()), sep="\n")
