"""From a POSLog document to outcomes: a receipt, a reason why not, or something that is no receipt."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from ingest.files.mapping import PoslogForm
from ingest.files.outcome import Item, Outcome, Problem, Skipped, Upload, digest, receipt_identity
from ingest.files.poslog.document import NODES_MAX, Found, transactions
from ingest.files.poslog.receipt import receipt_of
from ingest.files.table import LINES_MAX
from ingest.files.values import RowError

CUSTOMERS_REMEMBERED: Final = 50_000
"""Of the last receipts that name one: a day of a large chain."""
Customers = OrderedDict[tuple[str, ...], dict[str, str]]
"""By the key of their receipt."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def read_poslog(stream: BinaryIO, upload: Upload, form: PoslogForm) -> Iterator[Outcome]:
    """An outcome for each transaction, whose number in the document stands for the line. What takes back a sale of the
    same document and names nobody is of the sale's customer: else it would take back nothing. Raises
    ``DamagedFileError`` where the document cannot be read on."""
    customers: Customers = OrderedDict()
    for found in transactions(stream):
        yield _outcome(found, upload, form, customers)


def _outcome(found: Found, upload: Upload, form: PoslogForm, customers: Customers) -> Outcome:
    if found.transaction is None:
        return _refused(found, RowError(f"it has more than {NODES_MAX:,} elements"))
    try:
        body = receipt_of(found.transaction, found.common, form)
        if body is None:
            return Skipped(line=found.number)
        if len(body["lines"]) > LINES_MAX:
            raise RowError(f"it has more than {LINES_MAX:,} lines")
    except RowError as error:
        return _refused(found, error)
    _name_customer(body, customers)
    identity, content = receipt_identity(upload, body), digest(_encode(body), size=8)
    body["import"] = upload.origin(found.number)
    return Item(line=found.number, receipt=True, body=_encode(body), identity=identity, content=content)


def _name_customer(body: dict[str, Any], customers: Customers) -> None:
    if "customer" in body:
        customers[_key(body)] = body["customer"]
        if len(customers) > CUSTOMERS_REMEMBERED:
            customers.popitem(last=False)
    elif "refers_to" in body and (customer := customers.get(_key(body | body["refers_to"]))):
        body["customer"] = customer


def _key(body: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(body.get(part, "")) for part in ("store_id", "till_id", "business_date", "receipt_id"))


def _refused(found: Found, error: RowError) -> Problem:
    reason = f"Line {found.line} of the file: {error}."
    return Problem(line=found.number, code="invalid_transaction", reason=reason, text=_named(found))


def _named(found: Found) -> str:
    """The key of a transaction as far as it has one, so that somebody can look for it on the till."""
    if found.transaction is None:
        return ""
    parts = ("RetailStoreID", "WorkstationID", "BusinessDayDate", "SequenceNumber")
    said = {part: found.transaction.said(part) for part in parts}
    said["RetailStoreID"] = said["RetailStoreID"] or found.transaction.said("BusinessUnit", "UnitID")
    return ", ".join(f"{part} {text[:60]}" for part, text in said.items() if text)
