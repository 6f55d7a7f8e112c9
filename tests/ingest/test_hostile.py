"""Hostile input: never a 5xx, never the loss of a good item in the same body (issue: it is done when, 5)."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.arrival import Arrival, Rules
from ingest.envelope import read_batch, read_receipts, read_single
from ingest.judge import Judgement
from ingest.refusals import TABLE, RequestRefusedError
from ingest.settings import IdentitySettings, IngestSettings
from ingest.splitter import StructureError, depth_exceeds, elements, members
from stage_engine.touchpoint import Touchpoint
from store.rejected import Refused
from stream.log.message import Message, decode_frame, encode_frame
from tests.ingest.service import RECEIVED_AT, SOURCES, TILL_KEY, Service, serving

RULES = Rules.of(IngestSettings(), IdentitySettings(), "EUR", lambda: "generated")
GOOD = b'{"type":"page","anonymousId":"good"}'
GOOD_RECEIPT = b'{"receipt_id":"good","store_id":"s","sold_at":"2026-03-01T10:00:00Z","total":1,"currency":"EUR"}'

DEEP = b"[" * 100_000 + b"]" * 100_000
HOSTILE_ITEMS = [
    b'{"type":"track","event":"X","anonymousId":"\\ud800"}',
    b'{"type":"track","event":"\\udfff\\ud800","anonymousId":"a"}',
    b'{"type":"track","event":"X","anonymousId":"a","properties":{"x":NaN,"y":-Infinity}}',
    b'{"type":"track","event":"X","anonymousId":"a","properties":{"x":nul}}',
    b'{"type":"track","event":"X","anonymousId":"a","properties":{"x":01}}',
    b'{"type":"track","event":"X","anonymousId":"a","properties":{"x":"\x00"}}',
    b'{"type":"track","event":"X","anonymousId":"a","properties":{"x":"\\u0000"}}',
    b'{"type":"track","event":"X","anonymousId":"a","properties":{"x":"\xff\xfe"}}',
    b'{"type":"track","event":"\xc3\x28","anonymousId":"a"}',
    b'{"type":"track","event":"X","anonymousId":"\xed\xa0\x80"}',
    b'{"type":"track","event":"X","anonymousId":"a","properties":{"x":1e999,"value":1e999,"score":1e999,"score_kind":"nps"}}',
    b'{"type":"track","event":"X","anonymousId":"a","properties":{"value":' + b"9" * 10_000 + b"}}",
    b'{"type":"track","event":"X","anonymousId":' + b"9" * 10_000 + b"}",
    b'{"type":"track","event":"X","anonymousId":1e999}',
    b'{"type":"track","event":"X","anonymousId":-1.5e-300}',
    b'{"type":"track","event":"X","anonymousId":"a","timestamp":1e999}',
    b'{"type":"track","event":"X","anonymousId":"a","timestamp":' + b"9" * 5_000 + b"}",
    b'{"type":"track","event":"X","anonymousId":"a","timestamp":"' + b"9" * 5_000 + b'"}',
    b'{"type":"track","event":"X","anonymousId":"a","timestamp":"0001-01-01T00:00:00+23:59"}',
    b'{"type":"track","event":"X","anonymousId":"a","timestamp":"9999-12-31T23:59:59.999-23:59"}',
    b'{"type":"track","event":"X","anonymousId":"a","timestamp":"2026-03-01T10:00:00+99:99"}',
    b'{"type":"identify","userId":"u","traits":{"email":1e999,"phone":' + b"9" * 5_000 + b"}}",
    b'{"type":"identify","userId":"u","traits":{"phone":"+' + b"1" * 5_000 + b'"}}',
    b'{"type":"track","event":"X","anonymousId":"a","context":{"page":{"url":1e999},"traits":{"email":[]}}}',
    b'{"type":"track","event":"X","anonymousId":"a","context":{"externalIds":[1,null,{"type":[],"id":{}}]}}',
    b'{"type":"track","event":"X","anonymousId":"a","context":{"page":{"url":"http://[::1?utm_source=%ff%00","referrer":"//"}}}',
    b'{"type":"track","type":"page","anonymousId":"a","anonymousId":{}}',
    b'{"type":"track","event":"X","anonymousId":"a","properties":' + DEEP + b"}",
    b'{"type":"track","event":"X","anonymousId":"a","' + b"k" * 40_000 + b'":1}',
    b'{"":{},"type":"page","anonymousId":"a"}',
    b'{"type":"page","anonymousId":"a",}',
    b'{"type":"page" "anonymousId":"a"}',
    b'{type:"page"}',
    b"{'type':'page'}",
    b'{"type":"page","anonymousId":"a","x":[}',
    b"[[[]]]",
    b'"\\"',
    b"-",
    b"nullnull",
    b'{"type":"page","properties":null,"context":null,"traits":null,"anonymousId":"a","timestamp":null}',
]
"""Items whose brackets and quotes close, whatever else is wrong with them."""
CUT = [item for item in HOSTILE_ITEMS if item not in (b'{"type":"page","anonymousId":"a","x":[}', b'"\\"')]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from(
    [
        "type",
        "event",
        "name",
        "userId",
        "anonymousId",
        "previousId",
        "groupId",
        "messageId",
        "timestamp",
        "sentAt",
        "properties",
        "traits",
        "context",
        "channel",
        "writeKey",
    ]
)
types = st.sampled_from(["track", "identify", "page", "screen", "group", "alias"])
inner_names = st.sampled_from(
    [
        "value",
        "revenue",
        "total",
        "currency",
        "score",
        "score_kind",
        "channel",
        "page",
        "campaign",
        "library",
        "traits",
        "externalIds",
        "url",
        "referrer",
        "email",
        "phone",
    ]
)
payloads = st.dictionaries(inner_names | st.text(), json_values | st.dictionaries(inner_names, json_values), max_size=5)
messages = st.builds(
    lambda type_, fields, payload: {"type": type_, **fields, **payload},
    types,
    st.dictionaries(field_names | st.text(), json_values, max_size=6),
    st.dictionaries(st.sampled_from(["properties", "traits", "context"]), payloads, max_size=3),
)
receipt_names = st.sampled_from(
    [
        "receipt_id",
        "store_id",
        "till_id",
        "business_date",
        "sold_at",
        "total",
        "currency",
        "kind",
        "lines",
        "payments",
        "customer",
        "refers_to",
    ]
)


def judged(items: list[bytes], kind: str = "", context: bytes = b"") -> list[Message]:
    source = SOURCES["till" if kind == "receipt" else "web"]
    arrival = Arrival(source=source, endpoint="/v1/x", type=kind, received_at=RECEIVED_AT, context=context)
    judgement = Judgement(RULES, arrival, 1)
    for index, item in enumerate(items):
        judgement.judge(index, item)
    found = decode_frame(encode_frame(judgement.messages[0]))
    assert len(found) == len(items) == judgement.accepted.total() + len(judgement.verdicts)
    return found


def assert_sound(message: Message) -> None:
    """What later readers rely on: payloads are JSON objects in UTF-8, numbers and times fit, somebody is named."""
    if isinstance(message, Refused):
        assert message.code in TABLE
        return
    for payload in (message.properties, message.traits, message.context, message.extra):
        if payload:
            assert isinstance(msgspec.json.decode(payload, type=dict[str, msgspec.Raw]), dict)
            payload.decode()
    assert message.home
    assert message.message_id
    assert abs(message.occurred_at - RECEIVED_AT) < 30 * 365 * 86_400_000
    assert message.value is None or abs(message.value) <= 10**16
    for text in (*message.identifiers, message.event, message.name, message.message_id):
        text.encode()
        assert "\0" not in text or text in (message.event, message.name)


@pytest.mark.parametrize("item", CUT, ids=lambda item: repr(item[:60]))
async def test_a_hostile_item_stops_no_good_one_in_its_batch(service: Service, item: bytes) -> None:
    answer = await service.post("/v1/batch", b'{"batch":[' + GOOD + b",\n" + item + b" ," + GOOD + b"]}")
    assert answer.status_code == 200
    named = [t for t in await service.touchpoints() if t.anonymous_id == "good"]
    assert len(named) == 2
    assert answer.json()["accepted"] + len(answer.json()["rejected"]) == 3
    assert len(await service.refused()) == len(answer.json()["rejected"])
    assert all(row["message"] and row["index"] == 1 for row in answer.json()["rejected"])


@pytest.mark.parametrize("item", HOSTILE_ITEMS, ids=lambda item: repr(item[:60]))
async def test_a_hostile_line_stops_no_good_receipt(service: Service, item: bytes) -> None:
    answer = await service.post("/v1/receipts", b"\n".join([GOOD_RECEIPT, item, GOOD_RECEIPT]), key=TILL_KEY)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 2
    assert [row["index"] for row in answer.json()["rejected"]] == [1]


@pytest.mark.parametrize("item", HOSTILE_ITEMS, ids=lambda item: repr(item[:60]))
@pytest.mark.parametrize("endpoint", ["/v1/track", "/v1/identify", "/v1/receipts"])
async def test_a_hostile_item_alone_is_answered(service: Service, endpoint: str, item: bytes) -> None:
    answer = await service.post(endpoint, item)
    assert answer.status_code in {200, 400}
    assert answer.json()["success"] == (answer.status_code == 200)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\x00",
        b"null",
        b"[]",
        b'"batch"',
        b'{"batch":[',
        b'{"batch":[{]}',
        b'{"batch":["]}',
        b'{"batch":[]}]',
        b'{"batch":[]} {"batch":[]}',
        b'{"bat\\u0063h":[',
        b'{"batch"}',
        b'{"batch":null}',
        b"{" * 400_000,
        b"[" * 400_000,
        b'{"batch":' * 40_000,
        b'"' * 400_001,
        b"\\" * 400_000,
        '{"batch":[]}'.encode("utf-16"),
        '{"batch":[]}'.encode("utf-32"),
    ],
    ids=lambda body: repr(body[:30]),
)
@pytest.mark.parametrize("endpoint", ["/v1/batch", "/v1/page", "/v1/receipts"])
async def test_a_body_without_structure_is_refused_as_a_whole(service: Service, endpoint: str, body: bytes) -> None:
    answer = await service.post(endpoint, body)
    fits = (endpoint, body) == ("/v1/receipts", b"[]") or (endpoint != "/v1/batch" and body == b'{"batch":null}')
    assert answer.status_code == (200 if fits else 400)
    assert len(await service.touchpoints()) == 0


async def test_a_byte_order_mark_before_the_body_does_no_harm(service: Service) -> None:
    assert (await service.post("/v1/batch", b'\xef\xbb\xbf{"batch":[' + GOOD + b"]}")).json()["accepted"] == 1


async def test_a_context_that_is_broken_costs_the_items_nothing(service: Service) -> None:
    for context in (b'{"x":nul}', b'{"x":"\xff"}', b'{"x":"\\ud800"}', b'{"x":' + DEEP + b"}"):
        answer = await service.post("/v1/batch", b'{"batch":[' + GOOD + b'],"context":' + context + b"}")
        assert answer.json()["accepted"] == 1
    assert {touchpoint.context for touchpoint in await service.touchpoints()} == {b""}


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(messages | json_values, max_size=5), payloads)
def test_whatever_a_message_says_it_gets_a_verdict_and_what_is_accepted_is_sound(
    items: list[Any], context: dict[str, Any]
) -> None:
    bodies = [json.dumps(item).encode() for item in items]
    for message in judged([*bodies, GOOD], context=json.dumps(context).encode()):
        assert_sound(message)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(receipt_names, json_values, max_size=6))
def test_whatever_a_receipt_says_it_gets_a_verdict_and_what_is_accepted_is_sound(fields: dict[str, Any]) -> None:
    body = json.dumps({**json.loads(GOOD_RECEIPT), **fields}).encode()
    for message in judged([body, GOOD_RECEIPT], kind="receipt"):
        assert_sound(message)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*HOSTILE_ITEMS[:27], GOOD, GOOD_RECEIPT]), st.integers(0, 200), st.binary(max_size=3))
def test_a_message_with_bytes_changed_anywhere_gets_a_verdict(item: bytes, at: int, change: bytes) -> None:
    at %= len(item)
    changed = item[:at] + change + item[at + 1 :]
    for kind in ("", "track", "receipt"):
        for message in judged([changed, GOOD_RECEIPT if kind == "receipt" else GOOD], kind=kind):
            assert_sound(message)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet='{}[]",:\\ abn1\n').map(str.encode))
@example(b'{"batch":[{"a":"\\"}')
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in (read_batch, read_single, lambda text: read_receipts(text, document_bytes_max=1000)):
        with suppress(RequestRefusedError):
            judged([*read(body).items, GOOD])


@settings(max_examples=40, deadline=None)
@given(st.lists(json_values, max_size=5), st.sampled_from([None, 1]))
def test_the_splitter_cuts_sound_lists_as_a_json_parser_does(values: list[Any], indent: int | None) -> None:
    assert [json.loads(part) for part in elements(json.dumps(values, indent=indent).encode())] == values


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=5), st.sampled_from([None, 1]))
def test_the_splitter_cuts_sound_objects_as_a_json_parser_does(value: dict[str, Any], indent: int | None) -> None:
    found = members(json.dumps(value, indent=indent).encode())
    assert {json.loads(b'"' + name + b'"'): json.loads(part) for name, part in found.items()} == value


@given(st.binary(max_size=60))
def test_the_splitter_cuts_or_says_that_it_cannot(text: bytes) -> None:
    for cut in (elements, members):
        with suppress(StructureError):
            cut(text)


@given(st.integers(1, 90), st.integers(0, 100))
def test_depth_is_counted_in_brackets_that_are_no_text(depth: int, brackets_in_text: int) -> None:
    text = b"[" * depth + b'"' + b"[" * brackets_in_text + b'"' + b"]" * depth
    assert depth_exceeds(text, 64) == (depth > 64)


@pytest.mark.parametrize(
    "body",
    [
        b"{\n" + b"," * 9_000_000 + b"}",
        b"{" + b"," * 9_000_000 + b"\n}",
        b"{" + b'"a":1,' * 60_000 + b"}",
        b"[" + b"," * 400_000 + b"]",
        b'{"batch":[' + b"," * 400_000 + b"]}",
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_a_body_of_commas_does_not_become_a_list_of_millions(service: Service, body: bytes) -> None:
    for endpoint in ("/v1/receipts", "/v1/batch"):
        answer = await service.post(endpoint, body)
        assert answer.status_code in {200, 400, 413}
        assert len(answer.json().get("rejected", [])) <= 2


async def test_ten_thousand_hostile_items_do_not_hold_up_other_senders() -> None:
    async with serving() as service:
        body = b'{"batch":[' + b",".join([b'{"type":"page","anonymousId":"\\ud800"}'] * 9_999 + [GOOD]) + b"]}"
        flood = asyncio.create_task(service.post("/v1/batch", body))
        await asyncio.sleep(0)
        meanwhile = [(await service.post("/v1/page", {"anonymousId": "b"})).status_code for _ in range(3)]
        assert meanwhile == [200, 200, 200]
        assert (await flood).json()["accepted"] == 1
        assert len([t for t in await service.touchpoints() if isinstance(t, Touchpoint)]) == 4
