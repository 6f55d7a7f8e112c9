from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import pytest

from tappa_sdk import ClosedError, QueueFullError, Rejected, Tappa
from tests.eventually import eventually
from tests.ingest.service import KEY
from tests.sdk.python.ingest import Answer, RunningIngest, running_ingest


def client(ingest: RunningIngest, **options: object) -> Tappa:
    return Tappa(KEY, ingest.url, **{"interval_s": 0.01, "close_timeout_s": 30.0, **options})  # type: ignore[arg-type]


def events(ingest: RunningIngest) -> Counter[str]:
    return Counter(touchpoint.event for touchpoint in ingest.touchpoints())


def users(ingest: RunningIngest) -> list[str]:
    return sorted(touchpoint.user_id for touchpoint in ingest.touchpoints())


def test_every_call_arrives_with_what_it_says(ingest: RunningIngest) -> None:
    with client(ingest) as tappa:
        ids = [
            tappa.track("Order Completed", {"total": 12.5, "currency": "EUR"}, user_id="42", anonymous_id="a-7"),
            tappa.identify("42", {"email": "Ann@Example.com"}, contacts={"loyalty_card": 9900}),
            tappa.page("Home", {"url": "https://shop.example.com/?utm_source=x"}, anonymous_id="a-7", category="Docs"),
            tappa.screen("Cart", anonymous_id="a-8"),
            tappa.group("acme", {"plan": "pro"}, user_id=42),
            tappa.alias("41", "42"),
            tappa.receipt(
                receipt_id=1, store_id="milan", sold_at="2026-03-01T10:00:00+01:00", total="9.90", currency="EUR",
                customer={"loyalty_card": "9900"},
            ),
        ]  # fmt: skip
    found = {touchpoint.message_id: touchpoint for touchpoint in ingest.touchpoints()}
    assert list(found) != []
    assert set(found) == set(ids)
    track, identify, page, screen, group, alias, receipt = (found[id_] for id_ in ids)
    assert (track.event, track.value, track.user_id, track.anonymous_id) == ("Order Completed", 125_000, "42", "a-7")
    assert identify.contacts == ("email:ann@example.com", "loyalty_card:9900")
    assert (page.type, page.name, page.channel, json.loads(page.extra)) == ("page", "Home", "web", {"category": "Docs"})
    assert (screen.type, screen.name, screen.channel) == ("screen", "Cart", "app")
    assert (group.group_id, group.user_id) == ("acme", "42")
    assert (alias.previous_id, alias.user_id) == ("41", "42")
    assert (receipt.contacts, receipt.value) == (("loyalty_card:9900",), 99_000)
    assert json.loads(track.context)["library"]["name"] == "tappa-sdk-python"


@pytest.mark.parametrize("status", [408, 410, 429, 500, 502, 503, 504, 302])
def test_what_was_refused_for_now_is_sent_again(ingest: RunningIngest, status: int) -> None:
    ingest.network.answers = [Answer(status=status), Answer(status=status)]
    with client(ingest, on_error=pytest.fail) as tappa:
        tappa.track("Signed Up", user_id="42")
    assert events(ingest) == {"Signed Up": 1}
    assert [headers.get("x-retry-count") for _, headers in ingest.network.requests] == [None, "1", "2"]


def test_a_200_that_is_not_tappas_is_no_answer(ingest: RunningIngest) -> None:
    ingest.network.answers = [Answer(status=200), Answer(status=200, body=b'{"success": false}')]
    with client(ingest, on_error=pytest.fail) as tappa:
        tappa.track("Signed Up", user_id="42")
    assert events(ingest) == {"Signed Up": 1}


@pytest.mark.parametrize("status", [401, 403, 404, 422, 501, 505])
def test_what_was_refused_for_good_is_told_and_others_go_on(ingest: RunningIngest, status: int) -> None:
    told: list[Rejected] = []
    ingest.network.answers = [Answer(status=status, body=b'{"code": "nope", "message": "never"}')]
    with client(ingest, on_error=told.append) as tappa:
        lost = tappa.track("Signed Up", user_id="42")
        tappa.flush()
        tappa.track("Logged In", user_id="42")
    assert events(ingest) == {"Logged In": 1}
    assert [(item.code, item.message, item.status, item.message_id) for item in told] == [
        ("nope", "never", status, lost)
    ]
    assert told[0].item["event"] == "Signed Up"


