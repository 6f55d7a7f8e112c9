"""From a message of Segment's spec to the touchpoint that it is."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec
from msgspec.structs import replace

from ingest.acquisition import acquisition_channel
from ingest.arrival import Arrival, Rules
from ingest.channels import OFFLINE, channel
from ingest.claim import CLAIM, with_claimed
from ingest.identifiers import Identifiers, allowed
from ingest.messages import ABSENT, TYPES, Message, decode_message, json_object, merged
from ingest.payload import Context, Meaning, read_context, read_properties
from ingest.refusals import Code, ItemRefusedError
from ingest.text import text_of
from ingest.times import parse_time
from stage_engine.touchpoint import Touchpoint

EVENT_NAMES: Final = {
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identified",
    "group": "Group Joined",
    "alias": "Aliased",
}
"""The event of each type that has none of its own."""

_NEEDS: Final = {
    "group": (("groupId", "group_id"),),
    "alias": (("previousId", "previous_id"), ("userId", "user_id")),
}
_decode_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

TRANSACTIONS: Final = {"Order Completed": "sale", "Order Refunded": "return"}


def touchpoint_of(rules: Rules, arrival: Arrival, item: bytes) -> Touchpoint:
    """The touchpoint that a message is. Raises ``ItemRefusedError`` for one that is none."""
    message, extra = decode_message(item, rules.settings.depth_max)
    type_ = arrival.type or message.type or ""
    if type_ not in TYPES:
        raise ItemRefusedError(Code.UNKNOWN_TYPE)
    event = _event(type_, message)
    own = json_object(message.context, "context") if message.context is not ABSENT else b""
    context = merged(arrival.context, own) if arrival.context else own
    said = read_context(context)
    properties = json_object(message.properties, "properties") if message.properties is not ABSENT else b""
    traits = json_object(message.traits, "traits") if message.traits is not ABSENT else b""
    meaning = read_properties(properties, rules.currency)
    identifiers = _identifiers(rules, arrival, message, type_, traits, said)
    if event == CLAIM and type_ == "track":
        identifiers = with_claimed(identifiers, arrival.source.joins, rules.reader, properties)
    original, occurred_at = _times(rules, arrival, message)
    where = channel(
        said.channel or "",
        message.channel or "",
        meaning.channel,
        said.library.name or "" if said.library is not None else "",
        type_,
        arrival.source.channel,
    )
    digest = blake2b(item, digest_size=16)
    if arrival.context:
        digest.update(arrival.context)
    # in two steps, because a call with more than 15 names is compiled to one that puts them into a dict first, and
    # that costs 1.2 µs instead of 0.5
    touchpoint = Touchpoint(
        source=arrival.source.name,
        message_id=rules.reader.text("messageId", message.message_id) or rules.new_id(),
        type=type_,
        event=event,
        name=message.name or "",
        channel=where,
        acquisition_channel=_acquisition(said, meaning, type_),
        occurred_at=occurred_at,
        original_timestamp=original,
        received_at=arrival.received_at,
        user_id=identifiers.user_id,
        anonymous_id=identifiers.anonymous_id,
        properties=properties,
        context=context,
        content_hash=digest.digest(),
    )
    return replace(
        touchpoint,
        offline=where in OFFLINE,
        previous_id=identifiers.previous_id,
        group_id=rules.reader.text("groupId", message.group_id) if message.group_id is not None else "",
        contacts=identifiers.contacts,
        traits=traits,
        extra=extra,
        value=meaning.value,
        currency=meaning.currency,
        transaction=TRANSACTIONS.get(event, "") if type_ == "track" else "",
        score_kind=meaning.score_kind,
        score=meaning.score,
    )


def _event(type_: str, message: Message) -> str:
    if type_ != "track":
        return EVENT_NAMES[type_]
    if not message.event or not message.event.strip():
        raise ItemRefusedError(Code.MISSING_FIELD, "track needs event")
    return message.event


def _identifiers(
    rules: Rules, arrival: Arrival, message: Message, type_: str, traits: bytes, said: Context
) -> Identifiers:
    if type_ in _NEEDS:
        _check_needed(type_, message)
    reader = rules.reader
    user_id = reader.identifier("userId", message.user_id) if message.user_id is not None else ""
    device = reader.identifier("anonymousId", message.anonymous_id) if message.anonymous_id is not None else ""
    names_nobody = type_ != "identify" and said.traits is ABSENT and said.external_ids is ABSENT
    found = Identifiers(
        user_id,
        "" if arrival.source.channel in OFFLINE else device,
        reader.identifier("previousId", message.previous_id) if type_ == "alias" and user_id else "",
        () if names_nobody else _contacts(rules, arrival, type_, traits, said),
    )
    if arrival.source.joins != "all":
        found = allowed(found, arrival.source.joins)
    if arrival.receipt and arrival.source.joins == "all":
        reader.check("the order's key", arrival.receipt)
        found = replace(found, contacts=tuple(sorted({*found.contacts, arrival.receipt})))
    if not (found.user_id or found.contacts or found.anonymous_id):
        raise ItemRefusedError(Code.MISSING_IDENTIFIER)
    return found


def _check_needed(type_: str, message: Message) -> None:
    for field, attribute in _NEEDS[type_]:
        if not text_of(getattr(message, attribute)):
            raise ItemRefusedError(Code.MISSING_FIELD, f"{type_} needs {field}")


def _contacts(rules: Rules, arrival: Arrival, type_: str, traits: bytes, said: Context) -> tuple[str, ...]:
    reader, country = rules.reader, arrival.source.phone_country
    found: set[str] = set()
    if type_ == "identify" and reader.may_have_contacts(traits):
        found.update(reader.named(_members(traits), country))
    if said.traits is not ABSENT and reader.may_have_contacts(bytes(said.traits)):
        found.update(reader.named(_members(bytes(said.traits)), country))
    if said.external_ids is not ABSENT:
        found.update(reader.external(said.external_ids, country))
    return tuple(sorted(found)) if found else ()


def _members(raw: bytes) -> dict[str, msgspec.Raw]:
    return _decode_members(raw) if raw[:1] == b"{" else {}


def _times(rules: Rules, arrival: Arrival, message: Message) -> tuple[int, int]:
    """The time as the sender wrote it, and corrected; without one, the time of receipt."""
    said = message.timestamp
    if said is None or said == "":
        return arrival.received_at, arrival.received_at
    try:
        original = parse_time(said)
    except (ValueError, OverflowError) as error:
        raise ItemRefusedError(Code.INVALID_TIMESTAMP, str(error)[:100]) from None
    occurred_at = original + arrival.correction
    browser, clock, received_at = arrival.source.browser, rules.clock, arrival.received_at
    if browser or original != occurred_at or not clock.earliest <= original <= received_at:  # nearly none
        clock.check(occurred_at, original, received_at, browser=browser)
    return original, occurred_at


def _acquisition(said: Context, meaning: Meaning, type_: str) -> str:
    campaign, page = said.campaign, said.page
    if campaign is None and page is None and not meaning.url:
        return ""
    by_client = (
        (campaign.source or "", campaign.medium or "", campaign.name or "") if campaign is not None else ("", "", "")
    )
    url = (page.url if page is not None else None) or meaning.url
    referrer = page.referrer if page is not None else None
    return acquisition_channel(
        by_client, url or "", referrer if referrer is not None else meaning.referrer, opened=type_ == "page"
    )
