from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tappa_sdk import InvalidMessageError, InvalidReceiptError
from tappa_sdk.calls import Calls
from tappa_sdk.encoding import encoded, iso
from tappa_sdk.item import Item


class Written(Calls[dict[str, Any]]):
    """What a call puts into the buffer."""

    def _put(self, item: Item) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(item.body)
        return found


CALLS = Written()
EARLIEST = datetime(1990, 1, 1)  # noqa: DTZ001 - without an offset, as callers pass them
RECEIPT: dict[str, Any] = {"receipt_id": 1, "store_id": "milan", "total": 9, "currency": "EUR"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: CALLS.track("Signed Up"),
        lambda: CALLS.track("", user_id="42"),
        lambda: CALLS.track("  ", user_id="42"),
        lambda: CALLS.track(None, user_id="42"),  # type: ignore[arg-type]
        lambda: CALLS.track("Signed Up", user_id=""),
        lambda: CALLS.track("Signed Up", user_id=True),
        lambda: CALLS.track("Signed Up", user_id=["42"]),  # type: ignore[arg-type]
        lambda: CALLS.track("Signed Up", contacts={"email": ""}),
        lambda: CALLS.track("Signed Up", contacts={}),
        lambda: CALLS.track("Signed Up", {"price": math.nan}, user_id="42"),
        lambda: CALLS.track("Signed Up", {"price": object()}, user_id="42"),
        lambda: CALLS.track("Signed Up", {("a", "b"): 1}, user_id="42"),  # type: ignore[dict-item]
        lambda: CALLS.track("Signed Up", {"text": "x" * 450_000}, user_id="42"),
        lambda: CALLS.identify(),
        lambda: CALLS.page("Home"),
        lambda: CALLS.screen("Home"),
        lambda: CALLS.group("acme"),
        lambda: CALLS.group("", user_id="42"),
        lambda: CALLS.alias("", "42"),
        lambda: CALLS.alias("41", " "),
    ],
)
def test_a_call_that_cannot_be_a_touchpoint_is_told_at_once(wrong: Callable[[], object]) -> None:
    with pytest.raises(InvalidMessageError):
        wrong()


def test_contacts_join_the_external_ids_that_are_there() -> None:
    context = {"externalIds": [{"id": "x", "type": "crm"}], "ip": "203.0.113.7"}
    found = CALLS.track("Signed Up", contacts={"loyalty_card": 9900}, context=context)
    assert found["context"] == {
        "ip": "203.0.113.7",
        "externalIds": [
            {"id": "x", "type": "crm"},
            {"id": "9900", "type": "loyalty_card", "collection": "users", "encoding": "none"},
        ],
    }
    assert len(context["externalIds"]) == 1


def test_an_identify_may_name_somebody_by_traits_alone() -> None:
    assert CALLS.identify(traits={"email": "ann@example.com"})["traits"] == {"email": "ann@example.com"}


def test_the_time_of_a_call_is_in_utc_and_to_the_millisecond() -> None:
    at = datetime(2026, 3, 1, 13, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))
    assert CALLS.track("x", user_id="42", timestamp=at)["timestamp"] == "2026-03-01T12:00:00.123Z"
    assert CALLS.track("x", user_id="42", timestamp="2026-03-01")["timestamp"] == "2026-03-01"
    before = datetime.now(UTC)
    said = datetime.fromisoformat(CALLS.track("x", user_id="42")["timestamp"])
    assert before - timedelta(milliseconds=1) <= said <= datetime.now(UTC)


def test_values_of_python_are_said_in_json() -> None:
    class Colour(Enum):
        RED = "red"

    found = json.loads(
        encoded({
            "at": datetime(2026, 3, 1, tzinfo=UTC), "day": date(2026, 3, 1), "price": Decimal("9.90"),
            "id": UUID(int=7), "colour": Colour.RED, "tags": {"b", "a"}, "pair": (1, 2), "text": "è \ud800",
        })
    )  # fmt: skip
    assert found == {
        "at": "2026-03-01T00:00:00.000Z", "day": "2026-03-01", "price": "9.90",
        "id": "00000000-0000-0000-0000-000000000007", "colour": "red", "tags": ["a", "b"], "pair": [1, 2],
        "text": "è ?",
    }  # fmt: skip


def test_what_contains_itself_is_told() -> None:
    endless: dict[str, Any] = {}
    endless["more"] = endless
    with pytest.raises(InvalidMessageError):
        encoded(endless)


@given(st.datetimes(min_value=EARLIEST, timezones=st.timezones()))
def test_a_time_keeps_its_moment_to_the_millisecond(at: datetime) -> None:
    assert timedelta(0) <= at - datetime.fromisoformat(iso(at)) < timedelta(milliseconds=1)


def test_the_time_of_a_receipt_keeps_its_offset_and_must_have_one() -> None:
    at = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=1)))
    found = CALLS.receipt(**RECEIPT, sold_at=at, business_date=date(2026, 3, 2), total_paid=3)
    assert (found["sold_at"], found["business_date"]) == ("2026-03-01T23:30:00+01:00", "2026-03-02")
    assert found["total_paid"] == 3
    with pytest.raises(InvalidReceiptError, match="sold_at: must have an offset"):
        CALLS.receipt(**RECEIPT, sold_at=EARLIEST)
