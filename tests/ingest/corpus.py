"""The golden corpus: messages and receipts, good and bad, with the verdict on each and what the good ones become.

A line has a ``name``; the ``item``, or as ``raw`` the text of one that no JSON library would write; the ``verdict``;
the ``source`` that sends it, if not the usual one; what it ``becomes``; and where a JSON Schema must accept what
ingest refuses, why it ``cannot`` do otherwise (``ingest.schema.CANNOT_SAY``). All arrive at 2026-03-01T12:00:00Z.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "corpus"


class Case(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: str
    verdict: str
    item: Any = None
    raw: str = ""
    source: str = ""
    becomes: dict[str, Any] = {}
    cannot: str = ""

    @property
    def body(self) -> bytes:
        return self.raw.encode() if self.raw else json.dumps(self.item, ensure_ascii=False).encode()

    def __str__(self) -> str:
        return self.name


def cases(name: str) -> list[Case]:
    return [
        msgspec.convert(json.loads(line), Case) for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]
