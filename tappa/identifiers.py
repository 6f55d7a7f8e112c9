"""Identifiers as people type them, brought to the form in which ingest keeps them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from explore.asked import Typed
from explore.refusals import Code, RefusedError
from ingest.identifiers import Reader, camel
from ingest.refusals import ItemRefusedError
from ingest.settings import IdentitySettings
from stage_engine.identity.identifier import DEVICE, PREVIOUS, RECEIPT, USER

_OWN: Final = (USER, DEVICE, RECEIPT)


class Normaliser:
    """By the settings of ingest."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._reader = Reader(settings)
        self._contacts = {name: kind for kind in settings.contact_kinds for name in (kind, camel(kind))}
        self._kinds = (*_OWN, *settings.contact_kinds)

    def __call__(self, text: str) -> Typed:
        """The identifier. Of a kind that the settings do not name it is taken as it is, with a doubt: it may be from
        before they changed. Raises ``explore.refusals.RefusedError``."""
        kind, colon, value = text.strip().partition(":")
        if not colon or not value.strip():
            raise RefusedError(
                Code.INVALID_IDENTIFIER, f"{text!r} is no identifier: write {self._meant(text.strip())}."
            )
        if kind == PREVIOUS:
            raise RefusedError(
                Code.INVALID_IDENTIFIER,
                f"A previous id is a user's or a device's: write user:{value} or device:{value}.",
            )
        try:
            found = self._normal(kind, value)
        except ItemRefusedError as error:
            raise RefusedError(Code.INVALID_IDENTIFIER, f"{text!r} is no identifier: {error}") from None
        if found is None:
            return Typed(f"{kind}:{value}", self._unknown(kind, value))
        if not found:
            raise RefusedError(Code.INVALID_IDENTIFIER, f"{text!r} is no identifier: {self._why_not(kind)}.")
        return Typed(found)

    def _normal(self, kind: str, value: str) -> str | None:
        """None for a kind that is not known, ``""`` for a value that names nobody."""
        if kind in self._contacts:
            return self._reader.contact(self._contacts[kind], value, "")
        if kind == RECEIPT:
            return f"{kind}:{self._reader.text(kind, value)}"
        if kind in _OWN:
            text = self._reader.identifier(kind, value)
            return text and f"{kind}:{text}"
        return None

    def _unknown(self, kind: str, value: str) -> str:
        near = get_close_matches(kind.casefold(), self._kinds, n=3, cutoff=0.5)
        meant = f"did you mean {' or '.join(f'{one}:{value}' for one in near)}? " if near else ""
        return f"There is no kind of identifier {kind!r}: {meant}Known are {', '.join(self._kinds)}."

    def _meant(self, text: str) -> str:
        if not text or text.endswith(":"):
            return "kind:value, such as user:42"
        if "@" in text and "email" in self._kinds:
            return f"its kind first, such as email:{text}"
        if text.startswith("+") and "phone" in self._kinds:
            return f"its kind first, such as phone:{text}"
        return f"its kind first, such as user:{text} (kinds are {', '.join(self._kinds)})"

    def _why_not(self, kind: str) -> str:
        if kind == "email":
            return "it is no e-mail address, or on the block list of the settings"
        if kind == "phone":
            return "it is no phone number; write it with its country, such as phone:+393331234567"
        return "it is on the block list of the settings"
