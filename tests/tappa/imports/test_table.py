"""CSV rows become messages and receipts as the mapping says."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest

from ingest.files.mapping import MappingError, parse_mapping
from ingest.files.outcome import HashedUpload, Item, Outcome, Problem, Skipped
from ingest.files.table import read_table

UPLOAD = HashedUpload(upload_id="0" * 16, file="f.csv", source="s", started_at="2026-01-01T00:00:00.000Z")
SHOP = """
version: 1
skip: {what: [ping, debug*]}
message:
  type: {column: what, map: {view: page}, otherwise: omit, default: track}
  event: {column: what, map: {view: null, buy: Order Completed}}
  userId: who
  timestamp: {column: at, time: {format: "%d.%m.%Y %H:%M", zone: Europe/Rome}}
  properties.total: {column: amount, as: number}
  context.page.url: {template: "https://shop.example/{who}"}
"""
TILLS = """
version: 1
receipt:
  group_by: [Invoice]
  fields:
    receipt_id: Invoice
    store_id: {constant: one}
    sold_at: {column: Date, time: {zone: Europe/Rome}}
    currency: {constant: EUR}
    kind: {column: Invoice, map: {"C*": return}, otherwise: omit}
    customer.user_id: Who
  lines: {sku: Code, quantity: {column: Quantity, as: number}, unit_price: {column: Price, as: number}}
