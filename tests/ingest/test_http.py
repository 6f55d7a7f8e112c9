"""Endpoints, write keys, answers and limits, as a client meets them."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

from stage_engine.touchpoint import Touchpoint
from stream.log.interface import LogFullError, LogUnavailableError
from stream.log.memory import MemoryLog
from stream.log.sqlite import SqliteLog
from stream.settings import LogSettings
from tests.ingest.service import KEY, RECEIVED_AT, TILL_KEY, Service, serving

PAGE = {"type": "page", "anonymousId": "a1", "messageId": "m1"}
BAD = {"type": "track", "messageId": "m2"}
MINUTE = 60_000


def receipt(number: int, **fields: Any) -> dict[str, Any]:
    sale = {
        "receipt_id": number,
        "store_id": "s1",
        "sold_at": "2026-03-01T10:00:00+01:00",
        "total": 1,
        "currency": "EUR",
    }
    return {**sale, **fields}


@pytest.mark.parametrize(
    ("paths", "message", "event"),
    [
        (("/v1/track", "/v1/t"), {"event": "X", "userId": "1"}, "X"),
        (("/v1/identify", "/v1/i"), {"userId": "1"}, "Identified"),
        (("/v1/page", "/v1/p"), {"userId": "1"}, "Page Viewed"),
        (("/v1/screen", "/v1/s"), {"userId": "1"}, "Screen Viewed"),
        (("/v1/group", "/v1/g"), {"userId": "1", "groupId": "g"}, "Group Joined"),
        (("/v1/alias", "/v1/a"), {"userId": "1", "previousId": "0"}, "Aliased"),
    ],
)
async def test_each_type_has_a_long_and_a_short_endpoint(
    service: Service, paths: Sequence[str], message: dict[str, Any], event: str
) -> None:
    answers = [await service.post(path, message) for path in paths]
    assert [answer.json() for answer in answers] == [{"success": True, "accepted": 1, "rejected": []}] * 2
    assert [touchpoint.event for touchpoint in await service.touchpoints()] == [event, event]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/b"])
async def test_a_batch_gets_a_verdict_for_each_item_and_the_good_ones_are_kept(service: Service, path: str) -> None:
    answer = await service.post("http://ingest.test" + path, {"batch": [PAGE, BAD, {**PAGE, "messageId": "m3"}]})
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "accepted": 2,
        "rejected": [
            {
                "index": 1,
                "message_id": "m2",
                "code": "missing_field",
                "message": "A field that this type needs is missing. (track needs event)",
            }
        ],
    }
    assert {touchpoint.message_id for touchpoint in await service.touchpoints()} == {"m1", "m3"}


async def test_a_rejected_item_goes_whole_to_the_dead_letters(service: Service) -> None:
    await service.post("/v1/batch", {"batch": [PAGE, {**BAD, "properties": {"x": [1, 2]}}]})
    (letter,) = await service.refused()
    assert json.loads(letter.body) == {**BAD, "properties": {"x": [1, 2]}}
    assert (letter.source, letter.code, letter.message_id, letter.endpoint) == (
        "web",
        "missing_field",
        "m2",
        "/v1/batch",
    )
    assert letter.received_at == RECEIVED_AT
    assert letter.reason


async def test_an_empty_batch_is_accepted_and_says_so(service: Service) -> None:
    assert (await service.post("/v1/batch", {"batch": []})).json() == {"success": True, "accepted": 0, "rejected": []}
    assert await service.logged() == []


async def test_the_endpoint_says_the_type_of_a_single_message(service: Service) -> None:
    await service.post("/v1/page", {**PAGE, "type": "track"})
    assert [touchpoint.type for touchpoint in await service.touchpoints()] == ["page"]


@pytest.mark.parametrize("path", ["/v1/import/", "//v1/import/", "//v1/batch", "/v1/b/"])
async def test_an_address_may_have_slashes_around_it_as_that_of_segments_java_client(
    service: Service, path: str
) -> None:
    answer = await service.post("http://ingest.test" + path, {"batch": [{"type": "page", **PAGE}]})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert await service.metric(f'tappa_ingest_requests_total{{endpoint="/{path.strip("/")}",status="200"}}') == 1


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/octet-stream", ""])
async def test_a_body_is_read_whatever_its_content_type(service: Service, content_type: str) -> None:
    answer = await service.post("/v1/page", json.dumps(PAGE).encode(), headers={"content-type": content_type})
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize(
    ("headers", "query", "in_envelope"),
    [
        ({"authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode()}, "", ""),
        ({"authorization": "Basic " + b64encode(KEY.encode()).decode()}, "", ""),
        ({"authorization": "basic " + b64encode(f"{KEY}:ignored".encode()).decode().rstrip("=")}, "", ""),
        ({}, f"?writeKey={KEY}", ""),
        ({}, "", KEY),
        ({"authorization": "Bearer of something else"}, "", KEY),
        ({}, "", "web-key-0"),
    ],
)
async def test_the_write_key_may_be_in_the_header_the_query_or_the_envelope(
    service: Service, headers: dict[str, str], query: str, in_envelope: str
) -> None:
    body = json.dumps({"batch": [PAGE], **({"writeKey": in_envelope} if in_envelope else {})}).encode()
    answer = await service.post("/v1/batch" + query, body, key=None, headers=headers)
    assert answer.json()["accepted"] == 1


async def test_the_write_key_may_be_in_a_single_message_and_is_never_stored(service: Service) -> None:
    assert (await service.post("/v1/page", {**PAGE, "writeKey": KEY, "foo": 1}, key=None)).json()["accepted"] == 1
    await service.post("/v1/track", {**BAD, "writeKey": KEY}, key=None)
    assert all(KEY not in repr(message) for message in await service.logged())


@pytest.mark.parametrize("endpoint", ["/v1/page", "/v1/batch", "/v1/receipts"])
@pytest.mark.parametrize(("key", "code"), [(None, "missing_write_key"), ("nobody-has-it", "unknown_write_key")])
async def test_without_a_known_write_key_nothing_is_stored(
    service: Service, endpoint: str, key: str | None, code: str
) -> None:
    body = {**receipt(1), **PAGE, "batch": [PAGE]}
    answer = await service.post(endpoint, body, key=key)
    assert (answer.status_code, answer.json()["code"], answer.json()["success"]) == (401, code, False)
    assert await service.logged() == []
    assert await service.metric(f'tappa_ingest_rejected_total{{code="{code}"}}') == 1


async def test_errors_have_code_and_message_as_segments_python_client_reads_them(service: Service) -> None:
    answers = [
        await service.client.get("/v1/batch"),
        await service.client.get("/nowhere"),
        await service.post("/v1/nowhere", PAGE),
        await service.post("/v1/batch", b"{"),
        await service.post("/v1/batch", {"batch": {}}),
        await service.post("/v1/batch", {}),
        await service.post("/v1/page", [PAGE]),
        await service.post("/v1/receipts", b"receipt"),
        await service.post("/v1/receipts", b""),
    ]
    assert [answer.status_code for answer in answers] == [405, 404, 404, 400, 400, 400, 400, 400, 400]
    assert all(set(answer.json()) == {"success", "code", "message"} for answer in answers)
    assert answers[0].headers["allow"] == "POST"


async def test_a_web_page_of_any_origin_may_send(service: Service) -> None:
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    preflight = await service.client.options("/v1/t", headers=asked)
    assert preflight.status_code == 204
    allowed = preflight.headers["access-control-allow-headers"]
    assert all(name in allowed for name in ("authorization", "content-type", "x-retry-count"))
    assert int(preflight.headers["access-control-max-age"]) >= 86_400
    for answer in (
        preflight,
        await service.post("/v1/page", PAGE),
        await service.post("/v1/page", PAGE, key="unknown-key"),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_segments_browser_client_is_told_where_to_send(service: Service) -> None:
    answer = await service.client.get(f"/v1/projects/{KEY}/settings")
    assert answer.json() == {
        "integrations": {"Segment.io": {"apiKey": KEY, "apiHost": "ingest.test/v1", "protocol": "http"}}
    }
    assert (await service.client.get("/v1/projects/nobody-has-it/settings")).status_code == 401
    assert (await service.post("/v1/m", b'{"series":[]}', key=None)).status_code == 200


async def test_the_public_address_is_told_instead_when_there_is_one() -> None:
    async with serving(public_url="https://touch.example.com/") as service:
        told = (await service.client.get(f"/v1/projects/{KEY}/settings")).json()["integrations"]["Segment.io"]
    assert (told["apiHost"], told["protocol"]) == ("touch.example.com/v1", "https")


# the envelope


async def test_the_envelopes_context_counts_for_each_message_and_the_messages_own_goes_before(service: Service) -> None:
    envelope = {"context": {"locale": "it", "library": {"name": "x", "version": "1"}}}
    batch = [PAGE, {**PAGE, "context": {"library": {"name": "y"}}}]
    await service.post("/v1/batch", {"batch": batch, **envelope})
    contexts = [json.loads(touchpoint.context) for touchpoint in await service.touchpoints()]
    assert contexts == [envelope["context"], {"locale": "it", "library": {"name": "y"}}]


@pytest.mark.parametrize("context", [None, 3, "x", [], {}])
async def test_an_envelopes_context_that_is_no_object_says_nothing(service: Service, context: object) -> None:
    answer = await service.post("/v1/batch", {"batch": [PAGE], "context": context})
    assert answer.json()["accepted"] == 1


async def test_a_large_context_must_not_multiply(service: Service) -> None:
    context = {"x": "y" * 20_000}
    answer = await service.post("/v1/batch", {"batch": [PAGE] * 300, "context": context})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    answer = await service.post("/v1/batch", {"batch": [PAGE], "context": {"x": "y" * 40_000}})
    assert answer.json()["rejected"][0]["code"] == "event_too_large"


# the clock


@pytest.mark.parametrize(
    ("behind_ms", "corrected_ms"),
    [
        (0, 0),
        (5 * MINUTE, 0),
        (-5 * MINUTE, 0),
        (7 * MINUTE, 5 * MINUTE),
        (-12 * MINUTE, -10 * MINUTE),
        (61 * MINUTE, 60 * MINUTE),
    ],
)
async def test_a_wrong_clock_is_corrected_in_whole_steps(service: Service, behind_ms: int, corrected_ms: int) -> None:
    sent_at = RECEIVED_AT - behind_ms
    await service.post("/v1/batch", {"batch": [{**PAGE, "timestamp": sent_at - 1000}], "sentAt": sent_at})
    (touchpoint,) = await service.touchpoints()
    assert touchpoint.original_timestamp == sent_at - 1000
    assert touchpoint.occurred_at == sent_at - 1000 + corrected_ms


async def test_a_clock_of_1970_is_corrected_and_its_time_is_plausible_then(service: Service) -> None:
    message = {**PAGE, "timestamp": "1970-01-01T00:09:00Z", "sentAt": "1970-01-01T00:10:00Z"}
    await service.post("/v1/page", message)
    (touchpoint,) = await service.touchpoints()
    assert RECEIVED_AT - 6 * MINUTE <= touchpoint.occurred_at <= RECEIVED_AT - MINUTE
    assert touchpoint.original_timestamp == 9 * MINUTE


@pytest.mark.parametrize("sent_at", [None, "yesterday", {}, True, 3])
async def test_a_time_of_sending_that_cannot_be_understood_corrects_nothing(service: Service, sent_at: object) -> None:
    await service.post("/v1/batch", {"batch": [{**PAGE, "timestamp": RECEIVED_AT - 1}], "sentAt": sent_at})
    assert [touchpoint.occurred_at for touchpoint in await service.touchpoints()] == [RECEIVED_AT - 1]


async def test_a_message_of_a_batch_is_not_corrected_by_a_time_of_sending_of_its_own(service: Service) -> None:
    """An archive of messages that were sent long ago keeps its times."""
    message = {**PAGE, "timestamp": "2020-05-01T10:00:00Z", "sentAt": "2020-05-01T10:00:01Z"}
    await service.post("/v1/import", {"batch": [message]})
    (touchpoint,) = await service.touchpoints()
    assert touchpoint.occurred_at == touchpoint.original_timestamp
    assert json.loads(touchpoint.extra) == {"sentAt": "2020-05-01T10:00:01Z"}


# compression


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", lambda body: gzip.compress(body[:40]) + gzip.compress(body[40:])),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
        ("identity", lambda body: body),
    ],
)
async def test_a_packed_body_is_unpacked(service: Service, encoding: str, pack: Any) -> None:
    body = json.dumps({"batch": [PAGE] * 50}).encode()
    answer = await service.post("/v1/batch", pack(body), headers={"content-encoding": encoding})
    assert answer.json()["accepted"] == 50


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (gzip.compress(b'{"batch":[]}')[:-9], "gzip", 400, "invalid_compression"),
        (gzip.compress(b'{"batch":[]}') + b"rubbish", "gzip", 400, "invalid_compression"),
        (b"", "gzip", 400, "invalid_compression"),
        (b'{"batch":[]}', "gzip", 400, "invalid_compression"),
        (gzip.compress(b'{"batch":[]}'), "br", 415, "unsupported_encoding"),
        (gzip.compress(b" " * 50_000_000), "gzip", 413, "body_too_large"),
        (gzip.compress(gzip.compress(b" " * 50_000_000)), "gzip", 400, "invalid_body"),
        (gzip.compress(b" ") * 20_000, "gzip", 400, "invalid_body"),
        (b" " * 600_000, "", 413, "body_too_large"),
    ],
    ids=[
        *("cut short", "rubbish behind it", "nothing", "not packed", "another encoding", "unpacks to too much"),
        *("packed twice", "many small ones", "too large"),
    ],
)
async def test_damaged_packed_and_large_bodies_are_refused(
    service: Service, body: bytes, encoding: str, status: int, code: str
) -> None:
    headers = {"content-encoding": encoding} if encoding else {}
    answer = await service.post("/v1/batch", body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await service.metric("tappa_ingest_in_flight_bytes") == 0


async def test_a_body_without_length_is_bounded_too(service: Service) -> None:
    async def endless() -> Any:
        while True:
            yield b" " * 65_536

    answer = await service.client.post("/v1/batch", content=endless(), auth=(KEY, ""))
    assert answer.status_code == 413


async def test_a_batch_of_ten_thousand_items_is_taken_and_one_more_is_too_many(service: Service) -> None:
    assert (await service.post("/v1/batch", {"batch": [{}] * 10_000})).json()["accepted"] == 0
    answer = await service.post("/v1/batch", {"batch": [0] * 10_001})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_items")


# receipts


async def test_receipts_come_as_one_as_a_list_or_as_lines(service: Service) -> None:
    lines = b"\n".join(json.dumps(receipt(number)).encode() for number in (4, 5)) + b"\n\n"
    pretty = json.dumps(receipt(6), indent=2).encode()
    bodies = [receipt(1), [receipt(2), receipt(3)], lines, pretty]
    answers = [await service.post("/v1/receipts", body, key=TILL_KEY) for body in bodies]
    assert [answer.json()["accepted"] for answer in answers] == [1, 2, 2, 1]
    ids = sorted(touchpoint.message_id for touchpoint in await service.touchpoints())
    assert ids == [f"receipt:s1//2026-03-01/{number}" for number in range(1, 7)]


async def test_a_receipt_keeps_the_bytes_that_the_till_sent(service: Service) -> None:
    body = json.dumps(receipt(1, cashier="Bo"), indent=1).encode()
    await service.post("/v1/receipts", body, key=TILL_KEY)
    assert [touchpoint.properties for touchpoint in await service.touchpoints()] == [body]


@pytest.mark.parametrize(
    "shape", [lambda item: item, lambda item: [item], lambda item: json.dumps(item).encode() + b"\n{}"]
)
async def test_a_write_key_in_a_receipt_works_and_is_not_stored(service: Service, shape: Any) -> None:
    answer = await service.post("/v1/receipts", shape(receipt(1, writeKey=TILL_KEY)), key=None)
    assert answer.json()["accepted"] == 1
    assert all(TILL_KEY not in repr(message) for message in await service.logged())


async def test_one_bad_line_costs_the_other_receipts_nothing(service: Service) -> None:
    lines = [
        json.dumps(receipt(1)).encode(),
        b'{"receipt_id": 2,',
        b"rubbish",
        b'"\xff"',
        json.dumps(receipt(3)).encode(),
    ]
    answer = await service.post("/v1/receipts", b"\r\n".join(lines), key=TILL_KEY)
    assert answer.json()["accepted"] == 2
    assert [row["index"] for row in answer.json()["rejected"]] == [1, 2, 3]
    assert len(await service.refused()) == 3


async def test_receipts_as_lines_may_be_ten_megabytes_but_one_document_only_half_of_one(service: Service) -> None:
    filler = "y" * 200_000
    body = b"\n".join(json.dumps(receipt(number, note=filler)).encode() for number in range(40))
    assert (await service.post("/v1/receipts", body, key=TILL_KEY)).json()["accepted"] == 40
    document = json.dumps([receipt(number, note=filler) for number in range(4)]).encode()
    assert (await service.post("/v1/receipts", document, key=TILL_KEY)).status_code == 413


async def test_a_receipt_sent_again_is_the_same_touchpoint(service: Service) -> None:
    for _ in range(2):
        await service.post("/v1/receipts", receipt(1, customer={"loyalty_card": "9900"}), key=TILL_KEY)
    first, second = await service.touchpoints()
    assert (first.identity, first.precedence) == (second.identity, second.precedence)


async def test_values_without_currency_have_the_installations(service: Service) -> None:
    async with serving(currency="EUR") as with_currency:
        await with_currency.post("/v1/track", {"event": "X", "userId": "1", "properties": {"value": 3}})
        await with_currency.post("/v1/track", {"event": "X", "userId": "1", "properties": {"x": 3}})
        assert [touchpoint.currency for touchpoint in await with_currency.touchpoints()] == ["EUR", ""]


# the log, and too much at once


class TroubledLog(MemoryLog):
    """A log that cannot append just now."""

    def __init__(self, trouble: Exception) -> None:
        super().__init__(LogSettings())
        self.trouble: Exception | None = trouble

    async def append(self, messages: Mapping[int, Sequence[bytes]], *, internal: bool = False) -> None:
        if self.trouble:
            raise self.trouble
        await super().append(messages, internal=internal)


@pytest.mark.parametrize(
    ("trouble", "code"), [(LogFullError("full"), "log_full"), (LogUnavailableError("gone"), "log_unavailable")]
)
async def test_while_the_log_takes_nothing_senders_are_told_when_to_come_back(trouble: Exception, code: str) -> None:
    log = TroubledLog(trouble)
    async with serving(log, retry_after_s=7) as service:
        answer = await service.post("/v1/page", PAGE)
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, code, "7")
        assert (await service.client.get("/readyz")).status_code == 503
        assert (await service.client.get("/healthz")).status_code == 200
        log.trouble = None
        assert (await service.post("/v1/page", PAGE)).status_code == 200
        assert await service.metric('tappa_ingest_accepted_total{source="web",type="page"}') == 1


async def test_ready_is_who_can_write_the_log(service: Service) -> None:
    assert (await service.client.get("/readyz")).json() == {"status": "ready"}


async def test_a_key_over_its_rate_is_told_how_long_to_wait() -> None:
    async with serving(rate_per_s=2, rate_burst=10) as service:
        assert (await service.post("/v1/batch", {"batch": [PAGE] * 29})).status_code == 200
        answer = await service.post("/v1/page", PAGE)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert answer.headers["retry-after"] == "10"
        assert (await service.post("/v1/page", PAGE, key="browser-key")).status_code == 200


async def test_bodies_in_flight_are_bounded_over_all_requests() -> None:
    async with serving(in_flight_bytes_max=1_000_000) as service:
        release, both_arrived = asyncio.Event(), asyncio.Barrier(3)

        async def slow() -> Any:
            yield b" " * 400_000
            await both_arrived.wait()
            await release.wait()
            yield json.dumps(PAGE).encode()

        waiting = [
            asyncio.create_task(service.client.post("/v1/page", content=slow(), auth=(KEY, ""))) for _ in range(2)
        ]
        await both_arrived.wait()
        answer = await service.post("/v1/page", b" " * 400_000)
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        release.set()
        assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 200]
        assert await service.metric("tappa_ingest_in_flight_bytes") == 0


async def test_a_body_that_takes_too_long_is_refused_and_may_be_sent_again() -> None:
    async def slow() -> Any:
        yield b"{"
        await asyncio.sleep(30)

    async with serving(body_timeout_s=0.05) as service:
        answer = await service.client.post("/v1/page", content=slow(), auth=(KEY, ""))
    assert (answer.status_code, answer.json()["code"], answer.headers["connection"]) == (408, "body_timeout", "close")


async def test_what_is_acknowledged_is_in_the_log_on_disk(tmp_path: Any) -> None:
    log = await SqliteLog.open(tmp_path / "log", LogSettings())
    try:
        async with serving(log) as service:
            answers = await asyncio.gather(*(service.post("/v1/batch", {"batch": [PAGE] * 10}) for _ in range(20)))
            assert all(answer.json()["accepted"] == 10 for answer in answers)
    finally:
        await log.close()
    reopened = await SqliteLog.open(tmp_path / "log", LogSettings())
    try:
        async with serving(reopened) as service:
            assert len([m for m in await service.logged() if isinstance(m, Touchpoint)]) == 200
    finally:
        await reopened.close()


async def test_requests_and_items_are_counted(service: Service) -> None:
    await service.post("/v1/batch", {"batch": [PAGE, BAD, PAGE]})
    await service.post("/v1/batch", b"rubbish")
    assert await service.metric('tappa_ingest_accepted_total{source="web",type="page"}') == 2
    assert await service.metric('tappa_ingest_rejected_total{code="missing_field"}') == 1
    assert await service.metric('tappa_ingest_rejected_total{code="invalid_body"}') == 1
    assert await service.metric('tappa_ingest_requests_total{endpoint="/v1/batch",status="200"}') == 1
    assert await service.metric('tappa_ingest_requests_total{endpoint="/v1/batch",status="400"}') == 1
    assert await service.metric("tappa_ingest_append_seconds_count") == 1


async def test_answers_are_what_the_client_library_takes_for_json(service: Service) -> None:
    answer: httpx.Response = await service.post("/v1/page", PAGE)
    assert answer.headers["content-type"] == "application/json"