@pytest.mark.parametrize("status", [401, 403, 404, 422, 501, 505])
def test_a_spool_keeps_what_was_refused_because_of_a_key_or_an_address(
    ingest: RunningIngest, tmp_path: Path, status: int
) -> None:
    ingest.network.answers = [Answer(status=status)]
    with client(ingest, spool=tmp_path, on_error=pytest.fail) as tappa:
        tappa.track("Signed Up", user_id="42")
    assert events(ingest) == {"Signed Up": 1}


def test_retry_after_is_obeyed(ingest: RunningIngest) -> None:
    ingest.network.answers = [Answer(status=429, headers={"Retry-After": "2"})]
    with client(ingest) as tappa:
        tappa.track("Signed Up", user_id="42")
    first, second = (at for at, _ in ingest.network.requests)
    assert second - first >= 2.0


def test_what_was_taken_while_its_answer_was_lost_is_the_same_touchpoint(ingest: RunningIngest) -> None:
    ingest.network.answers = [Answer(status=500, taken=True)]
    with client(ingest) as tappa:
        tappa.track("Signed Up", user_id="42")
    assert events(ingest) == {"Signed Up": 2}
    assert len({(one.message_id, one.original_timestamp, one.user_id) for one in ingest.touchpoints()}) == 1


def test_each_refused_item_is_told_and_drags_no_other(ingest: RunningIngest) -> None:
    told: list[Rejected] = []
    with client(ingest, on_error=told.append, interval_s=1.0) as tappa:
        tappa.track("Signed Up", user_id="42")
        late = tappa.track("Signed Up", user_id="43", timestamp="yesterday")
        nobody = tappa.track("Signed Up", user_id="null")
        tappa.track("Signed Up", user_id="44")
    assert users(ingest) == ["42", "44"]
    assert [(item.code, item.message_id, item.status) for item in told] == [
        ("invalid_timestamp", late, 200),
        ("missing_identifier", nobody, 200),
    ]
    assert len(ingest.network.requests) == 1


def test_an_on_error_that_fails_stops_nothing(ingest: RunningIngest) -> None:
    def fail(rejected: Rejected) -> None:
        raise RuntimeError(rejected.code)

    with client(ingest, on_error=fail) as tappa:
        tappa.track("Signed Up", user_id="null")
        tappa.flush()
        tappa.track("Signed Up", user_id="44")
    assert users(ingest) == ["44"]


def test_a_batch_too_large_for_the_server_is_halved_and_the_item_too_large_is_told() -> None:
    told: list[Rejected] = []
    with running_ingest(body_bytes_max=2_000) as ingest:
        with client(ingest, on_error=told.append, gzip=False, interval_s=1.0) as tappa:
            for number in range(30):
                tappa.track("Signed Up", user_id=f"u{number}")
            large = tappa.track("Signed Up", {"text": "x" * 2_000}, user_id="large")
            tappa.track("Signed Up", user_id="last")
        arrived = users(ingest)
    assert arrived == sorted([*(f"u{number}" for number in range(30)), "last"])
    assert [(item.code, item.message_id) for item in told] == [("body_too_large", large)]


def test_a_request_has_no_more_items_and_bytes_than_it_may(ingest: RunningIngest) -> None:
    with client(ingest, batch_items_max=10, batch_bytes_max=1_000, gzip=False, interval_s=0.3) as tappa:
        for number in range(40):
            tappa.track("Signed Up", {"text": "x" * (200 if number < 20 else 1)}, user_id=f"u{number}")
    sizes = [int(headers["content-length"]) for _, headers in ingest.network.requests]
    assert len(ingest.touchpoints()) == 40
    assert len(sizes) > 4
    assert max(sizes) < 1_000 + 200  # and what is around them


