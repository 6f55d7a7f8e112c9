"""NDJSON lines become items, or are told with their line."""

from __future__ import annotations

import json
from io import BytesIO

import pytest

from ingest.files.ndjson import LINE_BYTES_MAX, read_ndjson
from ingest.files.outcome import HashedUpload, Item, Outcome, Problem

UPLOAD = HashedUpload(upload_id="0" * 16, file="f.ndjson", source="s", started_at="2026-01-01T00:00:00.000Z")


def outcomes(content: bytes, *, receipts: bool = False) -> list[Outcome]:
    return list(read_ndjson(BytesIO(content), UPLOAD, receipts=receipts))


def body(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Item)
    return outcome.body


def identity(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Item)
    return outcome.identity


def test_a_message_keeps_its_bytes_and_gets_what_is_missing() -> None:
    (item,) = outcomes(
        b'{"type":"track", "event":"A","userId":"u","properties":{"total": 1.10, "n": 12345678901234567890123}}\n'
    )
    assert b'{"total": 1.10, "n": 12345678901234567890123}' in body(item)
    found = json.loads(body(item))
    assert found["messageId"] == "0000000000000000:1"
    assert found["timestamp"] == "2026-01-01T00:00:00.000Z"
    assert found["context"] == {"import": {"id": "0" * 16, "file": "f.ndjson", "line": 1}}


def test_a_message_that_has_an_id_a_time_and_a_context_keeps_them() -> None:
    (item,) = outcomes(
        b'{"type":"page","messageId":"m","timestamp":"2025-01-01T00:00:00Z","anonymousId":"a","context":{"ip":"::1"}}'
    )
    found = json.loads(body(item))
    assert (found["messageId"], found["timestamp"], found["context"]["ip"]) == ("m", "2025-01-01T00:00:00Z", "::1")


def test_blank_lines_and_a_byte_order_mark_are_nothing() -> None:
    first, second = outcomes(b'\xef\xbb\xbf{"type":"page"}\r\n\r\n   \n{"type":"page"}')
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert (first.line, second.line) == (1, 4)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"type":', "invalid_json"),
        (b"[1, 2]", "invalid_json"),
        (b'{"event":"\xff"}', "invalid_encoding"),
        (b'{"event":"\\ud800"}', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'{"a":' * 50_000, "invalid_json"),
        (b"x" * (LINE_BYTES_MAX + 5), "line_too_long"),
        (b"x" * (3 * LINE_BYTES_MAX), "line_too_long"),
    ],
)
def test_a_line_that_is_no_object_is_told_and_the_rest_goes_on(line: bytes, code: str) -> None:
    bad, good = outcomes(line + b'\n{"type":"page"}\n')
    assert isinstance(bad, Problem)
    assert (bad.line, bad.code) == (1, code)
    assert isinstance(good, Item)
    assert good.line == 2


def test_a_line_of_type_receipt_is_a_receipt() -> None:
    item, other = outcomes(b'{"type":"receipt","receipt_id":"1","total":1.00}\n{"type":"page"}\n')
    assert isinstance(item, Item)
    assert item.receipt
    assert json.loads(item.body).keys() == {"receipt_id", "total", "import"}
    assert isinstance(other, Item)
    assert not other.receipt


def test_in_a_file_of_receipts_every_line_is_one() -> None:
    (item,) = outcomes(b'{"receipt_id":"1"}\n', receipts=True)
    assert isinstance(item, Item)
    assert item.receipt


def test_lines_of_the_same_id_time_and_person_are_the_same_touchpoint() -> None:
    line = b'{"type":"track","event":"A","messageId":"m","timestamp":"2025-01-01T00:00:00Z","userId":"u"}\n'
    first, copy, other_event, other_user, other_time = outcomes(
        line * 2 + line.replace(b'"A"', b'"B"') + line.replace(b'"u"', b'"v"') + line.replace(b"00:00Z", b"00:01Z")
    )
    assert identity(first) == identity(copy) == identity(other_event)
    assert len({identity(first), identity(other_user), identity(other_time)}) == 3


def test_lines_without_id_are_touchpoints_of_their_own() -> None:
    first, second = outcomes(b'{"type":"page","anonymousId":"a"}\n' * 2)
    assert identity(first) != identity(second)
