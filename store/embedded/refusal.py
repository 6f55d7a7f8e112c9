"""What the store says when it does not do as asked: ClickHouse's codes, and the HTTP statuses that clients expect."""

from __future__ import annotations

import re
from typing import Final

BAD_ARGUMENTS: Final = (36, "BAD_ARGUMENTS")
SYNTAX_ERROR: Final = (62, "SYNTAX_ERROR")
UNKNOWN_COMPRESSION_METHOD: Final = (89, "UNKNOWN_COMPRESSION_METHOD")
READONLY: Final = (164, "READONLY")
QUERY_IS_TOO_LARGE: Final = (192, "QUERY_IS_TOO_LARGE")
TOO_MANY_SIMULTANEOUS_QUERIES: Final = (202, "TOO_MANY_SIMULTANEOUS_QUERIES")
CANNOT_DECOMPRESS: Final = (271, "CANNOT_DECOMPRESS")
REQUIRED_PASSWORD: Final = (194, "REQUIRED_PASSWORD")
STORE_IS_STOPPING: Final = (236, "ABORTED")
SESSION_NOT_FOUND: Final = (372, "SESSION_NOT_FOUND")
SESSION_IS_LOCKED: Final = (373, "SESSION_IS_LOCKED")
INVALID_SESSION_TIMEOUT: Final = (374, "INVALID_SESSION_TIMEOUT")
CHECKSUM_DOESNT_MATCH: Final = (40, "CHECKSUM_DOESNT_MATCH")
SETTING_CONSTRAINT_VIOLATION: Final = (452, "SETTING_CONSTRAINT_VIOLATION")
ACCESS_DENIED: Final = (497, "ACCESS_DENIED")
AUTHENTICATION_FAILED: Final = (516, "AUTHENTICATION_FAILED")
UNKNOWN_EXCEPTION: Final = (1002, "UNKNOWN_EXCEPTION")

_BAD_REQUEST: Final = frozenset(
    {6, 25, 26, 27, 36, 38, 41, 43, 44, 53, 62, 63, 72, 117, 120, 130, 131, 192, 271, 374, 376, 378, 457, 468}
)
_NOT_FOUND: Final = frozenset({16, 45, 46, 47, 48, 50, 56, 60, 73, 78, 79, 81, 89, 115, 336, 372, 511})
_STATUS: Final = {48: 501, 159: 408, 160: 408, 202: 503, 236: 503, 194: 401, 192: 413, 193: 403, 497: 403, 516: 403}

_CODE: Final = re.compile(r"Code: (\d+)\.")


class RefusedError(Exception):
    """Says no in ClickHouse's words: ``Code: 164. DB::Exception: … (READONLY)``."""

    def __init__(self, kind: tuple[int, str], text: str) -> None:
        self.code, name = kind
        super().__init__(f"Code: {self.code}. DB::Exception: {text} ({name})")


class EngineError(Exception):
    """The engine refused or failed; the text is its own."""

    def __init__(self, text: str) -> None:
        found = _CODE.search(text)
        self.code = int(found[1]) if found else UNKNOWN_EXCEPTION[0]
        if not found:
            text = f"Code: {self.code}. DB::Exception: {text or 'the engine gave no reason'} ({UNKNOWN_EXCEPTION[1]})"
        super().__init__(text)


def status_of(code: int) -> int:
    """The HTTP status that ClickHouse answers with for this code."""
    if code in _STATUS:
        return _STATUS[code]
    if code in _BAD_REQUEST:
        return 400
    return 404 if code in _NOT_FOUND else 500
