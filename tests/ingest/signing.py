"""Bodies signed as their senders sign them, for the sources of ``tests.ingest.service``."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import sha256

from tests.ingest.service import HOOKS, RECEIVED_AT

NOW_S = RECEIVED_AT // 1000
SECRETS = {hook.kind: hook.secrets[0].get_secret_value() for hook in HOOKS}
URL = next(hook.url for hook in HOOKS if hook.kind == "square")


def signed(kind: str, body: bytes, *, secret: str = "", at: int = NOW_S) -> dict[str, str]:
    """The header with the signature."""
    key = (secret or SECRETS[kind]).encode()
    if kind in ("signed", "mapped"):
        return {"X-Signature": f"t={at},v1={hmac.new(key, b'%d.' % at + body, sha256).hexdigest()}"}
    said = URL.encode() + body if kind == "square" else body
    name = "X-Shopify-Hmac-SHA256" if kind == "shopify" else "x-square-hmacsha256-signature"
    return {name: b64encode(hmac.new(key, said, sha256).digest()).decode()}
