from __future__ import annotations

import json
from typing import Any

import pytest

from stage_engine.touchpoint import Touchpoint
from store.rejected_rows import RejectedRow
from stream.log.message import decode_frame, encode_frame, encode_message, partition_of
from tappa.replay import item_of, messages_of


def letter(body: bytes, endpoint: str = "/v1/batch", **fields: Any) -> RejectedRow:
    row = {
        "rejected_id": "ab12",
        "source": "web",
        "received_at": 1_700_000_000_123,
        "code": "missing_identifier",
        "reason": "",
        "message_id": "",
        "replayed": False,
    }
    return RejectedRow(body=body, endpoint=endpoint, **{**row, **fields})


def test_what_an_item_lacks_is_put_in_front_and_the_rest_is_left_as_it_was_written() -> None:
    sent = item_of(letter(b' {"type":"track" , "big":12345678901234567890,"e":1e2}'))
    assert sent == (
        b'{"messageId":"rejected:ab12","timestamp":"2023-11-14T22:13:20.123+00:00",'
        b'"type":"track" , "big":12345678901234567890,"e":1e2}'
    )


def test_an_item_that_lacks_nothing_is_sent_as_it_was() -> None:
    body = b'{"messageId":"m","timestamp":"x","type":"track"}'
    assert item_of(letter(body)) == body


def test_an_empty_item_becomes_a_whole_one() -> None:
    sent = item_of(letter(b"{}"))
    assert sent is not None
    assert sorted(json.loads(sent)) == ["messageId", "timestamp"]


@pytest.mark.parametrize(("endpoint", "kind"), [("/v1/track", "track"), ("/v1/i", "identify"), ("/v1/alias", "alias")])
def test_an_item_of_a_single_endpoint_says_its_type_in_a_batch(endpoint: str, kind: str) -> None:
    sent = item_of(letter(b'{"messageId":"m","timestamp":"x"}', endpoint))
    assert sent is not None
    assert json.loads(sent)["type"] == kind


def test_a_receipt_is_sent_as_it_was_for_its_key_is_in_it() -> None:
    assert item_of(letter(b'{"receipt_id":"1"}', "/v1/receipts")) == b'{"receipt_id":"1"}'


@pytest.mark.parametrize("body", [b"", b"[1]", b'{"a"', b'{"a":1', b"nonsense"])
def test_what_is_no_object_is_not_sent(body: bytes) -> None:
    assert item_of(letter(body)) is None


def test_what_a_worker_refused_goes_back_to_the_partition_of_its_home() -> None:
    touchpoint = Touchpoint(
        source="web", message_id="m", type="track", event="e", channel="web",
        occurred_at=1, original_timestamp=1, received_at=1, user_id="ada",
    )  # fmt: skip
    found = messages_of(letter(encode_frame([encode_message(touchpoint)]), "log"), 8)
    assert found is not None
    ((partition, messages),) = found.items()
    assert partition == partition_of("user:ada", 8)
    assert decode_frame(encode_frame(messages)) == [touchpoint]


def test_what_still_cannot_be_read_is_not_put_back() -> None:
    assert messages_of(letter(b"\xdd\x00\x00\x00\x01\xc1", "log"), 8) is None
