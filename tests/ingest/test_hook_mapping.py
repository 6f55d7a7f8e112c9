"""Webhooks of any sender, made into messages by a mapping: the sample of an e-mail provider, and what a mapping may
say."""

from __future__ import annotations

import json
from base64 import b64encode
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from ingest.files.mapping import MappingError
from ingest.files.values import RowError
from ingest.hooks.mapping import Mapped, hook_mapping_schema, load_hook_mapping, mapped
from ingest.hooks.settings import Hook
from ingest.hooks.signature import check_signature, signature
from ingest.refusals import RequestRefusedError
from stage_engine.yaml_source import read_source
from tests.ingest.service import Service
from tests.ingest.signing import NOW_S, signed

ROOT = Path(__file__).parents[2]
EVENTS: list[dict[str, Any]] = json.loads((ROOT / "samples" / "email" / "events.json").read_text("utf-8"))
MESSAGE = "version: 1\nmessage:\n  type: {constant: track}\n"


async def mail(service: Service, payload: Any, *, secret: str = "") -> httpx.Response:
    raw = json.dumps(payload).encode()
    return await service.post("/v1/hooks/mapped/mapped", raw, key=None, headers=signed("mapped", raw, secret=secret))


def message(mapping: str, payload: Any) -> dict[str, Any]:
    ready = mapped(mapping)
    [element] = ready.elements(payload)
    found: dict[str, Any] = json.loads(ready.message(element))
    return found


async def test_what_an_email_provider_tells_becomes_touchpoints_of_whom_the_mail_was_for(service: Service) -> None:
    answer = await mail(service, EVENTS)
    assert answer.json() == {"success": True, "accepted": 4, "rejected": []}
    found = await service.touchpoints()
    by_time = sorted(found, key=lambda one: (one.occurred_at, one.event))
    assert [(one.event, one.channel, one.contacts) for one in by_time] == [
        ("Email Delivered", "email", ("email:ann@shop.example",)),
        ("Email Opened", "email", ("email:ann@shop.example",)),
        ("Email Link Clicked", "email", ("email:ann@shop.example",)),
        ("Unsubscribed", "email", ("email:bob@shop.example",)),
    ]
    assert [one.occurred_at for one in by_time] == [event["timestamp"] * 1000 for event in EVENTS[1:]]
    assert by_time[0].message_id == f"mail:{EVENTS[1]['sg_event_id']}"
    assert json.loads(by_time[0].properties)["category"] == ["spring", "boots"]
    assert json.loads(by_time[2].properties)["url"] == EVENTS[3]["url"]


async def test_an_event_that_is_told_again_in_another_list_is_one_touchpoint(service: Service) -> None:
    await mail(service, EVENTS)
    await mail(service, [EVENTS[3], {**EVENTS[2], "sg_event_id": "other"}])
    assert len({one.identity for one in await service.touchpoints()}) == 5


async def test_what_cannot_be_mapped_is_a_dead_letter_and_the_rest_of_the_list_counts(service: Service) -> None:
    strange = {**EVENTS[1], "event": "teleported"}
    nobody = {**EVENTS[1], "email": ""}
    no_time = {**EVENTS[1], "timestamp": "soon"}
    answer = await mail(service, [strange, EVENTS[1], "text", nobody, no_time, EVENTS[2]])
    said = answer.json()
    assert (answer.status_code, said["accepted"]) == (200, 2)
    codes = [(one["index"], one["code"]) for one in said["rejected"]]
    assert codes == [(0, "unmapped"), (2, "unmapped"), (3, "missing_identifier"), (4, "unmapped")]
    letters = {letter.reason: letter for letter in await service.refused()}
    [of_strange] = [letter for reason, letter in letters.items() if "teleported" in reason]
    assert json.loads(of_strange.body) == strange
    assert (of_strange.source, of_strange.endpoint) == ("mapped", "/v1/hooks/mapped")
    assert await service.metric('tappa_ingest_rejected_total{code="unmapped"}') == 3


async def test_while_a_secret_is_replaced_both_sign_a_mapped_webhook(service: Service) -> None:
    answers = [await mail(service, EVENTS, secret=secret) for secret in ("mail-new", "mail-old", "mail-older")]
    assert [answer.status_code for answer in answers] == [200, 200, 401]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
async def test_a_signed_payload_that_is_no_json_is_refused_as_a_whole(service: Service, body: bytes) -> None:
    answer = await service.post("/v1/hooks/mapped/mapped", body, key=None, headers=signed("mapped", body))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")


@pytest.mark.parametrize("odd", [None, 1, 1.5, True, "", "x", [], {}, [1], {"a": []}, [[]], 10**400, "\0"])
async def test_whatever_a_payload_has_where_something_else_should_be_is_no_5xx(service: Service, odd: Any) -> None:
    payloads: list[Any] = [odd, [odd], *([{**EVENTS[3], name: odd}] for name in EVENTS[3])]
    assert {(await mail(service, payload)).status_code for payload in payloads} <= {200, 400}


