"""The brute force itself, on histories written by hand."""

from __future__ import annotations

from pathlib import Path

from tests.reference.naive_model import Row
from tests.reference.reference import Reference
from tests.reference.sent import touchpoint_of

MODEL = """
name: small
stages: [{name: look}, {name: buy}, {name: love}]
signals:
  bought: {event: [Order Completed, Receipt Issued]}
  praised: {score_kind: nps, when: event.score >= 9}
entry:
  - {on: bought, to: buy}
  - {to: look}
moves:
  - {from: look, on: bought, to: buy}
  - {from: any, on: praised, to: love, label: praised}
  - {from: buy, after: P30D, label: lapsing}
"""
DAY = 86_400_000
MAY = 1_746_057_600_000  # 2025-05-01


def message(message_id: str, day: int, event: str = "Something", **other: object) -> Row:
    body = {
        "type": "track",
        "event": event,
        "messageId": message_id,
        "userId": 42,
        "timestamp": f"2025-05-{day:02}T00:00:00Z",
    }
    return {"source": "web", "received_at": MAY + 40 * DAY, "message": {**body, **other}}


def receipt(number: str, day: int, **other: object) -> Row:
    key = {"store_id": "rome", "till_id": "1", "receipt_id": number}
    body = {**key, "sold_at": f"2025-05-{day:02}T02:00:00+02:00", "total": "19.90", "currency": "EUR"}
    return {"source": "tills", "received_at": MAY + 40 * DAY, "receipt": {**body, **other}}


def reference(*sendings: Row) -> Reference:
    return Reference([touchpoint_of(sending) for sending in sendings], MODEL)


def test_a_journey_with_a_time_out_and_a_score() -> None:
    found = reference(
        message("c", 3, "Order Completed", properties={"revenue": 10.5, "currency": "EUR"}),
        message("b", 1),
        message("d", 4, properties={"score_kind": "nps", "score": 10}),
    )
    visits = [
        (v["seq"], v["stage"], v["label"], v["left_at"], v["duration"]) for v in found.v_stage_visits(MAY + 90 * DAY)
    ]
    assert visits == [
        (1, "look", "", MAY + 2 * DAY, 2 * 86400.0),
        (2, "buy", "", MAY + 3 * DAY, 86400.0),
        (3, "love", "praised", None, None),
    ]
    stages = [(one["message_id"], one["stage_before"], one["stage_after"]) for one in found.v_touchpoints()]
    assert stages == [("b", "", "look"), ("c", "look", "buy"), ("d", "buy", "love")]


def test_silence_counts_when_its_time_has_come() -> None:
    found = reference(message("a", 1, "Order Completed"))
    assert [one["label"] for one in found.v_stage_visits(MAY + 30 * DAY - 1)] == [""]
    assert [one["label"] for one in found.v_stage_visits(MAY + 30 * DAY)] == ["", "lapsing"]
    assert [one["stage_since"] for one in found.v_customers(MAY + 99 * DAY)] == [MAY + 30 * DAY]


def test_customers_at_a_moment_are_found_from_what_had_happened_then() -> None:
    found = reference(message("a", 1), receipt("7", 10, customer={"user_id": "42"}))
    [then] = found.v_customers_at(MAY + 2 * DAY)
    [now] = found.v_customers_at(MAY + 9 * DAY)
    assert (then["stage"], then["touchpoints"], then["revenue"]) == ("look", 1, 0)
    assert (now["stage"], now["purchases"], now["revenue"]) == ("buy", 1, 199_000)
    assert found.v_customers_at(MAY - 1) == []


def test_of_copies_the_earliest_corrected_time_counts() -> None:
    on_time = message("a", 20)
    by_a_late_clock = {**message("a", 20), "received_at": MAY + 40 * DAY, "sent_at": MAY + 41 * DAY + 1000}
    [row] = reference(on_time, by_a_late_clock).v_touchpoints()
    assert row["occurred_at"] == MAY + 19 * DAY - DAY
    assert row["original_timestamp"] == MAY + 19 * DAY


def test_a_message_id_used_for_something_else_is_another_touchpoint_and_a_conflict() -> None:
    found = reference(message("a", 1), message("a", 2), message("a", 2), message("b", 2))
    assert [row["touchpoints"] for row in found.v_customers(MAY)] == [3]
    [conflict] = found.v_conflicts()
    assert (conflict["message_id"], conflict["touchpoints"]) == ("a", 2)
    assert conflict["original_timestamps"] == [MAY, MAY + DAY]


def test_a_voided_sale_leaves_no_trace_but_is_shown_where_it_lies() -> None:
    sale = receipt("7", 10, customer={"user_id": "42"})
    void = receipt("8", 10, kind="void", refers_to="7", customer={"user_id": "42"})
    found = reference(void, sale, message("a", 1))
    assert [(row["purchases"], row["touchpoints"], row["stage"]) for row in found.v_customers(MAY)] == [(0, 1, "look")]
    assert {row["stage_after"] for row in found.v_touchpoints()} == {"look"}


def test_a_receipt_that_names_nobody_belongs_to_nobody() -> None:
    found = reference(receipt("7", 10))
    assert [(row["customer_id"], row["stage_after"]) for row in found.v_touchpoints()] == [("", "")]
    assert found.v_customers(MAY) == []


def test_returns_take_off_their_value() -> None:
    customer = {"customer": {"loyalty_card": "9900"}}
    found = reference(receipt("7", 10, **customer), receipt("8", 11, kind="return", refers_to="7", **customer))
    [row] = found.v_customers(MAY)
    assert (row["customer_id"], row["revenue_by_currency"]) == ("loyalty_card:9900", {"EUR": 0})


def test_the_reference_imports_nothing_of_tappa() -> None:
    ours = ("stage_engine", "store", "stream", "ingest", "explore", "tappa")
    for file in ("identity.py", "naive_model.py", "profile.py", "reference.py", "sent.py"):
        lines = (Path(__file__).parent / file).read_text().splitlines()
        assert not [
            line
            for line in lines
            if line.startswith(tuple(f"{verb} {room}" for verb in ("from", "import") for room in ours))
        ]
