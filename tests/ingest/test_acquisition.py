from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.acquisition import acquisition_channel, category_of, channel_grouping

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "channel_grouping" / "vectors.json").read_text("utf-8")
)
NO_CAMPAIGN = ("", "", "")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['source']} / {v['medium']} / {v['campaign']}")
def test_a_campaign_has_the_channel_of_the_published_vectors(vector: dict[str, Any]) -> None:
    assert channel_grouping(vector["source"], vector["medium"], vector["campaign"]) == vector["expected"]


def test_case_and_spaces_of_a_campaign_do_not_matter() -> None:
    assert channel_grouping(" Google ", "CPC", "") == "Paid Search"


@pytest.mark.parametrize(
    ("host", "category"),
    [
        ("www.google.co.uk", "SEARCH"),
        ("bing.com", "SEARCH"),
        ("l.facebook.com", "SOCIAL"),
        ("m.youtube.com", "VIDEO"),
        ("brand.shopify.com", "SHOPPING"),
        ("blog.example.org", ""),
        ("mail.google.com", ""),
        ("", ""),
    ],
)
def test_a_host_belongs_to_the_category_of_its_name_or_of_the_domain_around_it(host: str, category: str) -> None:
    assert category_of(host) == category


@pytest.mark.parametrize(
    ("url", "channel"),
    [
        ("https://s.example/?utm_source=newsletter&utm_medium=email&utm_campaign=x", "Email"),
        ("https://s.example/?UTM_Source=facebook&utm_medium=paid-social", "Paid Social"),
        ("https://s.example/#/?utm_source=sms", "SMS"),
        ("https://s.example/?gclid=1", "Paid Search"),
        ("https://s.example/?fbclid=1", "Organic Social"),
        ("https://s.example/?fbclid=1&utm_source=friends&utm_medium=cpc", "Paid Other"),
        ("https://s.example/?dclid=1", "Display"),
        ("https://s.example/?ttclid=1", "Paid Social"),
        ("https://s.example/?utm_source=", ""),
        ("https://s.example/?q=utm", ""),
        ("https://[broken/?utm_source=google", "Organic Search"),
        ("", ""),
    ],
)
def test_the_address_of_the_page_says_the_campaign(url: str, channel: str) -> None:
    assert acquisition_channel(NO_CAMPAIGN, url, None, opened=True) == channel


def test_what_the_client_says_of_the_campaign_comes_first() -> None:
    assert (
        acquisition_channel(("email", "", ""), "https://s.example/?gclid=1", "https://bing.com/", opened=True)
        == "Email"
    )


def test_an_address_that_names_a_campaign_comes_before_the_referrer() -> None:
    found = acquisition_channel(NO_CAMPAIGN, "https://s.example/?gclid=1", "https://facebook.com/", opened=True)
    assert found == "Paid Search"


@pytest.mark.parametrize(
    "referrer", ["https://s.example/a", "https://www.s.example/", "https://checkout.s.example", "about:blank", "x"]
)
def test_a_referrer_of_the_own_site_or_of_nothing_says_nothing(referrer: str) -> None:
    assert acquisition_channel(NO_CAMPAIGN, "https://s.example/b", referrer, opened=True) == ""


def test_only_a_page_that_was_opened_without_referrer_is_direct() -> None:
    assert acquisition_channel(NO_CAMPAIGN, "https://s.example/", "", opened=True) == "Direct"
    assert acquisition_channel(NO_CAMPAIGN, "https://s.example/", "", opened=False) == ""
    assert acquisition_channel(NO_CAMPAIGN, "https://s.example/", None, opened=True) == ""


@given(st.tuples(st.text(), st.text(), st.text()), st.text(), st.none() | st.text(), st.booleans())
def test_nothing_that_a_page_says_is_an_error(
    campaign: tuple[str, str, str], url: str, referrer: str | None, opened: bool
) -> None:
    assert isinstance(acquisition_channel(campaign, "https://" + url, referrer, opened=opened), str)
    assert isinstance(acquisition_channel(campaign, url + "?utm_source=" + url, referrer, opened=opened), str)