def test_paths_lead_into_objects_lists_and_the_whole_payload() -> None:
    mapping = (
        "version: 1\neach: data.events\nskip: {kind: [ping, debug*]}\nmessage:\n"
        "  userId: person.ids.0\n  anonymousId: {paths: [device, $.device]}\n"
        "  event: {template: '{$.app.name}: {kind} {count}'}\n  properties.person: person\n"
        "  properties.price: {path: price, default: 0}\n  properties.whole: {path: price, as: integer}\n"
    )
    events = [
        {"kind": "ping"},
        {"kind": "debug 1"},
        {"kind": "view", "person": {"ids": [7, 8]}, "count": 2.50, "price": Decimal("12.0")},
    ]
    raw = json.dumps({"app": {"name": "shop"}, "device": "d", "data": {"events": events}}, default=float)
    found = message(mapping, json.loads(raw))
    assert found.pop("messageId").startswith("mapped:")
    assert found == {
        "userId": 7,
        "anonymousId": "d",
        "event": "shop: view 2.5",
        "properties": {"person": {"ids": [7, 8]}, "price": 12.0, "whole": 12},
    }


def test_an_element_without_an_id_gets_one_from_its_content_whatever_the_order_of_its_members() -> None:
    mapping = MESSAGE + "  event: {constant: Called}\n"
    one, same, other = ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, {"a": 1, "b": [3]})
    ids = [message(mapping, element)["messageId"] for element in (one, same, other)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("odd", ["many", [], {}, True])
@pytest.mark.parametrize("cast", ["number", "integer"])
def test_what_is_no_number_makes_no_message(cast: str, odd: Any) -> None:
    with pytest.raises(RowError, match="is no number"):
        message(MESSAGE + f"  properties.price: {{path: price, as: {cast}}}\n", {"price": odd})


def test_a_payload_without_the_list_that_the_mapping_names_is_told() -> None:
    ready: Mapped = mapped("version: 1\neach: events\nmessage: {userId: u}\n")
    with pytest.raises(RowError, match="no list at 'events'"):
        ready.elements({"event": []})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\n", "m.yaml:1: message: Field required"),
        (MESSAGE + "  event: {column: a}\n", "m.yaml:4: message.event.column: Extra inputs"),
        (
            MESSAGE + "  event: {path: a, constant: b}\n",
            "m.yaml:4: message.event: Value error, give exactly one of path",
        ),
        (MESSAGE + "  event: a..b\n", "m.yaml:4: message.event.path: String should match"),
        (
            MESSAGE + "  timestamp: {path: t, time: {zone: Rome}}\n",
            "m.yaml:4: message.timestamp.time.zone: Value error",
        ),
        (MESSAGE + "  event: {template: '{a..b}'}\n", "m.yaml: the path 'a..b' has an empty part"),
        (MESSAGE + "  event: &x a\n", "m.yaml:4: anchors"),
        ("version: 1\nmesage: {}\nmessage: {event: e}\n", "m.yaml:2: mesage: Extra inputs"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_field(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(MappingError) as caught:
        load_hook_mapping(tmp_path / "m.yaml")
    assert said in str(caught.value).replace(f"{tmp_path}/", "")


def test_the_sample_is_valid_by_the_published_schema() -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / "hook-mapping.schema.json").read_text())
    assert schema == hook_mapping_schema()
    text = (ROOT / "samples" / "email" / "hook.yaml").read_text("utf-8")
    jsonschema.Draft202012Validator(schema).validate(read_source(text).data)


def test_the_mapping_that_the_page_shows_can_be_used() -> None:
    page = (ROOT / "docs" / "hooks.md").read_text("utf-8")
    shown = page.partition("```yaml\n")[2].partition("```")[0]
    payload = {"account": {"name": "shop"}, "data": {"events": [EVENTS[0], EVENTS[3]]}}
    found = message(shown, payload)
    assert (found["event"], found["properties"]) == (
        "Email Link Clicked",
        {"url": EVENTS[3]["url"], "account": "shop"},
    )


def test_only_a_mapped_webhook_has_a_mapping_and_a_broken_one_is_told() -> None:
    for wanted in ({"kind": "mapped"}, {"kind": "signed", "mapping": MESSAGE}, {"kind": "mapped", "mapping": "x: 1"}):
        with pytest.raises(ValueError, match="mapping"):
            Hook.model_validate({"secrets": ["secret-of-mine"], **wanted})


KEY = b"thirty-two bytes, as they advise"
STANDARD = Hook(
    kind="mapped", scheme="standard", mapping=MESSAGE, secrets=("whsec_" + b64encode(KEY).decode(), "plain-secret")
)


@pytest.mark.parametrize("key", [KEY, b"plain-secret"])
def test_standard_webhooks_are_taken_with_either_secret_and_one_right_signature_of_several(key: bytes) -> None:
    digest = signature(key, b"msg_1.%d.{}" % NOW_S, in_hex=False)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW_S),
        "webhook-signature": f"v1,AAAA v1a,x v1,{digest}",
    }
    check_signature(STANDARD, headers, b"{}", NOW_S)
    for changed in ({"webhook-id": "msg_2"}, {"webhook-timestamp": str(NOW_S - 1)}, {"webhook-signature": digest}):
        with pytest.raises(RequestRefusedError, match="not that of this body"):
            check_signature(STANDARD, {**headers, **changed}, b"{}", NOW_S)
    with pytest.raises(RequestRefusedError, match="not that of this body"):
        check_signature(STANDARD, headers, b"[]", NOW_S)
    with pytest.raises(RequestRefusedError, match="older"):
        check_signature(STANDARD, headers, b"{}", NOW_S + STANDARD.window_s + 1)
