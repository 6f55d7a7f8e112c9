"""``Receipt Claimed``: somebody says that a receipt which names nobody is theirs (DESIGN section 2, rule 5)."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ingest.identifiers import Identifiers, Reader
from ingest.receipt_key import Part, day_of, receipt_key
from ingest.refusals import Code, ItemRefusedError
from ingest.sources import Joins
from ingest.text import text_of

CLAIM: Final = "Receipt Claimed"
KEY: Final = r"^receipt:[^/]+/[^/]*/[0-9]{4}-[0-9]{2}-[0-9]{2}/[^/]+$"
"""A receipt's key as its ``message_id`` has it, here and in the published schema."""
_KEY: Final = re.compile(KEY)
_NEEDS: Final = (
    f"{CLAIM} needs properties.receipt, the receipt's key, or properties.store_id, business_date, receipt_id"
)


class Claim(msgspec.Struct, gc=False):
    """What the properties say of the receipt: its key, or its parts."""

    receipt: str | None = None
    receipt_id: Part | None = None
    store_id: Part | None = None
    till_id: Part | None = None
    business_date: str | None = None


_decode: Final = msgspec.json.Decoder(Claim).decode


def with_claimed(found: Identifiers, joins: Joins, reader: Reader, properties: bytes) -> Identifiers:
    """The identifiers of a claim, the receipt's among them. Raises ``ItemRefusedError`` for one that would join
    nothing: it names no receipt or nobody, or comes from a source whose identifiers may not join contacts."""
    key = _receipt(properties)
    reader.check("the receipt's key", key)
    if not (found.user_id or found.contacts) or joins != "all":
        raise ItemRefusedError(
            Code.MISSING_IDENTIFIER, f"{CLAIM} needs a userId or a contact, from a source that joins all"
        )
    return msgspec.structs.replace(found, contacts=tuple(sorted({*found.contacts, key})))


def _receipt(properties: bytes) -> str:
    try:
        claim = _decode(properties or b"{}")
    except msgspec.ValidationError as error:
        raise ItemRefusedError(Code.INVALID_RECEIPT, str(error)[:200]) from None
    if claim.receipt:
        key = text_of(claim.receipt)
        if _KEY.fullmatch(key):
            return key
        raise ItemRefusedError(
            Code.INVALID_RECEIPT, "properties.receipt must be a key such as receipt:milan-1/3/2026-03-01/1001"
        )
    store_id, day, number = text_of(claim.store_id), text_of(claim.business_date), text_of(claim.receipt_id)
    if not (store_id and day and number):
        raise ItemRefusedError(Code.INVALID_RECEIPT, _NEEDS)
    return receipt_key(store_id, text_of(claim.till_id), day_of(day), number)
