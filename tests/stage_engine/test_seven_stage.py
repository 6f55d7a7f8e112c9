"""The default model, by an example for every move: what people do, and the stages and labels that it brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stage_engine.fold import fold
from stage_engine.model import SHIPPED, load_model
from stage_engine.model_file import read_model_file
from stage_engine.picture import picture
from stage_engine.touchpoint import Touchpoint

DAY = 86_400_000
MODEL = load_model("seven_stage")
FILE, _ = read_model_file((SHIPPED / "seven_stage.yaml").read_text(), "seven_stage.yaml")
PAGE = Path(__file__).parents[2] / "docs" / "models" / "seven_stage.md"

Done = str | tuple[str, dict[str, Any]]
VIEW, ORDER, RECEIPT = "Page Viewed", "Order Completed", "Receipt Issued"
NPS_10: Done = ("NPS Survey Answered", {"score_kind": "nps", "score": 10.0})
NPS_6: Done = ("NPS Survey Answered", {"score_kind": "nps", "score": 6.0})
FIVE_STARS: Done = ("Product Reviewed", {"properties": b'{"rating": 5}'})
ONE_STAR: Done = ("Product Reviewed", {"properties": b'{"rating": "1"}'})


def touchpoint(number: int, day: float, done: Done) -> Touchpoint:
    event, other = done if isinstance(done, tuple) else (done, {})
    kind = "page" if event == VIEW else "receipt" if event.startswith("Receipt") else "track"
    at = round(1_700_000_000_000 + day * DAY)
    said: dict[str, Any] = {"source": "s", "message_id": f"{number:03}", "type": kind, "event": event, "channel": "web"}
    return Touchpoint(**said, user_id="u", occurred_at=at, original_timestamp=at, received_at=at, **other)


def journey(*history: tuple[float, Done]) -> list[str]:
    """The visits as ``stage`` or ``stage label``."""
    found = fold(MODEL, [touchpoint(number, day, done) for number, (day, done) in enumerate(history)])
    assert found is not None
    return [f"{visit.stage} {visit.label}".strip() for visit in found.visits]


@pytest.mark.parametrize(
    ("first", "stage"),
    [
        (VIEW, "discovery"),
        ("Product Viewed", "discovery"),
        ("Whatever Happened", "discovery"),
        (NPS_10, "discovery"),
        (ORDER, "purchase"),
        (RECEIPT, "purchase"),
        ("purchase", "purchase"),
        ("Order Delivered", "post_sale"),
        ("Receipt Returned", "post_sale"),
        ("Subscription Renewed", "loyalty"),
        ("Newsletter Subscribed", "interest subscribed"),
        ("add_to_wishlist", "interest wished"),
        ("add_to_cart", "interest filled_cart"),
        ("generate_lead", "interest made_contact"),
        ("Support Ticket Opened", "interest made_contact"),
        ("Loyalty Card Activated", "interest joined_programme"),
    ],
)
def test_a_journey_begins_where_its_first_touchpoint_says(first: Done, stage: str) -> None:
    assert journey((0, first)) == [stage]


@pytest.mark.parametrize(
    ("done", "stage"),
    [
        ("Product Viewed", "evaluation"),
        ("Products Searched", "evaluation"),
        ("view_item", "evaluation"),
        ("search", "evaluation"),
        ("Quote Requested", "evaluation"),
        ("sign_up", "interest subscribed"),
        ("Product Added to Wishlist", "interest wished"),
        ("Checkout Started", "interest filled_cart"),
        ("Appointment Booked", "interest made_contact"),
        ("Support Requested", "interest made_contact"),
        ("Loyalty Programme Joined", "interest joined_programme"),
        ("share", "interest recommended"),
        (ORDER, "purchase"),
        (RECEIPT, "purchase"),
        ("Order Fulfilled", "post_sale received"),
        ("refund", "post_sale returned"),
        ("Membership Renewed", "loyalty renewed"),
    ],
)
def test_from_discovery_stages_are_skipped_as_people_skip_them(done: Done, stage: str) -> None:
    assert journey((0, VIEW), (1 / 1440, done)) == ["discovery", stage]


@pytest.mark.parametrize(
    ("done", "stage"),
    [
        ("Product Viewed", None),
        ("Newsletter Subscribed", "interest subscribed"),
        ("Wishlist Product Added to Cart", "interest wished"),
        ("Product Added", "interest filled_cart"),
        ("Chat Started", "interest made_contact"),
        ("Support Contacted", "interest made_contact"),
        ("Personal Offer Used", "interest joined_programme"),
        ("Invite Sent", "interest recommended"),
        (ORDER, "purchase"),
        ("Order Shipped", "post_sale received"),
        ("Order Refunded", "post_sale returned"),
        ("Contract Renewed", "loyalty renewed"),
    ],
)
def test_from_evaluation(done: Done, stage: str | None) -> None:
    assert journey((0, VIEW), (0, "Product Viewed"), (1 / 1440, done)) == [
        "discovery",
        "evaluation",
        *([stage] if stage else []),
    ]


@pytest.mark.parametrize(
    ("done", "stage"),
    [
        ("Product Added", None),
        ("Support Ticket Opened", None),
        ("share", None),
        (RECEIPT, "purchase"),
        ("Order Picked Up", "post_sale received"),
        ("Return Requested", "post_sale returned"),
        ("Subscription Renewed", "loyalty renewed"),
    ],
)
def test_from_interest(done: Done, stage: str | None) -> None:
    assert journey((0, "Product Added"), (1, done)) == ["interest filled_cart", *([stage] if stage else [])]


@pytest.mark.parametrize(
    ("done", "stage"),
    [
        (VIEW, None),
        ("Newsletter Subscribed", None),
        ("Order Delivered", "post_sale received"),
        ("Receipt Returned", "post_sale returned"),
        ("Onboarding Started", "post_sale began_using"),
        ("Support Ticket Opened", "post_sale asked_for_help"),
        (NPS_6, "post_sale answered"),
        ("Survey Completed", "post_sale answered"),
        (ONE_STAR, "post_sale answered"),
        (ORDER, "loyalty repeat_purchase"),
        ("Subscription Renewed", "loyalty renewed"),
        ("Loyalty Card Activated", "loyalty joined_programme"),
        (FIVE_STARS, "advocacy reviewed"),
        ("Review Submitted", "advocacy reviewed"),
        (NPS_10, "advocacy praised"),
        ("Invite Sent", "advocacy recommended"),
    ],
)
def test_from_purchase(done: Done, stage: str | None) -> None:
    assert journey((0, ORDER), (1, done)) == ["purchase", *([stage] if stage else [])]


@pytest.mark.parametrize(
    ("done", "stage"),
    [
        ("Support Ticket Opened", None),
        (NPS_6, None),
        (RECEIPT, "loyalty repeat_purchase"),
        ("Contract Renewed", "loyalty renewed"),
        ("Personal Offer Used", "loyalty joined_programme"),
        (FIVE_STARS, "advocacy reviewed"),
        (NPS_10, "advocacy praised"),
        ("Referral Sent", "advocacy recommended"),
    ],
)
def test_from_post_sale(done: Done, stage: str | None) -> None:
    assert journey((0, "Order Delivered"), (1, done)) == ["post_sale", *([stage] if stage else [])]


@pytest.mark.parametrize(
    ("done", "stage"),
    [
        (ORDER, None),
        ("Support Ticket Opened", None),
        ("Order Refunded", None),
        ("Order Delivered", None),
        (NPS_6, None),
        (FIVE_STARS, "advocacy reviewed"),
        (NPS_10, "advocacy praised"),
        ("Friend Referred", "advocacy recommended"),
    ],
)
def test_loyal_customers_stay_loyal_whatever_help_they_need(done: Done, stage: str | None) -> None:
    assert journey((0, "Subscription Renewed"), (1, done)) == ["loyalty", *([stage] if stage else [])]


@pytest.mark.parametrize("done", [ORDER, "Support Ticket Opened", "Order Refunded", ONE_STAR, NPS_6, "Invite Sent"])
def test_who_recommended_once_stays_an_advocate(done: Done) -> None:
    assert journey((0, ORDER), (1, "Invite Sent"), (2, done)) == ["purchase", "advocacy recommended"]


def test_coming_back_within_two_weeks_is_a_step_on_even_with_plain_page_views() -> None:
    assert journey((0, VIEW), (0.01, VIEW), (3, VIEW), (3.01, VIEW), (10, VIEW)) == [
        *("discovery", "evaluation came_back", "interest came_back"),
    ]
    assert journey((0, VIEW), (30, VIEW)) == ["discovery"]


def test_silence_has_labels_and_buying_again_is_a_win_back() -> None:
    assert journey((0, ORDER), (89, VIEW)) == ["purchase"]
    assert journey((0, ORDER), (90, VIEW)) == ["purchase", "purchase lapsing"]
    assert journey((0, ORDER), (400, VIEW), (401, ORDER)) == [
        *("purchase", "purchase lapsing", "purchase lost", "loyalty win_back"),
    ]
    assert journey((0, "Order Delivered"), (100, RECEIPT)) == ["post_sale", "post_sale lapsing", "loyalty win_back"]
    assert journey((0, "Subscription Renewed"), (100, RECEIPT)) == ["loyalty", "loyalty lapsing", "loyalty win_back"]
    assert journey((0, ORDER), (1, "share"), (100, ORDER)) == [
        *("purchase", "advocacy recommended", "advocacy lapsing", "advocacy win_back"),
    ]


def test_visitors_who_never_bought_do_not_lapse() -> None:
    assert journey((0, VIEW), (400, "Product Added"), (900, VIEW)) == ["discovery", "interest filled_cart"]


def test_a_review_by_somebody_who_never_bought_moves_nothing() -> None:
    assert journey((0, VIEW), (1, FIVE_STARS), (2, NPS_10)) == ["discovery"]


def test_every_stage_says_what_it_is_in_english_and_italian() -> None:
    texts = [text for stage in FILE.stages for text in (stage.title, stage.summary)] + [FILE.title, FILE.summary]
    assert all(isinstance(text, dict) and text.keys() == {"en", "it"} for text in texts)


def test_the_page_about_the_model_has_its_picture() -> None:
    assert picture(FILE) in PAGE.read_text()


def test_the_page_about_the_model_names_every_signal_and_label() -> None:
    page = PAGE.read_text()
    labels = {move.label for move in FILE.moves if move.label}
    assert [name for name in sorted({*FILE.signals, *labels}) if f"`{name}`" not in page] == []
