"""Segment's own browser client, unchanged, in a real browser: every documented call arrives once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sdk.js.conftest import Browser

pytestmark = pytest.mark.slow

MODES = ("plain", "batching", "refused", "refusedBatching", "restart", "restartBatching")
VISIBLE_S_MAX = 60.0

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def driven(browser: Browser, backend_ran: Callable[[str], None]) -> dict[str, Any]:
    told = browser.drive("segment.mjs")
    browser.tappa.wait_until_visible(VISIBLE_S_MAX)
    backend_ran("client: analytics-next")
    return told


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest, browser: Browser, driven: dict[str, Any]) -> tuple[Rows, Rows]:
    """What the page sent in one of the modes, and what is there of it, in the same order."""
    sent = driven["results"][request.param]
    rows = browser.tappa.rows(
        "SELECT *, toUnixTimestamp64Milli(occurred_at) AS ms FROM v_touchpoints "
        "WHERE message_id IN {ids:Array(String)} ORDER BY indexOf({ids:Array(String)}, message_id)",
        ids=str([message["messageId"] for message in sent]),
    )
    return sent, rows


def test_every_call_arrives_once_with_its_time(mode: tuple[Rows, Rows]) -> None:
    sent, rows = mode
    assert len(sent) == 9
    assert [(row["message_id"], row["type"], row["ms"]) for row in rows] == [
        (message["messageId"], message["type"], message["timestamp"]) for message in sent
    ]


def test_calls_are_where_the_tables_want_them(mode: tuple[Rows, Rows]) -> None:
    page, alias, identify, order, _, external, group, screen, other = mode[1]
    assert (page["name"], page["channel"], page["acquisition_channel"]) == ("Home", "web", "Paid Search")
    assert (identify["user_id"], json.loads(identify["traits"])["plan"]) == ("seg-1", "gold")
    assert (float(order["value"]), order["currency"], order["user_id"]) == (49.9, "EUR", "seg-1")
    assert json.loads(external["context"])["externalIds"][0]["id"] == "9900"
    assert group["group_id"] == "seg-group"
    assert (alias["user_id"], alias["previous_id"]) == ("seg-2", "seg-0")
    assert (screen["name"], screen["channel"]) == ("Basket", "web")
    assert (other["anonymous_id"], page["anonymous_id"] != "") == ("seg-anonymous", True)
    context = json.loads(order["context"])
    assert (context["locale"], context["campaign"]["source"]) == ("it-IT", "google")


def test_a_public_key_joins_nobody_by_a_contact(mode: tuple[Rows, Rows]) -> None:
    assert {contact for row in mode[1] for contact in row["contacts"]} == set()


def test_no_error_reaches_the_page(driven: dict[str, Any]) -> None:
    assert driven["errors"] == []
