"""Whether a body was signed by whom it says: over the raw bytes, in constant time, with any of the secrets."""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from ingest.hooks.settings import Hook
from ingest.refusals import Code, RequestRefusedError

HEADERS: Final = {
    "shopify": "x-shopify-hmac-sha256",
    "square": "x-square-hmacsha256-signature",
    "signed": "x-signature",
    "mapped": "x-signature",
}
"""Where each kind has its signature."""
STANDARD: Final = "webhook-signature"
"""Where those of the scheme `standard` have it."""
AHEAD_S_MAX: Final = 300
"""How far the clock of a sender may be ahead of ours."""

SIGNATURES_MAX: Final = 10
"""Of one request: each costs a digest for each secret."""
PREFIX: Final = "whsec_"

_SIGNED: Final = re.compile(r"t=(?P<at>[0-9]{1,12}),v1=(?P<digest>[0-9a-f]{64})", re.ASCII)


def check_signature(hook: Hook, headers: Mapping[str, str], body: bytes, now_s: int) -> None:
    """Raises ``RequestRefusedError`` for a body whose signature is missing, wrong or too old."""
    said = headers.get(HEADERS[hook.kind], "")
    if hook.kind in ("signed", "mapped"):
        at = _standard(hook, headers, body) if hook.scheme == "standard" else _timestamped(hook, said, body)
        if at is None:
            raise RequestRefusedError(Code.INVALID_SIGNATURE)
        if not now_s - hook.window_s <= at <= now_s + AHEAD_S_MAX:
            raise RequestRefusedError(Code.STALE_SIGNATURE)
        return
    signed = hook.url.encode() + body if hook.kind == "square" else body
    if not _is_one_of(hook, signed, said, in_hex=False):
        raise RequestRefusedError(Code.INVALID_SIGNATURE)


def signature(key: bytes, signed: bytes, *, in_hex: bool) -> str:
    """HMAC-SHA256, as hex or base64."""
    digest = hmac.new(key, signed, sha256)
    return digest.hexdigest() if in_hex else b64encode(digest.digest()).decode()


def _timestamped(hook: Hook, said: str, body: bytes) -> int | None:
    """When it was signed; None when that was not done with any of the secrets."""
    found = _SIGNED.fullmatch(said)
    if found is None or not _is_one_of(hook, found["at"].encode() + b"." + body, found["digest"], in_hex=True):
        return None
    return int(found["at"])


def _standard(hook: Hook, headers: Mapping[str, str], body: bytes) -> int | None:
    """The same by the rules of Standard Webhooks 1.0: of several signatures, for several secrets, one must be right."""
    number, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (number and at.isascii() and at.isdigit() and len(at) <= 12):
        return None
    signed = f"{number}.{at}.".encode() + body
    several = [one[3:] for one in headers.get(STANDARD, "").split(" ")[:SIGNATURES_MAX] if one.startswith("v1,")]
    matches = [_is_one_of(hook, signed, one, in_hex=False) for one in several]
    return int(at) if any(matches) else None


def _key(hook: Hook, secret: str) -> bytes:
    """A secret of Standard Webhooks is written in base64, behind `whsec_`."""
    if hook.scheme == "standard" and secret.startswith(PREFIX):
        try:
            return b64decode(secret.removeprefix(PREFIX), validate=True)
        except (Base64Error, ValueError):
            pass  # then it is a secret that happens to begin like one
    return secret.encode()


def _is_one_of(hook: Hook, signed: bytes, said: str, *, in_hex: bool) -> bool:
    wanted = [signature(_key(hook, secret.get_secret_value()), signed, in_hex=in_hex) for secret in hook.secrets]
    matches = [hmac.compare_digest(one.encode(), said.encode("utf-8", "replace")) for one in wanted]
    return any(matches)  # after all of them, so that the time does not tell which
