"""The few members of context and properties that ingest looks at; whatever has another type than expected says
nothing."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw

from ingest.messages import ABSENT
from ingest.money import amount, currency, score
from ingest.text import decoded


class Page(msgspec.Struct, gc=False):
    """``context.page``."""

    url: str | None = None
    referrer: str | None = None


class Library(msgspec.Struct, gc=False):
    """``context.library``."""

    name: str | None = None


class Campaign(msgspec.Struct, gc=False):
    """``context.campaign``."""

    source: str | None = None
    medium: str | None = None
    name: str | None = None


class Context(msgspec.Struct, gc=False, rename="camel"):
    """``context``, as far as it is looked at."""

    channel: str | None = None
    library: Library | None = None
    page: Page | None = None
    campaign: Campaign | None = None
    referrer: Raw = ABSENT
    traits: Raw = ABSENT
    external_ids: Raw = ABSENT


class Properties(msgspec.Struct, gc=False):
    """``properties``, as far as they are looked at."""

    value: Raw = ABSENT
    revenue: Raw = ABSENT
    total: Raw = ABSENT
    currency: str | None = None
    channel: str | None = None
    url: str | None = None
    referrer: str | None = None
    score_kind: str | None = None
    score: int | float | str | None = None


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """What properties say in columns."""

    value: int | None = None
    currency: str = ""
    channel: str = ""
    url: str = ""
    referrer: str | None = None
    score_kind: str = ""
    score: float | None = None


NOTHING: Final = Meaning()
NO_CONTEXT: Final = Context()

_decode_context: Final = msgspec.json.Decoder(Context).decode
_decode_properties: Final = msgspec.json.Decoder(Properties).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_TEXTS: Final = ("currency", "channel", "url", "referrer", "score_kind")
_DECODERS: Final[dict[str, Any]] = {
    "channel": msgspec.json.Decoder(str).decode,
    "library": msgspec.json.Decoder(Library).decode,
    "page": msgspec.json.Decoder(Page).decode,
    "campaign": msgspec.json.Decoder(Campaign).decode,
}


def read_context(context: bytes) -> Context:
    """What a context (a JSON object, or nothing) says."""
    if not context:
        return NO_CONTEXT
    try:
        return _decode_context(context)
    except msgspec.ValidationError:
        members: dict[str, Raw] = _decode_members(context)
        typed = {name: found for name, decode in _DECODERS.items() if (found := _attempt(decode, members.get(name)))}
        return Context(
            **typed,
            referrer=members.get("referrer", ABSENT),
            traits=members.get("traits", ABSENT),
            external_ids=members.get("externalIds", ABSENT),
        )


def read_properties(properties: bytes, fallback_currency: str) -> Meaning:
    """What properties (a JSON object, or nothing) say. Money is ``value``, else ``revenue``, else ``total``."""
    if len(properties) < 3:
        return NOTHING
    try:
        found = _decode_properties(properties)
    except msgspec.ValidationError:
        found = _well_typed(properties)
    value = _money(found)
    money = currency(found.currency) if found.currency is not None else ""
    if value is not None and not money:
        money = fallback_currency
    kind, number = score(found.score_kind, found.score) if found.score_kind is not None else ("", None)
    return Meaning(value, money, found.channel or "", found.url or "", found.referrer, kind, number)


def _money(found: Properties) -> int | None:
    if found.value is ABSENT and found.revenue is ABSENT and found.total is ABSENT:
        return None  # nearly all
    for raw in (found.value, found.revenue, found.total):
        if raw is not ABSENT and (value := amount(bytes(raw))) is not None:
            return value
    return None


def _well_typed(properties: bytes) -> Properties:
    """Those properties that have the types they should have."""
    members: dict[str, Raw] = _decode_members(properties)
    money: dict[str, Any] = {name: members[name] for name in ("value", "revenue", "total") if name in members}
    texts: dict[str, Any] = {
        name: text for name in _TEXTS if name in members and isinstance(text := decoded(members[name]), str)
    }
    number = decoded(members["score"]) if "score" in members else None
    number_of: dict[str, Any] = {"score": number} if isinstance(number, int | float | str) else {}
    fields: dict[str, Any] = {**money, **texts, **number_of}
    return Properties(**fields)


def _attempt(decode: Any, raw: Raw | None) -> Any:
    try:
        return decode(raw) if raw is not None else None
    except msgspec.ValidationError:
        return None
