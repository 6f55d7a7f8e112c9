"""The decoder and the published schema judge the golden corpus alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from ingest import schema
from ingest.arrival import Arrival, Rules
from ingest.judge import Judgement
from ingest.settings import IdentitySettings, IngestSettings
from stage_engine.touchpoint import Touchpoint
from store.rejected import Refused
from stream.log.message import Message, decode_frame, encode_frame
from tests.ingest.corpus import Case, cases
from tests.ingest.service import RECEIVED_AT, SOURCES

RULES = Rules.of(IngestSettings(), IdentitySettings(), "", lambda: "generated")
VALIDATORS = {name: Draft202012Validator(text) for name, text in schema.schemas().items()}
MESSAGES = cases("messages")
RECEIPTS = cases("receipts")


def judged(case: Case, kind: str) -> Message:
    source = SOURCES[case.source or ("till" if kind else "web")]
    judgement = Judgement(RULES, Arrival(source=source, endpoint="/v1/x", type=kind, received_at=RECEIVED_AT), 1)
    judgement.judge(0, case.body)
    return decode_frame(encode_frame(judgement.messages[0]))[0]


def code(message: Message) -> str:
    return message.code if isinstance(message, Refused) else "accepted"


def seen(touchpoint: Touchpoint, name: str) -> Any:
    value = getattr(touchpoint, name)
    return value.decode() if isinstance(value, bytes) else list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("case", MESSAGES, ids=str)
def test_the_decoder_judges_a_message(case: Case) -> None:
    assert code(judged(case, "")) == case.verdict


@pytest.mark.parametrize("case", RECEIPTS, ids=str)
def test_the_decoder_judges_a_receipt(case: Case) -> None:
    assert code(judged(case, "receipt")) == case.verdict


@pytest.mark.parametrize("case", [case for case in MESSAGES if case.becomes], ids=str)
def test_a_message_becomes_its_touchpoint(case: Case) -> None:
    found = judged(case, "")
    assert isinstance(found, Touchpoint)
    assert {name: seen(found, name) for name in case.becomes} == case.becomes


@pytest.mark.parametrize("case", [case for case in RECEIPTS if case.becomes], ids=str)
def test_a_receipt_becomes_its_touchpoint(case: Case) -> None:
    found = judged(case, "receipt")
    assert isinstance(found, Touchpoint)
    assert {name: seen(found, name) for name in case.becomes} == case.becomes


@pytest.mark.parametrize("case", [case for case in MESSAGES if case.cannot != "json"], ids=str)
def test_the_schema_judges_a_message_as_the_decoder_does(case: Case) -> None:
    accepted = VALIDATORS["message"].is_valid(json.loads(case.body))
    assert accepted == (case.verdict == "accepted" or bool(case.cannot))


@pytest.mark.parametrize("case", [case for case in RECEIPTS if case.cannot != "json"], ids=str)
def test_the_schema_judges_a_receipt_as_the_decoder_does(case: Case) -> None:
    accepted = VALIDATORS["receipt"].is_valid(json.loads(case.body))
    assert accepted == (case.verdict == "accepted" or bool(case.cannot))


def test_every_excuse_of_the_schema_is_explained_and_used() -> None:
    assert {case.cannot for case in [*MESSAGES, *RECEIPTS]} - {""} == set(schema.CANNOT_SAY)


@pytest.mark.parametrize("name", ["message", "receipt"])
def test_the_published_schema_is_up_to_date_and_valid(name: str) -> None:
    published = Path(__file__).parents[2] / "docs" / "schemas" / f"{name}.schema.json"
    assert json.loads(published.read_text("utf-8")) == schema.schemas()[name]
    Draft202012Validator.check_schema(schema.schemas()[name])


def test_the_corpus_has_a_case_of_every_refusal_of_items() -> None:
    from ingest.refusals import TABLE

    of_items = {code for code, row in TABLE.items() if row.status is None}
    seen_in_corpus = {case.verdict for case in [*MESSAGES, *RECEIPTS]}
    assert of_items - seen_in_corpus == {
        "invalid_encoding",
        "unmapped",
    }  # a file in UTF-8 cannot hold one, mappings make the other


def test_copies_that_say_the_same_have_the_same_hash_and_others_do_not() -> None:
    first = judged(Case(name="", verdict="", item={"type": "page", "anonymousId": "a", "messageId": "1"}), "")
    again = judged(Case(name="", verdict="", item={"type": "page", "anonymousId": "a", "messageId": "1"}), "")
    other = judged(Case(name="", verdict="", item={"type": "page", "anonymousId": "a", "messageId": "1", "x": 1}), "")
    hashes = [message.content_hash for message in (first, again, other) if isinstance(message, Touchpoint)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_dead_letters_are_whole_and_the_same_when_refused_again() -> None:
    case = Case(name="", verdict="", item={"type": "track", "messageId": "m9", "writeKey": "secret-key-1"})
    letters = [judged(case, ""), judged(case, "")]
    assert letters[0] == letters[1]
    assert isinstance(letters[0], Refused)
    assert msgspec.json.decode(letters[0].body) == {"type": "track", "messageId": "m9", "writeKey": ""}
    assert letters[0].message_id == "m9"
