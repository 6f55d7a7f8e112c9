"""What in a message names a person or a device, in the one form that all senders' values take (DESIGN 3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from unicodedata import normalize

import msgspec
import phonenumbers
from msgspec import Raw

from ingest.refusals import Code, ItemRefusedError
from ingest.settings import IdentitySettings
from ingest.sources import Joins
from ingest.text import Scalar, decoded, text_of

PHONE_CHARACTERS_MAX: Final = 40
EXTERNAL_IDS_MAX: Final = 32
"""Entries of ``context.externalIds`` that are looked at."""

NAMES: Final = (str, int, float)
"""Types of values that name somebody, a tuple because a union would be put together anew for each value."""

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)*")
_INVISIBLE: Final = "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff" + (
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Characters without a width, such as a byte order mark: copied along with an id from a page or a table."""
_EDGES: Final = _INVISIBLE + "".join(filter(str.isspace, map(chr, range(0x3001))))
_WITHOUT_INVISIBLE: Final = dict.fromkeys(map(ord, _INVISIBLE))


class Identifiers(msgspec.Struct, frozen=True, gc=False):
    """The identifiers that a touchpoint carries."""

    user_id: str
    anonymous_id: str
    previous_id: str
    contacts: tuple[str, ...]


class Reader:
    """Reads identifiers by one set of rules. Pure, but for the memory of phone numbers already parsed."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._bytes_max = settings.identifier_bytes_max
        self._characters_max = settings.identifier_bytes_max // 4
        block_list = [normalize("NFC", entry).casefold() for entry in settings.block_list]
        self._blocked = frozenset(entry for entry in block_list if not entry.endswith("*"))
        self._blocked_starts = tuple(entry[:-1] for entry in block_list if entry.endswith("*"))
        self._unblocked = _unblocked({entry[:1] for entry in (*self._blocked, *self._blocked_starts)})
        self._default_country = settings.phone_country
        self._kinds = {name: kind for kind in settings.contact_kinds for name in (kind, camel(kind))}
        self._e164 = lru_cache(maxsize=settings.phone_cache_entries)(_e164)
        self._markers = tuple(f'"{name}"'.encode() for name in self._kinds)

    def identifier(self, field: str, value: Scalar) -> str:
        """An id in its one form, which of an e-mail address is the address's; ``""`` for one that is missing or on the
        block list. Raises ``ItemRefusedError`` for one that cannot be an id."""
        if value is None:
            return ""
        text = self.text(field, value)
        if "@" in text and "." in (found := address(text)).partition("@")[2]:
            text = found
            self.check(field, text)
        return text if text[:1] in self._unblocked or not self.is_blocked(text) else ""

    def text(self, field: str, value: Scalar) -> str:
        """The value as ``text_of`` has it, without invisible characters at its ends. Raises ``ItemRefusedError`` for
        one that cannot be an id."""
        text = value.strip() if isinstance(value, str) and value.isascii() else text_of(value).strip(_EDGES)
        if len(text) > self._characters_max or "\0" in text:
            self.check(field, text)
        return text

    def check(self, field: str, text: str) -> None:
        """Raises ``ItemRefusedError`` when the text is too long for an identifier or contains NUL."""
        if len(text) > self._characters_max and len(text.encode()) > self._bytes_max:
            raise ItemRefusedError(Code.INVALID_IDENTIFIER, f"{field} has more than {self._bytes_max} bytes")
        if "\0" in text:
            raise ItemRefusedError(Code.INVALID_IDENTIFIER, f"{field} contains a NUL character")

    def is_blocked(self, text: str) -> bool:
        """Whether the value is on the block list, or of zeros only, or empty."""
        if text[:1] in "0-" and not text.strip("0-"):
            return True
        lowered = text.casefold()
        return lowered in self._blocked or lowered.startswith(self._blocked_starts)

    def may_have_contacts(self, raw: bytes) -> bool:
        """Whether the name of a contact occurs in a JSON object: a cheap look before it is parsed."""
        return any(marker in raw for marker in self._markers)

    def contact(self, kind: str, value: Any, country: str) -> str:
        """``kind:value``, or ``""`` when the value does not name anybody: not a text or number, on the block list, or
        no plausible e-mail address or phone number. Raises ``ItemRefusedError`` like ``identifier``."""
        if not isinstance(value, NAMES) or isinstance(value, bool):
            return ""
        if kind == "email":
            text = address(self.text(kind, value))
            self.check(kind, text)
            return f"email:{text}" if text and not self.is_blocked(text) else ""
        text = self.identifier(kind, value)
        if not text:
            return ""
        if kind == "phone":
            number = self._e164(text, country or self._default_country)
            return f"phone:{number}" if number else ""
        return f"{kind}:{text}"

    def named(self, members: Mapping[str, Raw], country: str) -> Iterator[str]:
        """The contacts among the members of a JSON object (traits, a receipt's customer), by their names."""
        for name, kind in self._kinds.items():
            if name in members and (contact := self.contact(kind, decoded(members[name]), country)):
                yield contact

    def external(self, entries: Raw, country: str) -> Iterator[str]:
        """The contacts of ``context.externalIds``: entries whose ``type`` is a kind of contact."""
        found = decoded(entries)
        for entry in found[:EXTERNAL_IDS_MAX] if isinstance(found, list) else ():
            kind = self._kinds.get(str(entry.get("type"))) if isinstance(entry, dict) else None
            if kind and (contact := self.contact(kind, entry.get("id"), country)):
                yield contact


def allowed(found: Identifiers, joins: Joins) -> Identifiers:
    """What is left of the identifiers when a source may join only so much (DESIGN 3.1): ``all``: everything;
    ``device``: users and devices, no contacts; ``nothing``: the home identifier alone, so that the touchpoint joins
    nobody to anybody."""
    if joins == "all":
        return found
    if joins == "device":
        return Identifiers(found.user_id, found.anonymous_id, found.previous_id, ())
    if found.user_id:
        return Identifiers(found.user_id, "", "", ())
    if found.contacts:
        return Identifiers("", "", "", (min(found.contacts),))
    return Identifiers("", found.anonymous_id, "", ())


def address(text: str) -> str:
    """An e-mail address in the form that is the same for all spellings which differ only by the case of letters, by
    Unicode form or width, or by invisible characters (Unicode's NFKC_Casefold); ``""`` for what has not the form of
    one."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = normalize("NFD", text.translate(_WITHOUT_INVISIBLE)).casefold()
        folded = normalize("NFKC", normalize("NFKC", folded).casefold())
    return folded if _EMAIL.fullmatch(folded) else ""


def _unblocked(firsts: set[str]) -> frozenset[str]:
    """The ASCII characters that no blocked value begins with, in either case: most ids begin with one of them, and that
    is seen in a third of the time of ``is_blocked``. ``firsts`` are the first characters of the block list."""
    ascii_characters = map(chr, range(128) if "" not in firsts else ())
    return frozenset(character for character in ascii_characters if character.casefold() not in firsts | {"0", "-"})


def _e164(text: str, country: str) -> str:
    if len(text) > PHONE_CHARACTERS_MAX:
        return ""
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def camel(kind: str) -> str:
    """``loyalty_card`` as ``loyaltyCard``."""
    first, *rest = kind.split("_")
    return first + "".join(part.capitalize() for part in rest)
