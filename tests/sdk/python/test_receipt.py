"""The SDK's judgement of receipts, beside that of ingest."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.arrival import Arrival, Rules
from ingest.receipts import receipt_touchpoint
from ingest.refusals import Code, ItemRefusedError
from ingest.settings import IdentitySettings, IngestSettings
from tappa_sdk import InvalidMessageError, InvalidReceiptError
from tappa_sdk.calls import receipt_item
from tests.ingest.corpus import Case, cases
from tests.ingest.service import RECEIVED_AT, SOURCES

RULES = Rules.of(IngestSettings(), IdentitySettings(), "", lambda: "id")
ARRIVAL = Arrival(
    source=SOURCES["till"], endpoint="/v1/receipts", type="receipt", received_at=RECEIVED_AT, correction=0, context=b""
)
SERVERS = {Code.IMPLAUSIBLE_TIME, Code.TOO_DEEP}
"""What only the server says."""
VALID = {
    "receipt_id": "1001", "store_id": "milan-1", "till_id": "3", "business_date": "2026-03-01",
    "sold_at": "2026-03-01T10:15:00+01:00", "total": "59.80", "currency": "EUR", "kind": "return",
    "lines": [{"sku": "A1", "name": "Boots", "quantity": 1, "unit_price": 59.8, "discount": None, "category": "Shoes"}],
    "payments": [{"kind": "card"}], "customer": {"loyalty_card": "9900", "user_id": "42"},
    "refers_to": {"receipt_id": "1000", "store_id": "milan-2", "till_id": None, "business_date": "2026-02-28"},
}  # fmt: skip
ODD: list[Any] = [
    None, "", " ", "x", 0, 1, -7, 1.5, True, [], ["x"], {}, {"sku": "A"}, [{}], [None], "2026-03-01", "20260301",
    "2026-02-30", "2026-3-1", "2026-03-01T10:15", "2026-03-01T10:15Z", "2026-03-01 10:15:00.123456789-0330", "9.90",
    "1e3", "1e9999", "abc", "EUR", "euro", "sale", "return", "exchange", "void", "refund",
    "x" * 257, "a/b%", "a\0b", 10**12,
    10**13, "NaN", "Infinity", " 7 ", "è" * 130, {"receipt_id": 7}, {"receipt_id": " "}, {"user_id": True},
    {"user_id": "a\0"}, [{"sku": 1, "quantity": "1", "unit_price": ".5"}], [{"sku": 1, "quantity": 1}],
]  # fmt: skip
FIELDS = [*VALID, "discount", "tax", "lines.0.sku", "lines.0.quantity", "lines.0.discount", "lines.0.name",
          "refers_to.receipt_id", "refers_to.business_date", "refers_to.till_id", "customer.user_id",
          "customer.loyalty_card", "customer.email"]  # fmt: skip


def of_ingest(body: bytes) -> tuple[Code | None, str]:
    """Why ingest refuses it, or its key."""
    try:
        return None, receipt_touchpoint(RULES, ARRIVAL, body).message_id
    except ItemRefusedError as refusal:
        return refusal.code, ""


def of_sdk(receipt: Any) -> str:
    """Its key, ``""`` when the SDK refuses it."""
    try:
        return receipt_item(receipt).message_id
    except (InvalidReceiptError, InvalidMessageError):
        return ""


def objects() -> list[Case]:
    return [case for case in cases("receipts") if isinstance(case.item, dict)]


@pytest.mark.parametrize("case", objects(), ids=str)
def test_the_corpus_is_judged_as_ingest_judges_it(case: Case) -> None:
    code, key = of_ingest(case.body)
    assert code in SERVERS or of_sdk(case.item) == key


@given(st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from(ODD)), max_size=3), st.sets(st.sampled_from(FIELDS)))
def test_any_receipt_is_judged_as_ingest_judges_it(changes: list[tuple[str, Any]], left_out: set[str]) -> None:
    receipt: dict[str, Any] = json.loads(json.dumps(VALID))
    for path in left_out if len(left_out) < 4 else ():
        receipt.pop(path, None)
    for path, value in changes:
        put(receipt, path.split("."), value)
    code, key = of_ingest(json.dumps(receipt).encode())
    assert code in SERVERS or of_sdk(receipt) == key


def put(into: Any, path: list[str], value: Any) -> None:
    """Set a member deep inside, where there is one."""
    name, *rest = path
    if isinstance(into, list) and into and name == "0":
        put(into[0], rest, value)
    elif isinstance(into, dict) and rest:
        put(into.get(name), rest, value)
    elif isinstance(into, dict):
        into[name] = deepcopy(value)


def test_the_error_says_where_and_what() -> None:
    with pytest.raises(InvalidReceiptError, match=r"lines\[0\]\.quantity: must be a number") as raised:
        receipt_item({**VALID, "lines": [{"sku": "A", "quantity": "two", "unit_price": 1}]})
    assert raised.value.field == "lines[0].quantity"


def test_a_receipt_too_large_for_the_server_is_told() -> None:
    with pytest.raises(InvalidReceiptError, match="bytes"):
        receipt_item({**VALID, "note": "x" * 256_000})
