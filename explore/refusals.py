"""The table of refusals of the read side: what a reader is told, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec


class Code(StrEnum):
    """What an answer names a refusal by."""

    MISSING_READ_KEY = "missing_read_key"
    UNKNOWN_READ_KEY = "unknown_read_key"
    WRITE_KEY = "write_key"
    INVALID_PARAMETER = "invalid_parameter"
    INVALID_IDENTIFIER = "invalid_identifier"
    UNKNOWN_KIND = "unknown_kind"
    NEVER_SEEN = "never_seen"
    NOBODYS = "nobodys"
    TOO_MANY_READERS = "too_many_readers"
    STORE_UNAVAILABLE = "store_unavailable"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table."""

    status: int
    sentence: str
    """For a person: what is wrong and what to do."""


TABLE: Final[Mapping[Code, Refusal]] = MappingProxyType({
    Code.MISSING_READ_KEY: Refusal(
        status=401,
        sentence="There is no read key: send it as `Authorization: Bearer KEY`, or as the Basic user name. "
        "`tappa readers` lists the keys, `tappa readers add` makes one.",
    ),
    Code.UNKNOWN_READ_KEY: Refusal(
        status=401, sentence="Nobody has this read key: `tappa readers` lists those that work."
    ),
    Code.WRITE_KEY: Refusal(
        status=403,
        sentence="This is a write key: it may send and not read. `tappa readers` lists the keys that may read.",
    ),
    Code.INVALID_PARAMETER: Refusal(
        status=400, sentence="A parameter is missing or has a value that it cannot have: /docs says what they are."
    ),
    Code.INVALID_IDENTIFIER: Refusal(
        status=400, sentence="This is no identifier: write kind:value, such as user:42 or email:ann@example.com."
    ),
    Code.UNKNOWN_KIND: Refusal(
        status=404, sentence="There is no such kind of identifier, and nothing of this name was ever seen."
    ),
    Code.NEVER_SEEN: Refusal(
        status=404,
        sentence="No touchpoint ever carried this identifier. What was sent just now is there in about a second.",
    ),
    Code.NOBODYS: Refusal(
        status=404, sentence="This identifier is nobody's: it is shared, or a receipt that nobody has claimed."
    ),
    Code.TOO_MANY_READERS: Refusal(
        status=503, sentence="Too many are reading just now: wait as long as Retry-After says, then ask again."
    ),
    Code.STORE_UNAVAILABLE: Refusal(
        status=503, sentence="The store does not answer just now: wait as long as Retry-After says, then ask again."
    ),
})  # fmt: skip


class RefusedError(Exception):
    """A question that is not answered."""

    def __init__(self, code: Code, detail: str = "") -> None:
        self.code = code
        self.message = detail or TABLE[code].sentence
        super().__init__(self.message)

    @property
    def status(self) -> int:
        """Of the HTTP answer."""
        return TABLE[self.code].status
