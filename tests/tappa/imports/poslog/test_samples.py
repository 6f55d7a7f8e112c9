"""The sample documents become the receipts that are written here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ingest.files.mapping import load_mapping
from ingest.files.outcome import Item, Outcome, Problem, Skipped
from tappa.imports.formats import reading
from tests.tappa.imports.poslog.documents import UPLOAD

ROOT = Path(__file__).parents[4]
SAMPLES = ROOT / "samples" / "poslog"


def read(name: str, mapping: str | None) -> list[Outcome]:
    with reading(SAMPLES / name, "poslog", load_mapping(SAMPLES / mapping) if mapping else None, UPLOAD) as file:
        return list(file.outcomes)


def made(found: list[Outcome]) -> list[dict[str, Any]]:
    receipts = [json.loads(one.body) for one in found if isinstance(one, Item)]
    return [{name: value for name, value in one.items() if name != "import"} for one in receipts]


MILAN = {"store_id": "MI-01", "till_id": "3", "business_date": "2026-03-04", "currency": "EUR"}
MEMBER = {"user_id": "88012", "email": "giulia@example.com", "phone": "+39 02 1234567", "loyalty_card": "9900112233"}


def test_every_kind_of_transaction_of_version_6_becomes_its_receipt() -> None:
    found = read("poslog-6.xml", None)
    assert [one.line for one in found if isinstance(one, Skipped)] == [7, 8, 9, 10, 11]
    sale, came_back, exchange, sold, void, taxed = made(found)
    assert sale == {
        **MILAN,
        "receipt_id": "1041",
        "business_date": "2026-03-01",
        "sold_at": "2026-03-01T10:14:41.000+01:00",
        "cashier": "7",
        "receipt_number": "MI-01/1041",
        "customer": MEMBER,
        "kind": "sale",
        "lines": [
            {"sku": "C-250", "quantity": 2, "unit_price": 8.9, "name": "Caffè in grani 250 g", "discount": 1.8,
             "category": "Coffee", "tax": 2.89},
            {"sku": "M-01", "quantity": 1, "unit_price": 24.0, "name": "Moka", "tax": 4.33},
        ],
        "payments": [{"method": "GiftCard", "amount": 20.0}, {"method": "Cash", "amount": 16.0}],
        "discount": 4.0,
        "tax": 7.22,
        "total": 36.0,
    }  # fmt: skip
    assert came_back == {
        **MILAN,
        "receipt_id": "2210",
        "till_id": "1",
        "sold_at": "2026-03-04T17:40:00.000+01:00",
        "customer": {"loyalty_card": "9900112233"},
        "kind": "return",
        "lines": [{"sku": "M-01", "quantity": 1, "unit_price": 24.0, "name": "Moka", "tax": 4.33}],
        "payments": [{"method": "CreditDebit", "amount": 24.0}],
        "refers_to": {"receipt_id": "1041", "store_id": "MI-01", "till_id": "3", "business_date": "2026-03-01"},
        "tax": 4.33,
        "total": 24.0,
    }
    assert exchange == {
        **MILAN,
        "receipt_id": "1055",
        "sold_at": "2026-03-04T18:05:00.000+01:00",
        "kind": "exchange",
        "lines": [
            {"sku": "T-S", "quantity": -1, "unit_price": 15.0},
            {"sku": "T-L", "quantity": 1, "unit_price": 19.5},
        ],
        "payments": [{"method": "Cash", "amount": 4.5}],
        "refers_to": {"receipt_id": "977", "business_date": "2026-02-20"},
        "total": 4.5,
    }
    assert sold == {
        **MILAN,
        "receipt_id": "1056",
        "sold_at": "2026-03-04T18:20:00.000+01:00",
        "kind": "sale",
        "lines": [{"sku": "C-250", "quantity": 1, "unit_price": 8.9, "discount": 1.0}],
        "payments": [{"method": "Cash", "amount": 7.9}],
        "total": 7.9,
    }
    assert void == {
        **MILAN,
        "receipt_id": "1057",
        "sold_at": "2026-03-04T18:22:00.000+01:00",
        "kind": "void",
        "lines": [],
        "refers_to": {"receipt_id": "1056"},
        "total": 7.9,
    }
    assert taxed == {
        "receipt_id": "12",
        "store_id": "NY-01",
        "till_id": "1",
        "business_date": "2026-03-04",
        "sold_at": "2026-03-04T13:00:00.000-05:00",
        "currency": "USD",
        "kind": "sale",
        "lines": [{"sku": "MUG", "quantity": 1, "unit_price": 10.0, "discount": 2.0}],
        "payments": [{"method": "CreditDebit", "amount": 8.71}],
        "staff": True,
        "tax": 0.71,
        "tax_included": False,
        "total": 8.71,
    }


def test_version_2_with_what_its_mapping_says() -> None:
    found = read("poslog-2.xml", "tills.yaml")
    (bad,) = [one for one in found if isinstance(one, Problem)]
    assert (bad.line, bad.code) == (3, "invalid_transaction")
    assert bad.reason == "Line 43 of the file: ActualSalesUnitPrice 'three' is no number."
    assert bad.text == "WorkstationID 11, SequenceNumber 503"
    turin = {"store_id": "TO-02", "till_id": "11", "business_date": "2026-03-01", "currency": "EUR"}
    assert made(found) == [
        {
            **turin,
            "receipt_id": "501",
            "sold_at": "2026-03-02T00:12:30.000+01:00",
            "cashier": "21",
            "customer": {"loyalty_card": "77", "phone": "+390115550101"},
            "kind": "sale",
            "lines": [{"sku": "8009876543210", "quantity": 3, "unit_price": 10.0, "name": "Perché no? (libro)"}],
            "payments": [{"method": "Cash", "amount": 30.0}],
            "total": 30.0,
        },
        {
            **turin,
            "receipt_id": "502",
            "sold_at": "2026-03-02T00:15:00.000+01:00",
            "customer": {"loyalty_card": "77", "phone": "+390115550101"},
            "kind": "void",
            "refers_to": {"receipt_id": "501", "till_id": "11"},
            "lines": [],
            "total": 0,
        },
        {
            **turin,
            "receipt_id": "504",
            "sold_at": "2026-03-02T00:17:00.000+01:00",
            "kind": "sale",
            "lines": [{"sku": "A", "quantity": 1, "unit_price": 3.0}],
            "total": 3.0,
        },
    ]


@pytest.mark.parametrize(("name", "mapping"), [("poslog-6.xml", None), ("poslog-2.xml", "tills.yaml")])
def test_the_receipts_are_valid_by_the_published_schema(name: str, mapping: str | None) -> None:
    schema = json.loads((ROOT / "docs/schemas/receipt.schema.json").read_text())
    found = [json.loads(one.body) for one in read(name, mapping) if isinstance(one, Item)]
    assert [list(jsonschema.Draft202012Validator(schema).iter_errors(one)) for one in found] == [[]] * len(found)


def test_a_card_number_goes_nowhere() -> None:
    found = read("poslog-6.xml", None)
    assert "5555444433332222" in (SAMPLES / "poslog-6.xml").read_text()
    assert not [one for one in found if isinstance(one, Item) and b"5555444433332222" in one.body]
