"""Where a request says its write key: the Basic user name, then the query, then the body."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error

from starlette.requests import Request


def write_key_of(request: Request) -> str:
    """The write key outside the body, ``""`` if there is none there."""
    return basic_user(request.headers.get("authorization", "")) or request.query_params.get("writeKey", "").strip()


def basic_user(authorization: str) -> str:
    """The user name of a Basic header, with or without the colon after it; ``""`` for anything else."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = b64decode(encoded.strip() + "==", validate=False).decode()
    except (Base64Error, ValueError):
        return ""
    return decoded.partition(":")[0].strip()
