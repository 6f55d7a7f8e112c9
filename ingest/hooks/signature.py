"""Whether a body was signed by whom it says: over the raw bytes, in constant time, with any of the secrets."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from ingest.hooks.settings import Hook
from ingest.refusals import Code, RequestRefusedError

HEADERS: Final = {
    "shopify": "x-shopify-hmac-sha256",
    "square": "x-square-hmacsha256-signature",
    "signed": "x-signature",
}
"""Where each kind has its signature."""
AHEAD_S_MAX: Final = 300
"""How far the clock of a sender may be ahead of ours."""

_SIGNED: Final = re.compile(r"t=(?P<at>[0-9]{1,12}),v1=(?P<digest>[0-9a-f]{64})", re.ASCII)


def check_signature(hook: Hook, headers: Mapping[str, str], body: bytes, now_s: int) -> None:
    """Raises ``RequestRefusedError`` for a body whose signature is missing, wrong or too old."""
    said = headers.get(HEADERS[hook.kind], "")
    if hook.kind == "signed":
        found = _SIGNED.fullmatch(said)
        if found is None or not _is_one_of(hook, found["at"].encode() + b"." + body, found["digest"], in_hex=True):
            raise RequestRefusedError(Code.INVALID_SIGNATURE)
        if not now_s - hook.window_s <= int(found["at"]) <= now_s + AHEAD_S_MAX:
            raise RequestRefusedError(Code.STALE_SIGNATURE)
        return
    signed = hook.url.encode() + body if hook.kind == "square" else body
    if not _is_one_of(hook, signed, said, in_hex=False):
        raise RequestRefusedError(Code.INVALID_SIGNATURE)


def signature(secret: str, signed: bytes, *, in_hex: bool) -> str:
    """HMAC-SHA256, as hex or base64."""
    digest = hmac.new(secret.encode(), signed, sha256)
    return digest.hexdigest() if in_hex else b64encode(digest.digest()).decode()


def _is_one_of(hook: Hook, signed: bytes, said: str, *, in_hex: bool) -> bool:
    wanted = [signature(secret.get_secret_value(), signed, in_hex=in_hex) for secret in hook.secrets]
    matches = [hmac.compare_digest(one.encode(), said.encode("utf-8", "replace")) for one in wanted]
    return any(matches)  # after all of them, so that the time does not tell which
