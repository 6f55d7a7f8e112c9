"""Files by HTTP: the same rules as for everything else, line by line, as they arrive."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from ingest.files.mapping import PoslogForm, parse_mapping
from ingest.files.order import FORMATS
from ingest.files.outcome import Item, Problem, Skipped, StreamedUpload
from ingest.files.poslog.reading import read_poslog
from stage_engine.touchpoint import Touchpoint
from stream.log.interface import LogFullError, LogUnavailableError
from stream.log.memory import MemoryLog
from stream.settings import LogSettings
from tests.ingest.service import FILES_KEY, KEY, RECEIVED_AT, TILLS, Service, serving

AT = "2026-03-01T09:30:00.000Z"
RECEIPT = {"receipt_id": 1, "store_id": "s1", "sold_at": "2026-02-25T10:00:00+01:00", "total": 1, "currency": "EUR"}
SALES = (
    "Number;At;Card;Article;Quantity;Price;Kind\n"
    "1;2026-02-28T10:00;9900;A1;2;10.00;\n"
    "1;2026-02-28T10:00;9900;A2;1;5.50;\n"
    "1;2026-02-28T10:00;9900;;;;subtotal\n"
    "2;2026-02-28T10:05;;A1;-1;10.00;\n"
    "3;2026-02-28T10:06;;A1;many;10.00;\n"
)


def message(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Called", "userId": f"u{number}", "timestamp": AT, **more}


def lines(*items: Any) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


async def sent(service: Service, body: Any, *, key: str | None = KEY, **query: str) -> httpx.Response:
    headers = query.pop("headers", {})
    content = {"content": body}
    auth = httpx.BasicAuth(key, "") if key is not None else httpx.USE_CLIENT_DEFAULT
    return await service.client.post("/v1/files", params=query, auth=auth, headers=headers, **content)


async def identities(service: Service) -> set[Any]:
    return {touchpoint.identity for touchpoint in await service.touchpoints()}


async def by_line(service: Service) -> dict[int, Touchpoint]:
    return {json.loads(one.context)["import"]["line"]: one for one in await service.touchpoints()}


async def test_messages_become_touchpoints_that_say_which_line_they_were(service: Service) -> None:
    answer = await sent(service, lines(message(1), message(2, messageId="m2")), name="calls.ndjson")
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "accepted": 2, "refused": 0, "left_out": 0, "rejected": []}
    found = await by_line(service)
    assert [(found[line].user_id, found[line].source) for line in (1, 2)] == [("u1", "web"), ("u2", "web")]
    assert found[2].message_id == "m2"
    assert json.loads(found[1].context)["import"] == {"file": "calls.ndjson", "line": 1}


async def test_a_file_is_judged_by_the_rules_of_a_single_message(service: Service) -> None:
    whole = message(
        1, messageId="m1", properties={"revenue": 5, "currency": "EUR"}, context={"traits": {"email": "A@x.it"}}
    )
    await service.post("/v1/track", whole)
    await sent(service, lines(whole))
    [single, of_file] = await service.touchpoints()
    assert single.identity == of_file.identity
    assert (single.contacts, single.value, single.channel) == (of_file.contacts, of_file.value, of_file.channel)


async def test_bad_lines_are_dead_letters_with_their_number_and_the_rest_counts(service: Service) -> None:
    bad = [
        b'{"type": "track"\n',
        b'{"event": "\xff"}\n',
        lines({"type": "track", "event": "E", "timestamp": AT}),
        lines(message(9, timestamp="")),
    ]
    answer = await sent(service, lines(message(1)) + b"".join(bad) + b"\n" + lines(message(2)))
    said = answer.json()
    assert (answer.status_code, said["accepted"], said["refused"]) == (200, 2, 4)
    assert [(one["line"], one["code"]) for one in said["rejected"]] == [
        (2, "invalid_json"),
        (3, "invalid_encoding"),
        (4, "missing_identifier"),
        (5, "missing_field"),
    ]
    letters = {letter.reason.partition(":")[0]: letter for letter in await service.refused()}
    assert set(letters) == {"line 2", "line 3", "line 4", "line 5"}
    assert letters["line 2"].body == b'{"type": "track"'
    assert {letter.endpoint for letter in letters.values()} == {"/v1/files"}
    assert await service.metric('tappa_ingest_rejected_total{code="missing_field"}') == 1
    assert await service.metric('tappa_ingest_accepted_total{source="web",type="track"}') == 2


async def test_rows_become_receipts_by_a_mapping_that_the_source_has(service: Service) -> None:
    answer = await sent(service, SALES.encode(), key=FILES_KEY, format="csv", mapping="tills")
    said = answer.json()
    assert (said["accepted"], said["refused"], said["left_out"]) == (2, 1, 1)
    assert [(one["line"], one["code"]) for one in said["rejected"]] == [(6, "unmapped")]
    sale, back = sorted(await service.touchpoints(), key=lambda one: one.occurred_at)
    assert (sale.message_id, sale.value, sale.transaction) == ("receipt:milan-1//2026-02-28/1", 255_000, "sale")
    assert (sale.contacts, sale.channel) == (("loyalty_card:9900",), "store")
    assert (back.value, back.transaction) == (100_000, "return")


@pytest.mark.parametrize("file_first", [False, True])
async def test_a_mapping_may_come_before_the_file_in_a_form(service: Service, file_first: bool) -> None:
    parts = [("mapping", (None, TILLS)), ("file", ("day.csv", SALES))]
    request = service.client.build_request("POST", "/v1/files", files=parts[::-1] if file_first else parts)
    answer = await sent(
        service, request.read(), format="csv", headers={"content-type": request.headers["content-type"]}
    )  # type: ignore[arg-type]
    assert (answer.status_code, answer.json().get("accepted")) == ((400, None) if file_first else (200, 2))


@pytest.mark.parametrize("pieces", [1, 7, 1_000_000])
async def test_a_form_is_read_however_its_bytes_arrive(service: Service, pieces: int) -> None:
    many = SALES + "".join(f"x{number};2026-02-28T10:05;;A1;1;1;\r\n" for number in range(500))
    request = service.client.build_request(
        "POST", "/v1/files", files=[("mapping", (None, TILLS)), ("file", ("f", many))]
    )
    body = request.read()

    async def arriving() -> AsyncIterator[bytes]:
        for start in range(0, len(body), pieces):
            yield body[start : start + pieces]

    headers: Any = {"content-type": request.headers["content-type"]}
    answer = await sent(service, arriving(), format="csv", headers=headers)
    assert answer.json()["accepted"] == 502


def packed_in_two(packed: Any) -> bytes:
    return bytes(packed(lines(message(1)))) + bytes(packed(lines(message(2))))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)])
async def test_packed_files_are_known_by_their_header_or_their_first_bytes(
    service: Service, encoding: str, pack: Any, named: bool
) -> None:
    headers: Any = {"content-encoding": encoding} if named else {}
    assert (await sent(service, packed_in_two(pack), headers=headers)).json()["accepted"] == 2
    broken = pack(lines(*map(message, range(100))))[:-5]
    answer = await sent(service, broken, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_compression")


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ({"format": "xlsx"}, {}, "invalid_file"),
        ({"format": "csv"}, {}, "invalid_file"),
        ({"format": "csv", "mapping": "other"}, {}, "invalid_file"),
        ({"format": "ndjson", "mapping": "tills"}, {}, "invalid_file"),
        ({"format": "csv", "mapping": "tills"}, {}, "invalid_file"),
        ({}, {"content-type": "multipart/form-data"}, "invalid_file"),
        ({}, {"content-type": "multipart/form-data; boundary=x"}, "invalid_file"),
        ({}, {"content-type": "multipart/form-data; boundary=x", "content-encoding": "gzip"}, "unsupported_encoding"),
        ({}, {"content-encoding": "br"}, "unsupported_encoding"),
        ({}, {"content-encoding": "gzip"}, "invalid_compression"),
    ],
)
async def test_a_file_that_cannot_be_read_as_told_is_refused_as_a_whole(
    service: Service, query: dict[str, str], headers: Any, code: str
) -> None:
    answer = await sent(service, b"a;b\n1;2\n", key=FILES_KEY, headers=headers, **query)
    assert answer.json()["code"] == code
    assert await service.logged() == []


@pytest.mark.parametrize(("key", "code"), [(None, "missing_write_key"), ("nobodys-key", "unknown_write_key")])
async def test_a_file_needs_a_write_key_outside_of_itself(service: Service, key: str | None, code: str) -> None:
    answer = await sent(service, lines(message(1, writeKey=KEY)), key=key)
    assert (answer.status_code, answer.json()["code"]) == (401, code)


async def test_a_key_that_is_public_sends_no_files(service: Service) -> None:
    answer = await sent(service, lines(message(1)), key="browser-key")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file")
    assert await service.logged() == []


@pytest.mark.parametrize("form", FORMATS)
async def test_an_empty_file_is_no_5xx(service: Service, form: str) -> None:
    answer = await sent(service, b"", key=FILES_KEY, format=form, **({"mapping": "tills"} if form == "csv" else {}))
    assert answer.status_code == (200 if form in ("ndjson", "json", "receipts") else 400)


async def test_a_file_that_is_sent_again_brings_no_new_touchpoint(service: Service) -> None:
    whole = lines(message(1), message(1), message(2), RECEIPT | {"type": "receipt"})
    await sent(service, whole)
    before = await identities(service)
    assert len(before) == 4
    await sent(service, whole)
    await sent(service, gzip.compress(whole))
    await sent(service, whole.rstrip(b"\n") + b"\r\n" + lines(message(3)))
    assert len(await identities(service)) == 5
    assert before < await identities(service)


async def test_an_array_is_read_element_by_element_and_again_without_a_change(service: Service) -> None:
    items = [message(1), message(1), {"type": "track"}, RECEIPT]
    answers = [await sent(service, json.dumps(items, indent=indent).encode(), format="json") for indent in (None, 1)]
    assert [(said["accepted"], said["refused"]) for said in (answer.json() for answer in answers)] == [(3, 1)] * 2
    assert answers[0].json()["rejected"][0]["line"] == 3
    assert len({touchpoint.identity for touchpoint in await service.touchpoints() if touchpoint.type == "receipt"}) == 1
    before = await identities(service)
    await sent(service, gzip.compress(json.dumps(items).encode()), format="json")
    assert await identities(service) == before
    unfinished = await sent(service, json.dumps(items).encode()[:-1], format="json")
    assert (unfinished.status_code, unfinished.json()["code"]) == (400, "invalid_file")


SAMPLES = Path(__file__).parents[2] / "samples" / "poslog"


@pytest.mark.parametrize("by_mapping", [True, False])
async def test_a_poslog_is_the_same_receipts_as_by_the_command(by_mapping: bool) -> None:
    document, mapping = (SAMPLES / "poslog-6.xml").read_bytes(), (SAMPLES / "tills.yaml").read_text()
    form = parse_mapping(mapping, "tills.yaml").poslog if by_mapping else None
    outcomes = list(read_poslog(BytesIO(document), StreamedUpload("web", ""), form or PoslogForm()))
    counts = [sum(isinstance(one, kind) for one in outcomes) for kind in (Item, Problem, Skipped)]
    async with serving(clock=lambda: RECEIVED_AT + 30 * 86_400_000) as service:
        parts: Any = [("mapping", (None, mapping))] if by_mapping else []
        request = service.client.build_request("POST", "/v1/files", files=[*parts, ("file", ("day.xml", document))])
        headers: Any = {"content-type": request.headers["content-type"]}
        said = (await sent(service, request.read(), format="poslog", headers=headers)).json()
        assert [said["accepted"], said["refused"], said["left_out"]] == counts
        assert said["accepted"] > 3
        assert {one.type for one in await service.touchpoints()} == {"receipt"}


async def test_a_poslog_that_declares_entities_is_refused(service: Service) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><POSLog>&b;</POSLog>'
    answer = await sent(service, bomb, format="poslog")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file")
    assert await service.logged() == []


async def test_tabs_are_between_the_columns_of_tsv(service: Service) -> None:
    mapping = "version: 1\nmessage: {type: {constant: track}, event: what, userId: who, timestamp: at}\n"
    rows = f"what\twho\tat\nCalled, again\tann\t{AT}\n"
    request = service.client.build_request(
        "POST", "/v1/files", files=[("mapping", (None, mapping)), ("file", ("f", rows))]
    )
    headers: Any = {"content-type": request.headers["content-type"]}
    assert (await sent(service, request.read(), format="tsv", headers=headers)).json()["accepted"] == 1
    assert [one.event for one in await service.touchpoints()] == ["Called, again"]


async def test_the_same_line_of_another_file_is_another_touchpoint(service: Service) -> None:
    await sent(service, lines(message(1), message(7)))
    await sent(service, lines(message(2), message(7)))
    assert len(await identities(service)) == 4


async def test_a_file_that_breaks_off_leaves_what_was_taken_and_sent_again_is_complete() -> None:
    whole = lines(*map(message, range(5_000)))
    async with serving() as service:

        async def half() -> AsyncIterator[bytes]:
            yield whole[: len(whole) // 2]
            raise ConnectionError

        with pytest.raises(ConnectionError):
            await sent(service, half())
        left = await identities(service)
        assert 1_000 <= len(left) <= 2_500
        assert (await sent(service, whole)).json()["accepted"] == 5_000
        assert left < await identities(service)
        assert len(await identities(service)) == 5_000
        assert await service.metric("tappa_ingest_in_flight_bytes") == 0


async def test_a_file_over_the_limit_is_refused_also_when_it_was_packed() -> None:
    whole = lines(*map(message, range(3_000)))
    async with serving(file_bytes_max=len(whole) - 1) as service:
        for body in (whole, gzip.compress(whole)):
            answer = await sent(service, body)
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
            assert "touchpoints of it are taken" in answer.json()["message"]
    async with serving(file_bytes_max=len(whole)) as service:
        assert (await sent(service, whole)).json()["accepted"] == 3_000


class Full(MemoryLog):
    """A log that takes nothing for some appends."""

    def __init__(self, refusals: list[Exception | None]) -> None:
        super().__init__(LogSettings())
        self.refusals = refusals
        self.largest = 0

    async def append(self, messages: Any, *, internal: bool = False) -> None:
        self.largest = max(self.largest, sum(map(len, messages.values())))
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal
        await super().append(messages, internal=internal)


async def test_while_the_log_is_full_a_file_waits_and_is_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.reception.FULL_LOG_TRIED_EVERY_S", 0.01)
    log = Full([LogFullError("full")] * 20)
    async with serving(log) as service:
        given = 0

        async def many() -> AsyncIterator[bytes]:
            nonlocal given
            for number in range(20):
                given = number
                assert number < 12 or not log.refusals  # the buffers hold some
                yield lines(*map(message, range(1_000)))

        assert (await sent(service, many())).json()["accepted"] == 20_000
        assert (given, log.largest) == (19, 1_000)


@pytest.mark.parametrize(
    ("error", "code"), [(LogFullError("x"), "log_full"), (LogUnavailableError("x"), "log_unavailable")]
)
async def test_when_the_log_is_away_the_sender_is_told_to_send_it_again(error: Exception, code: str) -> None:
    log = Full([None, *[error] * 1_000])
    async with serving(log, file_log_wait_s=0) as service:
        answer = await sent(service, lines(*map(message, range(2_500))))
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert int(answer.headers["retry-after"]) > 0
        assert "1000 touchpoints of it are taken; send all of it again" in answer.json()["message"]
        log.refusals.clear()
        assert (await sent(service, lines(*map(message, range(2_500))))).status_code == 200
        assert len(await identities(service)) == 2_500


async def test_only_so_many_files_are_taken_at_once() -> None:
    goes_on = asyncio.Event()
    async with serving(files_max=1) as service:

        async def slow() -> AsyncIterator[bytes]:
            yield lines(message(1))
            await goes_on.wait()
            yield lines(message(2))

        first = asyncio.create_task(sent(service, slow()))
        while await service.metric("tappa_ingest_in_flight_bytes") == 0:  # noqa: ASYNC110
            await asyncio.sleep(0)
        second = await sent(service, lines(message(3)))
        assert (second.status_code, second.json()["code"]) == (503, "overloaded")
        goes_on.set()
        assert (await first).json()["accepted"] == 2
        assert (await sent(service, lines(message(3)))).status_code == 200


async def test_a_sender_that_stops_in_the_middle_is_told_so() -> None:
    async with serving(body_timeout_s=0.1) as service:

        async def stops() -> AsyncIterator[bytes]:
            yield lines(message(1))
            await asyncio.Event().wait()

        answer = await sent(service, stops())
        assert (answer.status_code, answer.json()["code"]) == (408, "body_timeout")


def endless(line: bytes, count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield line


@pytest.mark.parametrize(
    ("begins", "piece"),
    [(b"", b"1;" * 50_000), (b'"', b"x" * 100_000), (b"", b'"a\nb";' * 20_000), (b"", b"\xff" * 100_000)],
    ids=["columns", "a text", "a row of many lines", "no text"],
)
async def test_a_row_without_an_end_does_not_fill_the_memory(service: Service, begins: bytes, piece: bytes) -> None:
    head, good = SALES.encode().splitlines(keepends=True)[:2]

    async def arriving() -> AsyncIterator[bytes]:
        yield head + begins
        for part in endless(piece, 50):
            yield part
        yield b'"\n' if begins else b"\n"
        yield good

    answer = await sent(service, arriving(), key=FILES_KEY, format="csv", mapping="tills")
    said = answer.json()
    assert answer.status_code == 200
    assert said["refused"] >= 1
    assert said["accepted"] == 1


async def test_the_answer_names_the_first_bad_lines_and_counts_all(service: Service) -> None:
    answer = await sent(service, b"{\n" * 2_000)
    said = answer.json()
    assert (said["refused"], len(said["rejected"])) == (2_000, 100)
    assert [one["line"] for one in said["rejected"]] == list(range(1, 101))


async def test_a_key_over_its_rate_is_slowed_down_and_not_cut_off() -> None:
    async with serving(rate_per_s=20_000, rate_burst=1_000) as service:
        answer = await sent(service, lines(*map(message, range(4_000))))
        assert answer.json()["accepted"] == 4_000