"""


def outcomes(mapping: str, text: str | bytes) -> list[Outcome]:
    content = text.encode() if isinstance(text, str) else text
    return list(read_table(BytesIO(content), UPLOAD, parse_mapping(mapping, "m.yaml")))


def made(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Item)
    found: dict[str, Any] = json.loads(outcome.body)
    return found


def test_a_row_becomes_a_message() -> None:
    (item,) = outcomes(SHOP, "what,who,at,amount\nbuy,ada,01.07.2025 14:30,9.90\n")
    assert made(item) == {
        "type": "track",
        "event": "Order Completed",
        "userId": "ada",
        "timestamp": "2025-07-01T14:30:00.000+02:00",
        "properties": {"total": 9.9},
        "context": {
            "page": {"url": "https://shop.example/ada"},
            "import": {"id": "0" * 16, "file": "f.csv", "line": 2},
        },
        "messageId": "0000000000000000:2",
    }


def test_what_is_empty_is_absent_and_a_row_without_time_gets_that_of_the_import() -> None:
    (item,) = outcomes(SHOP, "what,who,at,amount\nview,,,NULL\n")
    assert made(item) == {
        "type": "page",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "context": {"import": {"id": "0" * 16, "file": "f.csv", "line": 2}},
        "messageId": "0000000000000000:2",
    }


def test_money_keeps_its_digits() -> None:
    (item,) = outcomes(SHOP, "what,who,at,amount\nbuy,ada,01.07.2025 14:30,12345678901234.5600\n")
    assert isinstance(item, Item)
    assert b"12345678901234.5600" in item.body


def test_rows_that_the_mapping_skips_are_counted() -> None:
    text = "what,who,at,amount\nping,a,,\ndebug-7,a,,\n"
    assert outcomes(SHOP, text) == [Skipped(line=2), Skipped(line=3)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("buy,ada,yesterday,1", "'yesterday' is no time of the form %d.%m.%Y %H:%M"),
        ("buy,ada,01.07.2025 14:30,much", "'much' is no number"),
        ("buy,ada,01.07.2025 14:30,1e999999", "no number that anybody counts with"),
        ("buy,ada,01.07.2025 14:30", "The row has 3 columns, the first line of the file 4"),
        ("buy,ada,01.07.2025 14:30,1,2", "The row has 5 columns"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_the_rest_goes_on(row: str, reason: str) -> None:
    bad, good = outcomes(SHOP, f"what,who,at,amount\n{row}\nview,ada,,\n")
    assert isinstance(bad, Problem)
    assert (bad.line, bad.code) == (2, "invalid_row")
    assert reason in bad.reason
    assert made(good)["userId"] == "ada"


def test_a_row_in_another_encoding_is_told() -> None:
    bad, good = outcomes(SHOP, b"what,who,at,amount\nbuy,J\xfcrg,,\nview,ada,,\n")
    assert isinstance(bad, Problem)
    assert bad.code == "invalid_encoding"
    assert made(good)["userId"] == "ada"
    (item,) = outcomes(SHOP + "csv: {encoding: cp1252}\n", b"what,who,at,amount\nbuy,J\xfcrg,,\n")
    assert made(item)["userId"] == "Jürg"


def test_a_quote_that_is_never_closed_does_not_swallow_the_file_into_memory() -> None:
    text = 'what,who,at,amount\nbuy,"ada,,\n' + "view,ada,,\n" * 20_000
    first, *rest = outcomes(SHOP, text)
    assert isinstance(first, Problem)
    assert any(isinstance(outcome, Item) for outcome in rest)


def test_lines_are_counted_over_columns_that_contain_line_breaks() -> None:
    first, second = outcomes(SHOP, 'what,who,at,amount\nbuy,"a\nb",,\nview,ada,,\n')
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert (first.line, second.line) == (2, 4)


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    (item,) = outcomes(SHOP, b"\xef\xbb\xbfwhat,who,at,amount\nview,ada,,\n")
    assert made(item)["type"] == "page"


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(MappingError, match="no column 'amount'; did you mean 'amounts'"):
        outcomes(SHOP, "what,who,at,amounts\n")


def test_an_empty_file_has_no_columns() -> None:
    with pytest.raises(MappingError, match="first line must name the columns"):
        outcomes(SHOP, "")


def test_an_unknown_zone_or_encoding_is_a_mistake_of_the_mapping() -> None:
    with pytest.raises(MappingError, match="no time zone 'Europe/Atlantis'"):
        outcomes(SHOP.replace("Europe/Rome", "Europe/Atlantis"), "what,who,at,amount\n")
    with pytest.raises(MappingError, match="no encoding 'klingon'"):
        outcomes(SHOP + "csv: {encoding: klingon}\n", "what,who,at,amount\n")


def test_a_word_that_must_be_known_refuses_its_row() -> None:
    mapping = "version: 1\nmessage:\n  event: {column: what, map: {a: A}, otherwise: refuse}\n"
    first, second = outcomes(mapping, "what\na\nb\n")
    assert made(first)["event"] == "A"
    assert isinstance(second, Problem)
    assert second.reason == "'b' is not in the mapping."


def test_the_first_of_several_columns_that_is_not_empty_counts() -> None:
    mapping = "version: 1\nmessage:\n  event: {columns: [a, b], default: none}\n"
    found = [made(item)["event"] for item in outcomes(mapping, "a,b\nx,y\n,y\n,\n")]
    assert found == ["x", "y", "none"]


@pytest.mark.parametrize(
    ("form", "written", "time"),
    [
        ("iso", "2025-03-01 10:00:00.5", "2025-03-01T10:00:00.500+00:00"),
        ("iso", "2025-03-01T10:00:00+02:00", "2025-03-01T10:00:00.000+02:00"),
        ("epoch_s", "1740823200", "2025-03-01T10:00:00.000+00:00"),
        ("epoch_ms", "1740823200500", "2025-03-01T10:00:00.500+00:00"),
    ],
)
def test_times_are_read_in_several_forms(form: str, written: str, time: str) -> None:
    mapping = f"version: 1\nmessage:\n  timestamp: {{column: at, time: {{format: {form}}}}}\n"
    (item,) = outcomes(mapping, f"at\n{written}\n")
    assert made(item)["timestamp"] == time


@pytest.mark.parametrize(
    ("kind", "written", "value"), [("integer", "7", 7), ("boolean", "Yes", True), ("json", "[1]", [1])]
)
def test_columns_are_read_as_what_they_are(kind: str, written: str, value: object) -> None:
    mapping = f"version: 1\nmessage:\n  properties.x: {{column: x, as: {kind}}}\n"
    (item,) = outcomes(mapping, f"x\n{written}\n")
    assert made(item)["properties"]["x"] == value


HEAD = "Invoice,Code,Quantity,Price,Date,Who\n"


def test_neighbouring_rows_of_one_invoice_are_one_receipt() -> None:
    first, second = outcomes(
        TILLS,
        HEAD + "1,A,2,1.10,2025-07-01 10:00,42\n1,B,1,0.05,2025-07-01 10:00,42\n2,A,1,1.10,2025-07-01 11:00,\n",
    )
    assert made(first) == {
        "receipt_id": "1",
        "store_id": "one",
        "sold_at": "2025-07-01T10:00:00.000+02:00",
        "currency": "EUR",
        "customer": {"user_id": "42"},
        "lines": [{"sku": "A", "quantity": 2, "unit_price": 1.10}, {"sku": "B", "quantity": 1, "unit_price": 0.05}],
        "total": 2.25,
        "kind": "sale",
        "import": {"id": "0" * 16, "file": "f.csv", "line": 2},
    }
    assert "customer" not in made(second)


def test_a_return_is_written_with_positive_numbers() -> None:
    (item,) = outcomes(TILLS, HEAD + "C1,A,-2,1.10,2025-07-01 10:00,42\n")
    receipt = made(item)
    assert (receipt["kind"], receipt["total"], receipt["lines"][0]["quantity"]) == ("return", 2.20, 2)


def test_a_negative_sum_is_a_return_whatever_its_number() -> None:
    (item,) = outcomes(TILLS, HEAD + "7,A,-2,1.10,2025-07-01 10:00,42\n")
    assert made(item)["kind"] == "return"


def test_a_row_left_out_does_not_end_the_receipt_around_it() -> None:
    skipped, item = outcomes(
        TILLS + "skip: {Code: [POST]}\n",
        HEAD + "1,A,1,1,2025-07-01 10:00,\n1,POST,1,9,2025-07-01 10:00,\n1,B,1,1,2025-07-01 10:00,\n",
    )
    assert isinstance(skipped, Skipped)
    assert made(item)["total"] == 2


def test_a_receipt_of_endless_rows_is_refused_and_the_next_is_read() -> None:
    endless = "1,A,1,1,2025-07-01 10:00,\n" * 5_000
    bad, good = outcomes(TILLS, HEAD + endless + "2,A,1,1,2025-07-01 10:00,\n")
    assert isinstance(bad, Problem)
    assert "does group_by name the right column" in bad.reason
    assert made(good)["receipt_id"] == "2"


def test_a_line_without_price_refuses_its_receipt() -> None:
    (bad,) = outcomes(TILLS, HEAD + "1,A,1,,2025-07-01 10:00,\n")
    assert isinstance(bad, Problem)
    assert "a line needs quantity and unit_price" in bad.reason.lower()


def test_the_samples_rows_become_what_their_readme_says() -> None:
    from pathlib import Path

    from ingest.files.mapping import load_mapping
    from tappa.imports.file import opened

    samples = Path(__file__).parents[3] / "samples"
    counts: dict[str, tuple[int, int]] = {}
    for name, file in (("web", "events.csv.gz"), ("clickstream", "clickstream.csv.gz"), ("receipts", "receipts.csv")):
        with opened(samples / name / file) as (content, _):
            found = list(read_table(content, UPLOAD, load_mapping(samples / name / "mapping.yaml")))
        assert not [outcome for outcome in found if isinstance(outcome, Problem)]
        counts[name] = (sum(isinstance(one, Item) for one in found), sum(isinstance(one, Skipped) for one in found))
    assert counts == {"web": (103, 57), "clickstream": (31_106, 0), "receipts": (14, 0)}


def test_a_receipt_of_too_many_characters_is_refused_and_held_in_no_memory() -> None:
    head = "Invoice,Date,Who,Code,Quantity,Price\n"
    large = "1,2025-07-01T10:00,,{},1,2\n".format("x" * 100_000)
    refused, taken = outcomes(TILLS, head + large * 300 + "2,2025-07-01T10:00,,A,1,2\n")
    assert isinstance(refused, Problem)
    assert "2,000,000 characters" in refused.reason
    assert made(taken)["receipt_id"] == "2"


def test_rows_of_a_receipt_may_be_written_with_other_blanks() -> None:
    head = "Invoice,Date,Who,Code,Quantity,Price\n"
    rows = (
        "1,2025-07-01T10:00,,A,1,2\n 1 ,2025-07-01T10:00,,B,1,2\n1,2025-07-01T10:00,,C,1,2\n2,2025-07-01T10:00,,A,1,2\n"
    )
    assert [len(made(one)["lines"]) for one in outcomes(TILLS, head + rows)] == [3, 1]
