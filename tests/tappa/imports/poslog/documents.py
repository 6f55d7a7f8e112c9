"""POSLog documents for tests: what is the same in all of them, around what differs."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from ingest.files.mapping import PoslogForm
from ingest.files.outcome import HashedUpload, Item, Outcome
from ingest.files.poslog.reading import read_poslog

UPLOAD = HashedUpload(upload_id="0" * 16, file="f.xml", source="s", started_at="2026-01-01T00:00:00.000Z")
ARTS = "http://www.nrf-arts.org/IXRetail/namespace/"
HEAD = (
    "<BusinessUnit><UnitID>S</UnitID></BusinessUnit><WorkstationID>1</WorkstationID><SequenceNumber>{number}"
    "</SequenceNumber><BusinessDayDate>2026-03-01</BusinessDayDate><EndDateTime>2026-03-01T10:00:00Z</EndDateTime>"
    "<CurrencyCode>EUR</CurrencyCode>"
)


def transaction(inside: str, number: int = 1, attributes: str = "", retail: str = "") -> str:
    head = HEAD.format(number=number)
    return f"<Transaction {attributes}>{head}<RetailTransaction {retail}>{inside}</RetailTransaction></Transaction>"


def item(inside: str, kind: str = "Sale", attributes: str = "") -> str:
    return f"<LineItem {attributes}><{kind}><ItemID>A</ItemID>{inside}</{kind}></LineItem>"


def total(amount: str) -> str:
    return f'<Total TotalType="TransactionGrandAmount">{amount}</Total>'


def document(*transactions: str) -> bytes:
    return f'<POSLog xmlns="{ARTS}">{"".join(transactions)}</POSLog>'.encode()


def outcomes(content: bytes, form: PoslogForm | None = None) -> list[Outcome]:
    return list(read_poslog(BytesIO(content), UPLOAD, form or PoslogForm()))


def receipts(content: bytes, form: PoslogForm | None = None) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in outcomes(content, form) if isinstance(one, Item)]


def receipt(*inside: str, **others: str) -> dict[str, Any]:
    """Of a document with one transaction."""
    (only,) = receipts(document(transaction("".join(inside), **others)))
    return only
