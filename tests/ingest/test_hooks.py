"""Webhooks: what the platforms document that they send, restated, signed as they sign, and all that is wrong with a
signature."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from ingest.hooks.settings import Hook
from stage_engine.touchpoint import Touchpoint
from tests.ingest.service import HOOKS, Service
from tests.ingest.signing import NOW_S, signed

DAY_S = 86_400
ORDER: dict[str, Any] = {
    "id": 820982911946154508,
    "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
    "name": "#1001",
    "email": "Ann@Shop.example",
    "phone": None,
    "created_at": "2026-03-01T10:15:00+01:00",
    "processed_at": "2026-03-01T10:14:58+01:00",
    "updated_at": "2026-03-01T10:20:00+01:00",
    "cancelled_at": None,
    "currency": "EUR",
    "total_price": "59.80",
    "total_tax": "10.78",
    "total_discounts": "0.00",
    "source_name": "web",
    "landing_site": "/?utm_source=newsletter&utm_medium=email",
    "referring_site": "",
    "location_id": None,
    "customer": {"id": 115310627314723954, "email": "ann@shop.example", "phone": "+393331234567", "first_name": "Ann"},
    "line_items": [{"id": 466157049, "sku": "A1", "title": "Boots", "quantity": 1, "price": "59.80", "product_id": 7}],
    "refunds": [],
}
REFUND: dict[str, Any] = {
    "id": 890088186047892319,
    "order_id": ORDER["id"],
    "created_at": "2026-03-01T11:00:00+01:00",
    "processed_at": "2026-03-01T11:00:00+01:00",
    "note": "Too small",
    "refund_line_items": [{"id": 1, "quantity": 1, "subtotal": 59.80, "line_item": ORDER["line_items"][0]}],
    "transactions": [
        {"id": 2, "kind": "refund", "status": "success", "amount": "39.80", "currency": "EUR"},
        {"id": 3, "kind": "refund", "status": "failure", "amount": "20.00", "currency": "EUR"},
    ],
}
PAYMENT: dict[str, Any] = {
    "id": "hYy9pRFVxpDsO1FB05SunFWUe9JZY",
    "status": "COMPLETED",
    "created_at": "2026-03-01T09:15:00.000Z",
    "updated_at": "2026-03-01T09:15:02.000Z",
    "amount_money": {"amount": 5480, "currency": "EUR"},
    "total_money": {"amount": 5980, "currency": "EUR"},
    "customer_id": "W92WH6P11H4Z77CTET0RNTGFW8",
    "order_id": "03O3USaPaAaFnI6kkwB1JxGgBsUZY",
    "location_id": "L88917AVBK2S5",
    "source_type": "CARD",
    "receipt_number": "hYy9",
    "application_details": {"square_product": "SQUARE_POS"},
}


async def shopify(service: Service, topic: str, body: Any, *, event: str = "e1", secret: str = "") -> Any:
    raw = json.dumps(body).encode()
    headers = {"X-Shopify-Topic": topic, "X-Shopify-Event-Id": event}
    return await posted(service, "shopify", raw, headers | signed("shopify", raw, secret=secret))


async def square(service: Service, type_: str, kind: str, what: Any, *, event: str = "s1") -> Any:
    said = {"type": type_, "event_id": event, "created_at": "2026-03-01T09:16:00Z", "data": {"object": {kind: what}}}
    raw = json.dumps(said).encode()
    return await posted(service, "square", raw, signed("square", raw))


async def own(service: Service, body: Any, *, at: int = NOW_S) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await posted(service, "signed", raw, signed("signed", raw, at=at))


async def posted(service: Service, kind: str, raw: bytes, headers: dict[str, str]) -> httpx.Response:
    return await service.post(f"/v1/hooks/{kind}/{kind}", raw, key=None, headers=headers)


async def only(service: Service) -> Touchpoint:
    [touchpoint] = await service.touchpoints()
    return touchpoint


async def test_an_order_of_shopify_is_a_sale_of_whom_it_names(service: Service) -> None:
    answer = await shopify(service, "orders/create", ORDER)
    assert answer.json() == {"success": True, "accepted": 1, "rejected": []}
    order = await only(service)
    assert (order.event, order.transaction, order.value, order.currency) == ("Order Completed", "sale", 598_000, "EUR")
    assert (order.source, order.message_id, order.channel, order.offline) == ("shopify", "shopify:e1", "web", False)
    assert order.occurred_at == 1_772_356_498_000
    key = f"receipt:shopify/order//{ORDER['id']}"
    assert order.contacts == ("email:ann@shop.example", "phone:+393331234567", key)
    assert order.user_id == ""
    assert order.acquisition_channel == "Email"
    assert json.loads(order.properties)["products"][0]["sku"] == "A1"


async def test_an_order_from_the_point_of_sale_happened_in_a_store(service: Service) -> None:
    await shopify(service, "orders/create", {**ORDER, "source_name": "pos", "location_id": 905684977})
    order = await only(service)
    assert (order.channel, order.offline) == ("store", True)
    assert json.loads(order.properties)["store_id"] == 905684977


async def test_a_refund_names_nobody_and_is_whose_the_order_is(service: Service) -> None:
    await shopify(service, "orders/create", ORDER)
    await shopify(service, "refunds/create", REFUND, event="e2")
    order, refund = sorted(await service.touchpoints(), key=lambda one: one.occurred_at)
    assert (refund.event, refund.transaction, refund.value) == ("Order Refunded", "return", 398_000)
    assert refund.contacts == (order.contacts[-1],)


@pytest.mark.parametrize("number", [None, "", " ", True, 1.5, [], {}])
async def test_orders_without_a_number_join_nobody(service: Service, number: Any) -> None:
    await shopify(service, "orders/create", {**ORDER, "id": number})
    assert (await only(service)).contacts == ("email:ann@shop.example", "phone:+393331234567")
    refund = await shopify(service, "refunds/create", {**REFUND, "order_id": number}, event="e2")
    assert [one["code"] for one in refund.json()["rejected"]] == ["missing_identifier"]


@pytest.mark.parametrize("number", ["7\0", "7" * 300])
async def test_an_order_whose_number_can_be_in_no_key_is_refused(service: Service, number: str) -> None:
    answer = await shopify(service, "orders/create", {**ORDER, "id": number})
    assert [one["code"] for one in answer.json()["rejected"]] == ["invalid_identifier"]


async def test_updates_cancellations_and_customers_of_shopify_move_no_money(service: Service) -> None:
    await shopify(service, "orders/updated", ORDER, event="u1")
    await shopify(service, "orders/cancelled", {**ORDER, "cancelled_at": "2026-03-01T10:30:00+01:00"}, event="c1")
    await shopify(
        service, "customers/update", {**ORDER["customer"], "updated_at": "2026-03-01T10:40:00+01:00"}, event="k"
    )
    assert (await shopify(service, "products/update", {"id": 1})).json()["accepted"] == 0
    found = {touchpoint.event: touchpoint for touchpoint in await service.touchpoints()}
    assert set(found) == {"Order Updated", "Order Cancelled", "Identified"}
    assert {touchpoint.transaction for touchpoint in found.values()} == {""}
    assert found["Identified"].contacts == ("email:ann@shop.example", "phone:+393331234567")


async def test_a_webhook_that_comes_again_is_one_touchpoint_and_the_answer_is_the_same(service: Service) -> None:
    answers = [await shopify(service, "orders/create", ORDER) for _ in range(2)]
    answers += [
        await square(service, f"payment.{what}", "payment", PAYMENT, event=what) for what in ("created", "updated")
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({touchpoint.identity for touchpoint in await service.touchpoints()}) == 2


async def test_a_payment_of_square_is_a_sale_once_it_is_completed(service: Service) -> None:
    pending = await square(service, "payment.created", "payment", {**PAYMENT, "status": "APPROVED"})
    assert pending.json()["accepted"] == 0
    await square(service, "payment.updated", "payment", {**PAYMENT, "total_money": {"amount": 5980, "currency": "JPY"}})
    sale = await only(service)
    assert (sale.event, sale.value, sale.currency) == ("Order Completed", 59_800_000, "JPY")
    assert (sale.user_id, sale.channel, sale.offline) == ("square:W92WH6P11H4Z77CTET0RNTGFW8", "store", True)
    assert sale.contacts == (f"receipt:square/payment//{PAYMENT['id']}",)


async def test_a_refund_of_square_is_whose_the_payment_is(service: Service) -> None:
    refund = {"id": "r1", "status": "COMPLETED", "payment_id": PAYMENT["id"], "created_at": "2026-03-01T09:30:00Z"}
    refund["amount_money"] = {"amount": 1000, "currency": "EUR"}  # type: ignore[assignment]
    await square(service, "refund.updated", "refund", refund)
    back = await only(service)
    assert (back.event, back.transaction, back.value) == ("Order Refunded", "return", 100_000)
    assert back.contacts == (f"receipt:square/payment//{PAYMENT['id']}",)


async def test_customers_and_orders_of_square_are_told(service: Service) -> None:
    customer = {"id": "W9", "email_address": "ann@shop.example", "phone_number": "+39 333 1234567", "given_name": "Ann"}
    await square(service, "customer.updated", "customer", customer, event="k1")
    state = {"order_id": "o1", "state": "COMPLETED", "updated_at": "2026-03-01T09:20:00Z", "location_id": "L1"}
    await square(service, "order.updated", "order_updated", state, event="o1")
    identified, order = sorted(await service.touchpoints(), key=lambda one: one.type)
    assert (identified.user_id, identified.contacts) == ("square:W9", ("email:ann@shop.example", "phone:+393331234567"))
    assert (order.event, order.transaction, order.contacts) == ("Order Updated", "", ("receipt:square/order//o1",))


async def test_ones_own_sender_signs_receipts_and_batches_days_before_they_arrive(service: Service) -> None:
    receipt = {"receipt_id": 1, "store_id": "s1", "sold_at": "2026-02-25T10:00:00+01:00", "total": 1, "currency": "EUR"}
    lines = b"\n".join(json.dumps({**receipt, "receipt_id": number}).encode() for number in range(3))
    batch = {
        "batch": [{"type": "track", "event": "Called", "userId": "1", "channel": "call_centre"}, {"type": "track"}]
    }
    answers = [await own(service, body, at=NOW_S - 6 * DAY_S) for body in (receipt, [receipt], lines, batch)]
    assert [(one.json()["accepted"], len(one.json()["rejected"])) for one in answers] == [
        (1, 0),
        (1, 0),
        (3, 0),
        (1, 1),
    ]
    assert {touchpoint.type for touchpoint in await service.touchpoints()} == {"receipt", "track"}


async def test_while_a_secret_is_replaced_both_work(service: Service) -> None:
    answers = [await shopify(service, "orders/create", ORDER, secret=f"shopify-{which}") for which in ("new", "old")]
    assert [answer.status_code for answer in answers] == [200, 200]


BODIES: dict[str, Any] = {
    "shopify": ORDER,
    "square": {"type": "payment.updated", "event_id": "s1", "data": {"object": {"payment": PAYMENT}}},
    "signed": {"batch": [{"type": "track", "event": "Called", "userId": "ann", "messageId": "1", "timestamp": NOW_S}]},
    "mapped": [{"email": "ann@shop.example", "timestamp": NOW_S, "event": "open", "sg_event_id": "1"}],
}
"""By kind of webhook, one that is accepted when it is signed."""
every_kind = pytest.mark.parametrize("kind", BODIES)


def what_is_wrong(kind: str, raw: bytes) -> dict[str, dict[str, str]]:
    """Headers that must not do."""
    [(name, right)] = signed(kind, raw).items()
    return {
        "wrong": {name: right[:-9] + ("A" * 8 if right[-9:-1] != "A" * 8 else "B" * 8) + right[-1:]},
        "of another secret": signed(kind, raw, secret="somebody-elses"),
        "missing": {},
        "empty": {name: ""},
        "truncated": {name: right[:-12]},
        "replayed with another body": signed(kind, raw + b" "),
        "not ASCII": {name: "t=é"},
    }


@every_kind
@pytest.mark.parametrize("wrong", what_is_wrong("signed", b""))
async def test_what_is_not_signed_is_refused_and_counted_and_nothing_of_it_is_kept(
    service: Service, kind: str, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw = json.dumps(BODIES[kind]).encode()
    headers = {name: value.encode() for name, value in what_is_wrong(kind, raw)[wrong].items()}
    with caplog.at_level(0):
        answer = await posted(service, kind, raw, headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    assert "shop.example" not in answer.text + caplog.text
    assert await service.logged() == []
    assert await service.metric('tappa_ingest_rejected_total{code="invalid_signature"}') == 1
    endpoint = f"/v1/hooks/{kind}/{{source}}"
    assert await service.metric(f'tappa_ingest_requests_total{{endpoint="{endpoint}",status="401"}}') == 1


@every_kind
async def test_a_duplicate_is_answered_with_200_and_is_no_second_touchpoint(service: Service, kind: str) -> None:
    raw = json.dumps(BODIES[kind]).encode()
    headers = {"X-Shopify-Topic": "orders/create", **signed(kind, raw)}
    answers = [await posted(service, kind, raw, headers) for _ in range(3)]
    assert [(answer.status_code, answer.json()["accepted"]) for answer in answers] == [(200, 1)] * 3
    assert len({touchpoint.identity for touchpoint in await service.touchpoints()}) == 1


@pytest.mark.parametrize("kind", ["signed", "mapped"])
async def test_a_signature_that_is_replayed_with_a_newer_time_is_refused(service: Service, kind: str) -> None:
    raw = json.dumps(BODIES[kind]).encode()
    [(name, old)] = signed(kind, raw, at=NOW_S - 8 * DAY_S).items()
    answer = await posted(service, kind, raw, {name: old.replace(str(NOW_S - 8 * DAY_S), str(NOW_S))})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")


@pytest.mark.parametrize("kind", ["signed", "mapped"])
@pytest.mark.parametrize("at", [NOW_S - 8 * DAY_S, NOW_S + 3600], ids=["old", "from the future"])
async def test_a_signature_that_is_too_old_or_from_the_future_is_refused(service: Service, kind: str, at: int) -> None:
    raw = json.dumps(BODIES[kind]).encode()
    answer = await posted(service, kind, raw, signed(kind, raw, at=at))
    assert (answer.status_code, answer.json()["code"]) == (401, "stale_signature")
    assert await service.logged() == []
    assert await service.metric('tappa_ingest_rejected_total{code="stale_signature"}') == 1


@pytest.mark.parametrize("kind", ["shopify", "square"])
async def test_a_body_that_was_changed_on_its_way_is_refused(service: Service, kind: str) -> None:
    raw = json.dumps(ORDER).encode()
    answer = await posted(service, kind, raw.replace(b"59.80", b"0.80"), signed(kind, raw))
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")


@pytest.mark.parametrize("path", ["shopify/square", "shopify/web", "shopify/nobody"])
async def test_a_source_without_such_a_webhook_is_not_found(service: Service, path: str) -> None:
    answer = await service.post(f"/v1/hooks/{path}", b"{}", key=None)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_hook")


async def test_a_signed_body_that_cannot_be_read_is_refused_as_a_whole(service: Service) -> None:
    raw = b'{"id": 1'
    answer = await posted(service, "shopify", raw, signed("shopify", raw))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")


async def test_whatever_a_payload_has_where_something_else_should_be_is_no_5xx(service: Service) -> None:
    odd: tuple[Any, ...] = (None, 1, "x", [], {}, [1], {"id": []})
    for name in ORDER:
        for value in odd:
            for topic in ("orders/create", "orders/cancelled"):
                assert (
                    await shopify(service, topic, {**ORDER, name: value}, event=f"{name}{value}")
                ).status_code == 200
    for name in REFUND:
        for value in odd:
            assert (
                await shopify(service, "refunds/create", {**REFUND, name: value}, event=f"{name}")
            ).status_code == 200
    for name in PAYMENT:
        for value in odd:
            assert (await square(service, "payment.updated", "payment", {**PAYMENT, name: value})).status_code == 200


def test_square_needs_the_address_that_it_signs() -> None:
    with pytest.raises(ValueError, match="needs url"):
        Hook.model_validate({"kind": "square", "secrets": ["square-secret"]})
    assert "square-secret" not in repr(HOOKS)
