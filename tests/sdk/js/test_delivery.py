"""A thousand touchpoints from a browser that everything happens to: each is in ClickHouse, and counts once."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.sdk.js.conftest import Browser

pytestmark = pytest.mark.slow

SCENARIOS: Final = (
    "online", "offline", "back", "killed", "crashed", "fiveTabs", "navigation", "answers", "full", "refused", "clock",
    "exit",
)  # fmt: skip
VISIBLE_S_MAX: Final = 60.0
STEP_MS: Final = 300_000


@pytest.fixture(scope="module")
def driven(browser: Browser) -> dict[str, Any]:
    told = browser.drive("delivery.mjs")
    browser.tappa.wait_until_visible(VISIBLE_S_MAX)
    return told


@pytest.fixture(scope="module")
def arrived(browser: Browser, driven: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    """By scenario: rows, numbers that are different, customers."""
    rows = browser.tappa.rows(
        "SELECT JSONExtractString(properties, 'scenario') AS scenario, count() AS touchpoints, "
        "uniqExact(JSONExtractInt(properties, 'n')) AS numbers, uniqExact(customer_id) AS customers "
        "FROM v_touchpoints WHERE event = 'Tried' GROUP BY scenario"
    )
    return {row["scenario"]: (row["touchpoints"], row["numbers"], row["customers"]) for row in rows}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_touchpoint_arrives_exactly_once(
    scenario: str, driven: dict[str, Any], arrived: dict[str, tuple[int, int, int]]
) -> None:
    told = driven["results"][scenario]
    assert "error" not in told, told
    assert arrived[scenario] == (told["expected"], told["expected"], told.get("customers", 1))


def test_they_are_a_thousand(driven: dict[str, Any]) -> None:
    assert sum(told["expected"] for told in driven["results"].values()) == 1_000


def test_no_error_reaches_the_page(driven: dict[str, Any]) -> None:
    assert driven["errors"] == []


def test_a_clock_that_is_two_hours_off_is_corrected(browser: Browser, driven: dict[str, Any]) -> None:
    told = driven["results"]["clock"]
    (row,) = browser.tappa.rows(
        "SELECT toUnixTimestamp64Milli(min(occurred_at)) AS first, toUnixTimestamp64Milli(max(occurred_at)) AS last "
        "FROM v_touchpoints WHERE JSONExtractString(properties, 'scenario') = 'clock'"
    )
    # in steps of five minutes, so that a device's touchpoints keep their order
    assert told["began"] - STEP_MS <= row["first"] <= row["last"] <= told["ended"] + STEP_MS


def test_storage_that_the_visitor_refuses_was_refused(driven: dict[str, Any]) -> None:
    assert driven["results"]["refused"]["storage"] == "SecurityError"


def test_five_tabs_take_turns_and_send_nothing_twice(driven: dict[str, Any]) -> None:
    told = driven["results"]["fiveTabs"]
    assert sum(told["sent"]) == told["expected"]


@pytest.mark.parametrize("scenario", ["navigation", "answers"])
def test_what_was_under_way_is_sent_again_and_counts_once(scenario: str, driven: dict[str, Any]) -> None:
    told = driven["results"][scenario]
    assert sum(told["sent"]) > told["expected"]