def test_large_bodies_are_packed_and_small_ones_are_not(ingest: RunningIngest) -> None:
    with client(ingest) as tappa:
        tappa.track("Signed Up", user_id="42")
        tappa.flush()
        tappa.track("Signed Up", {"text": "x" * 2_000}, user_id="42")
    assert [headers.get("content-encoding") for _, headers in ingest.network.requests] == [None, "gzip"]
    assert len(ingest.touchpoints()) == 2


def test_one_connection_serves_many_requests_and_is_opened_again_when_it_was_closed(ingest: RunningIngest) -> None:
    ingest.network.answers = [Answer(status=503, headers={"connection": "close"})]
    with client(ingest, on_error=pytest.fail) as tappa:
        for number in range(5):
            tappa.track("Signed Up", user_id=f"u{number}")
            assert tappa.flush(30)
    assert len(ingest.touchpoints()) == 5


def test_without_room_a_call_raises_if_it_is_to(ingest: RunningIngest) -> None:
    ingest.shut()
    with client(ingest, full="raise", queue_items_max=3) as tappa:
        for number in range(3):
            tappa.track("Signed Up", user_id=f"u{number}")
        with pytest.raises(QueueFullError):
            tappa.track("Signed Up", user_id="x")
        ingest.reopen()
    assert len(ingest.touchpoints()) == 3


def test_without_room_a_call_drops_and_tells_if_it_is_to(ingest: RunningIngest) -> None:
    told: list[Rejected] = []
    ingest.shut()
    with client(ingest, full="drop", queue_bytes_max=1_000, on_error=told.append) as tappa:
        ids = [tappa.track("Signed Up", {"text": "x" * 200}, user_id=f"u{number}") for number in range(5)]
        ingest.reopen()
    arrived = [touchpoint.message_id for touchpoint in ingest.touchpoints()]
    assert set(arrived) == set(ids[: len(arrived)])
    assert [(item.code, item.message_id) for item in told] == [("queue_full", id_) for id_ in ids[len(arrived) :]]
    assert 1 < len(arrived) < 5


def test_without_room_a_call_waits_otherwise(ingest: RunningIngest) -> None:
    ingest.shut()
    with client(ingest, queue_items_max=3) as tappa:
        sender = threading.Thread(
            target=lambda: [tappa.track("Signed Up", user_id=f"u{number}") for number in range(10)]
        )
        sender.start()
        eventually(lambda: len(ingest.network.requests) == 1)
        sender.join(0.2)
        assert sender.is_alive()
        ingest.reopen()
        sender.join(30)
        assert not sender.is_alive()
    assert users(ingest) == [f"u{number}" for number in range(10)]


def test_what_is_not_sent_in_time_is_told(ingest: RunningIngest) -> None:
    told: list[Rejected] = []
    ingest.shut()
    tappa = client(ingest, on_error=told.append)
    id_ = tappa.track("Signed Up", user_id="42")
    assert not tappa.flush(0.05)
    assert not tappa.close(0.05)
    assert [(item.code, item.message_id, item.status) for item in told] == [("not_sent", id_, 0)]


def test_a_closed_client_takes_nothing(ingest: RunningIngest) -> None:
    tappa = client(ingest)
    assert tappa.close()
    assert tappa.close()
    with pytest.raises(ClosedError):
        tappa.track("Signed Up", user_id="42")


def test_what_is_said_is_what_was_said_at_the_call(ingest: RunningIngest) -> None:
    properties = {"sku": "A1"}
    with client(ingest, interval_s=0.2) as tappa:
        tappa.track("Product Viewed", properties, user_id="42")
        properties["sku"] = "B2"
    assert json.loads(ingest.touchpoints()[0].properties) == {"sku": "A1"}


@pytest.mark.parametrize("host", ["", "ftp://example.com", "http://"])
def test_an_address_that_cannot_be_one_is_told_at_once(host: str) -> None:
    with pytest.raises(ValueError, match="host must be an address"):
        Tappa(KEY, host)
