"""The key of a receipt: store, till, business date and number."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final

from ingest.refusals import Code, ItemRefusedError
from ingest.times import DAY

Part = str | int
"""Of a key: tills number with and without quotes."""

_DAY: Final = re.compile(DAY, re.ASCII)


def receipt_key(store_id: str, till_id: str, business_date: str, receipt_id: str) -> str:
    """The key of a receipt, which is its ``message_id`` and, when it names nobody, its own identifier."""
    plain = f"receipt:{store_id}/{till_id}/{business_date}/{receipt_id}"
    if plain.count("/") == 3 and "%" not in plain:
        return plain  # nearly all
    return "receipt:" + "/".join(
        part.replace("%", "%25").replace("/", "%2F") for part in (store_id, till_id, business_date, receipt_id)
    )


@lru_cache(maxsize=1024)
def day_of(text: str) -> str:
    """A business date as it is in a key. Raises ``ItemRefusedError`` for what is no day."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ItemRefusedError(Code.INVALID_RECEIPT, "business_date must be a day such as 2026-03-01") from None
