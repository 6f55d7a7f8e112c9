"""The published JSON Schemas (2020-12) of a message and of a receipt, as the default settings judge them.

``python -m ingest.schema`` writes them to ``docs/schemas``. The golden corpus in ``tests/ingest/corpus`` is judged by
them and by the decoder, with the same verdicts; what a schema cannot say is in ``CANNOT_SAY``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ingest.claim import CLAIM, KEY
from ingest.identifiers import camel
from ingest.messages import TYPES
from ingest.money import AMOUNT_MAX, CURRENCY, NUMBER
from ingest.settings import IdentitySettings, IngestSettings
from ingest.times import DAY, ISO_8601, ISO_8601_WITH_OFFSET, MILLISECONDS_TO, SECONDS_FROM, SINCE_1970

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

CANNOT_SAY: Final = {
    "json": "It is not JSON, or not UTF-8: there is nothing that a schema could look at.",
    "time": "The time is implausible, too old for a browser source, or no day of the calendar.",
    "block_list": "The value is on the block list.",
    "contact": "The contact is no plausible e-mail address or phone number.",
    "claim": "Nobody claims the receipt, its day is none, or the source may not join contacts.",
    "size": "The item has too many bytes, or is nested too deeply.",
    "amount": "The text is a number, but an implausibly large one.",
    "key": "The parts of the receipt's key are too long together.",
}
"""Why a schema accepts what ingest refuses: marks in the corpus, with what they mean."""

Schema = dict[str, Any]

_NO_NUL: Final = "^[^\\u0000]*$"
_FILLED: Final = {"pattern": "\\S"}


def message_schema(settings: IngestSettings, identity: IdentitySettings) -> Schema:
    """The schema of one message of a batch."""
    identifier = _identifier(identity.identifier_bytes_max)
    contacts = {"anyOf": [{"required": [name]} for name in _contact_names(identity)]}
    context = {"type": ["object", "null"], "description": "Where and with what it happened: page, campaign, library, …"}
    return {
        "$schema": DIALECT,
        "title": "Message",
        "description": "One touchpoint, after Segment's spec. Fields that are not listed are kept.",
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"enum": list(TYPES), "description": "What it is."},
            "messageId": {**identifier, "description": "Its id: sent again with it, it is still one touchpoint."},
            "userId": {**identifier, "description": "The user's id in your own system."},
            "anonymousId": {**identifier, "description": "The id of a browser or an app."},
            "previousId": {**identifier, "description": "Of an alias: the id that goes."},
            "groupId": {**identifier, "description": "Of a group: its id."},
            "event": {"type": ["string", "null"], "description": "Of a track: what happened."},
            "name": {"type": ["string", "null"], "description": "Of a page or screen: its name."},
            "channel": {
                "type": ["string", "null"],
                "description": "Where it happened: web, app, store, call_centre, …",
            },
            "timestamp": {**_timestamp(), "description": "When it happened. Without it: when it arrives."},
            "properties": {"type": ["object", "null"], "description": "What is to be said about it."},
            "traits": {"type": ["object", "null"], "description": "Of an identify: what is known about the person."},
            "context": context,
        },
        "allOf": [
            _if_type("track", {"required": ["event"], "properties": {"event": {"type": "string", **_FILLED}}}),
            _if_type("group", _with("groupId")),
            _if_type("alias", _with("previousId", "userId")),
            _claim(),
            {
                "anyOf": [
                    _with("userId"),
                    _with("anonymousId"),
                    {"required": ["traits"], "properties": {"type": {"const": "identify"}, "traits": contacts}},
                    {"required": ["context"], "properties": {"context": {**_with_object("traits", contacts)}}},
                    {
                        "required": ["context"],
                        "properties": {"context": {**_with_object("externalIds", {"type": "array", "minItems": 1})}},
                    },
                ]
            },
        ],
    }


def receipt_schema(settings: IngestSettings, identity: IdentitySettings) -> Schema:
    """The schema of one receipt."""
    part = _key_part(identity.identifier_bytes_max)
    number = {
        "anyOf": [
            {"type": "number", "minimum": -AMOUNT_MAX, "maximum": AMOUNT_MAX},
            {"type": "string", "pattern": NUMBER, "maxLength": 64},
        ]
    }
    optional_number = {"anyOf": [*number["anyOf"], {"type": "null"}]}
    day = {"anyOf": [{"type": "string", "pattern": DAY}, {"enum": ["", None]}]}
    scalar = {"type": ["string", "number", "null"], "pattern": _NO_NUL}
    referred = {
        "type": "object",
        "required": ["receipt_id"],
        "properties": {
            "receipt_id": _key_part(identity.identifier_bytes_max, empty=True),
            "store_id": _optional(part),
            "till_id": _optional(part),
            "business_date": day,
        },
    }
    return {
        "$schema": DIALECT,
        "title": "Receipt",
        "description": "One receipt of a till. Fields that are not listed are kept.",
        "type": "object",
        "required": ["receipt_id", "store_id", "sold_at", "total", "currency"],
        "properties": {
            "receipt_id": {**part, "description": "Its number. Key: store, till, business date, number."},
            "store_id": {**part, "description": "The store."},
            "till_id": {**_optional(part), "description": "The till."},
            "business_date": {
                **day,
                "description": "The day that the till books it on. Without it: the local day of sold_at.",
            },
            "sold_at": {
                "type": "string",
                "pattern": ISO_8601_WITH_OFFSET,
                "description": "When it was sold: ISO 8601 with the offset from UTC.",
            },
            "total": {**number, "description": "What was paid, or given back."},
            "currency": {"type": "string", "pattern": CURRENCY, "description": "ISO 4217, such as EUR."},
            "kind": {
                "enum": ["sale", "return", "exchange", "void", None],
                "description": "What it is. Without it: a return if the total is negative, else a sale.",
            },
            "lines": {
                "type": "array",
                "maxItems": settings.receipt_lines_max,
                "items": {
                    "type": "object",
                    "required": ["sku", "quantity", "unit_price"],
                    "properties": {
                        "sku": {"type": ["string", "integer"]},
                        "name": {"type": ["string", "null"]},
                        "quantity": number,
                        "unit_price": number,
                        "discount": optional_number,
                        "category": {"type": ["string", "null"]},
                    },
                },
            },
            "discount": {**optional_number, "description": "Off the whole receipt, beside the lines' own."},
            "tax": {
                **optional_number,
                "description": "The taxes in total, or on top of it where tax_included is false.",
            },
            "payments": {"type": ["array", "null"], "maxItems": settings.receipt_lines_max},
            "customer": {
                "type": ["object", "null"],
                "description": "Who bought, as far as the till knows.",
                "properties": {"user_id": scalar},
            },
            "refers_to": {
                "description": "Of a return, exchange or void: the sale. Its number, if store, till and day are the "
                "same, else an object with the parts that differ.",
                "anyOf": [{"type": ["string", "integer", "null"]}, referred],
            },
        },
        "if": {"required": ["kind"], "properties": {"kind": {"const": "void"}}},
        "then": {"required": ["refers_to"], "properties": {"refers_to": {"not": {"enum": ["", None]}}}},
    }


def write(folder: Path) -> None:
    """Write both schemas, as the default settings judge, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / f"{name}.schema.json").write_text(
            json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def schemas() -> dict[str, Schema]:
    """Both schemas by name, for the default settings."""
    settings, identity = IngestSettings(), IdentitySettings()
    return {"message": message_schema(settings, identity), "receipt": receipt_schema(settings, identity)}


def _identifier(characters_max: int) -> Schema:
    return {"type": ["string", "number", "null"], "maxLength": characters_max, "pattern": _NO_NUL}


def _key_part(characters_max: int, *, empty: bool = False) -> Schema:
    pattern = _NO_NUL if empty else "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"
    return {"type": ["string", "integer"], "maxLength": characters_max, "pattern": pattern}


def _optional(part: Schema) -> Schema:
    return {**part, "type": [*part["type"], "null"], "pattern": _NO_NUL}


def _timestamp() -> Schema:
    return {
        "anyOf": [
            {"type": "string", "pattern": ISO_8601},
            {"type": "string", "pattern": SINCE_1970},
            {"type": "number", "minimum": SECONDS_FROM, "exclusiveMaximum": MILLISECONDS_TO},
            {"enum": ["", None]},
        ]
    }


def _contact_names(identity: IdentitySettings) -> list[str]:
    return sorted({name for kind in identity.contact_kinds for name in (kind, camel(kind))})


def _with(*names: str) -> Schema:
    return {"required": list(names), "properties": {name: {"type": ["string", "number"], **_FILLED} for name in names}}


def _with_object(name: str, schema: Schema) -> Schema:
    return {"type": "object", "required": [name], "properties": {name: schema}}


def _claim() -> Schema:
    """Of a ``Receipt Claimed``: which receipt, and by whom."""
    parts = {"required": ["store_id", "business_date", "receipt_id"]}
    return {
        "if": {"required": ["event"], "properties": {"type": {"const": "track"}, "event": {"const": CLAIM}}},
        "then": {
            "required": ["properties"],
            "properties": {
                "properties": {
                    "type": "object",
                    "anyOf": [{"required": ["receipt"]}, parts],
                    "properties": {"receipt": {"type": ["string", "null"], "pattern": KEY}},
                }
            },
        },
    }


def _if_type(type_: str, then: Schema) -> Schema:
    return {"if": {"properties": {"type": {"const": type_}}}, "then": then}


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "docs" / "schemas")
