"""What a page, its visitor's storage and the wire see of the SDK, in a real browser under a strict policy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sdk.js.conftest import Browser

pytestmark = pytest.mark.slow

VISIBLE_S_MAX = 60.0


@pytest.fixture(scope="module")
def told(browser: Browser) -> dict[str, Any]:
    said = browser.drive("behaviour.mjs")
    browser.tappa.wait_until_visible(VISIBLE_S_MAX)
    return said


def test_every_call_has_the_payload_that_analytics_js_gives_it(told: dict[str, Any]) -> None:
    page, identify, viewed, dated, group, alias, screen, other, after = told["calls"]
    assert (page["type"], page["name"], page["category"]) == ("page", "Home", "Shop")
    assert page["properties"].keys() >= {"path", "referrer", "search", "title", "url", "name", "category", "own"}
    assert (identify["userId"], identify["traits"]) == ("42", {"email": "ann@example.com", "name": "Ann"})
    assert (viewed["event"], viewed["properties"]) == ("Product Viewed", {"sku": "JA-001", "price": 189})
    assert (viewed["userId"], viewed["context"]["channel"]) == ("42", "kiosk")
    assert (dated["timestamp"], dated["messageId"]) == ("2026-01-02T00:00:00.000Z", "own-id")
    assert (group["groupId"], group["traits"]) == ("g-1", {"name": "Household"})
    assert (alias["userId"], alias["previousId"]) == ("43", "42")
    assert (screen["type"], screen["name"]) == ("screen", "Basket")
    assert (other["userId"], other["traits"]) == ("44", {})
    assert "userId" not in after
    assert len({message["messageId"] for message in told["calls"]}) == len(told["calls"])


def test_callbacks_are_called_and_another_user_is_another_device(told: dict[str, Any]) -> None:
    assert told["callbacks"] == {"called": ["ready", "identify"], "ids": [True, False], "after": None}
    ids = [message["anonymousId"] for message in told["calls"]]
    assert (len(set(ids[:7])), len(set(ids))) == (1, 3)


def test_the_tables_have_what_the_calls_said(browser: Browser, told: dict[str, Any]) -> None:
    rows = browser.tappa.rows(
        "SELECT type, event, name, channel, user_id, previous_id, group_id, anonymous_id != '' AS device "
        "FROM v_touchpoints WHERE message_id IN {ids:Array(String)} ORDER BY occurred_at, message_id",
        ids=str([message["messageId"] for message in told["calls"]]),
    )
    assert [row for row in rows if row["user_id"] in {"42", "43"} and row["event"] != "Dated"] == [
        _row("identify", "Identified", user="42"),
        _row("track", "Product Viewed", user="42", channel="kiosk"),
        _row("group", "Group Joined", user="42", group="g-1"),
        _row("alias", "Aliased", user="43", previous="42"),
        _row("screen", "Screen Viewed", user="42", name="Basket"),
    ]


def _row(
    type_: str, event: str, *, user: str, name: str = "", channel: str = "web", previous: str = "", group: str = ""
) -> dict[str, Any]:
    return {
        "type": type_, "event": event, "name": name, "channel": channel, "user_id": user, "previous_id": previous,
        "group_id": group, "device": 1,
    }  # fmt: skip


def test_before_consent_nothing_is_stored_and_nothing_leaves(told: dict[str, Any]) -> None:
    assert told["consent"]["before"] == {"cookies": "", "local": [], "databases": []}
    assert told["consent"]["sentBefore"] == 0


def test_consent_releases_what_was_held_travels_with_each_and_is_a_touchpoint(told: dict[str, Any]) -> None:
    consent = told["consent"]
    assert consent["granted"] == ["page", "Held", "Segment Consent Preference Updated"]
    assert consent["preferences"] == [{"categoryPreferences": {"analytics": True, "marketing": False}}] * 3
    assert consent["oneDevice"] == 1
    assert consent["next"] == ["Next page"]


def test_withdrawn_consent_is_told_and_forgets_everything(told: dict[str, Any]) -> None:
    consent = told["consent"]
    assert consent["withdrawn"] == ["Segment Consent Preference Updated"]
    assert consent["last"] == {"categoryPreferences": {"analytics": False, "marketing": False}}
    assert {"Never sent", "Refused"}.isdisjoint(consent["names"])
    assert "anonymous_id" not in consent["after"]["cookies"]
    assert consent["after"]["local"] == ["tappa_consent"]


def test_calls_are_dropped_where_the_page_says_so(told: dict[str, Any]) -> None:
    assert told["signals"]["sent"] == ["Segment Consent Preference Updated"]


def test_signals_of_the_browser_refuse_what_the_page_lets_them(told: dict[str, Any]) -> None:
    assert told["signals"]["purposes"] == {"analytics": True, "marketing": False}
    assert told["signals"]["refused"]["sent"] == []
    assert told["signals"]["refused"]["storage"] == {"cookies": "", "local": [], "databases": []}


def test_a_touchpoint_says_how_its_visitor_came(told: dict[str, Any], browser: Browser) -> None:
    first, product, back = told["arrival"]
    context = first["context"]
    assert context["campaign"] == {"source": "google", "medium": "cpc", "name": "spring"}
    assert context["clickIds"] == {"gclid": "abc"}
    assert context["page"]["referrer"] == browser.setting["elsewhere"] + "/"
    assert (context["locale"], context["timezone"]) == ("it-IT", "Europe/Rome")
    assert context["screen"].keys() == {"width", "height", "density"}
    assert context["library"]["name"] == "tappa.js"
    assert "campaign" not in product["context"]
    acquisition = product["context"]["acquisition"]
    assert acquisition["first"]["campaign"] == acquisition["last"]["campaign"] == context["campaign"]
    assert {message["context"]["session"]["id"] for message in (first, product, back)} == {context["session"]["id"]}


def test_pages_of_a_single_page_application_are_seen_one_after_the_other(
    told: dict[str, Any], browser: Browser
) -> None:
    _, product, back = told["arrival"]
    assert (product["properties"]["path"], product["properties"]["title"]) == ("/product", "A product")
    assert product["properties"]["referrer"].startswith(browser.setting["pages"])
    assert back["properties"]["path"] == "/page.html"


def test_the_server_derives_the_acquisition_channel(told: dict[str, Any], browser: Browser) -> None:
    rows = browser.tappa.rows(
        "SELECT acquisition_channel FROM v_touchpoints WHERE message_id IN {ids:Array(String)} ORDER BY occurred_at",
        ids=str([message["messageId"] for message in told["arrival"][:2]]),
    )
    assert [row["acquisition_channel"] for row in rows] == ["Paid Search", ""]


def test_calls_to_the_snippet_keep_their_order_and_their_times(told: dict[str, Any]) -> None:
    snippet = told["snippet"]
    assert snippet["names"] == ["page", "First", "Second"]
    assert snippet["ready"] is True
    assert snippet["times"][1] < snippet["times"][2] < snippet["loaded"] - 300


def test_one_tag_is_enough(told: dict[str, Any]) -> None:
    assert told["tag"] == ["page"]


def test_a_visitor_of_one_subdomain_is_known_on_the_others(told: dict[str, Any]) -> None:
    assert told["subdomains"] == {"ids": 1, "domain": ".shop.test", "sameSite": "Lax"}


def test_no_error_of_ours_reaches_the_page_and_losses_are_told(told: dict[str, Any]) -> None:
    assert told["errors"] == []
    assert [name for name, _ in told["hostile"]] == ["Date", "", "Fine", "identify", "Broken page"]
    assert told["hostile"][0][1] == 3
