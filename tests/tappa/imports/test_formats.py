"""Whatever the form of a file: the same outcomes, at the same positions, every time."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from ingest.files.mapping import Mapping, MappingError, parse_mapping
from ingest.files.outcome import HashedUpload, Item, Outcome, Problem
from ingest.files.packed import DamagedFileError
from tappa.imports.formats import Format, detected, format_of, place, reading
from tests.tappa.imports.tables import as_csv, as_excel, as_parquet

UPLOAD = HashedUpload(upload_id="0" * 16, file="f", source="s", started_at="2026-01-01T00:00:00.000Z")
MAPPING = """
version: 1
receipt:
  group_by: [Receipt]
  fields:
    receipt_id: Receipt
    store_id: {constant: one}
    sold_at: {column: When, time: {zone: Europe/Rome}}
    currency: {constant: EUR}
    customer.loyalty_card: Card
  lines: {sku: Item, name: Name, quantity: {column: Pieces, as: number}, unit_price: {column: Price, as: number}}
"""
HEAD = ["Receipt", "When", "Item", "Name", "Pieces", "Price", "Card"]
WHEN = [datetime.fromisoformat(at) for at in ("2026-03-01 09:30", "2026-03-01 09:30", "2026-03-14 18:05")]
ROWS = [
    ("1", WHEN[0], "A-1", "Caffè", 2, 1.1, "77"),
    ("1", WHEN[1], "B-2", "Perché no", 1, 1234.5, "77"),
    ("2", WHEN[2], "A-1", "Caffè", 1, 1.1, ""),
]
WRITTEN = [[str(cell) for cell in row] for row in ROWS]
"""With ISO times and points."""
ITALIAN = [
    [row[0], row[1].strftime("%d/%m/%Y %H:%M"), row[2], row[3], str(row[4]), f"{row[5]:.2f}".replace(".", ","), row[6]]
    for row in ROWS
]
QUERY = (
    "SELECT c1 AS Receipt, c2 AS When, c3 AS Item, c4 AS Name, c5 AS Pieces, c6 AS Price, c7 AS Card FROM "
    "values('c1 String, c2 String, c3 String, c4 String, c5 Int32, c6 Decimal(9, 2), c7 String', "
    + ", ".join(str((row[0], str(row[1]), *row[2:])) for row in ROWS)
    + ")"
)


def outcomes(path: Path, form: Format, mapping: Mapping | None = None) -> list[Outcome]:
    with reading(path, form, mapping, UPLOAD) as file:
        return list(file.outcomes)


def bodies(path: Path, form: Format, mapping: str = MAPPING) -> list[dict[str, Any]]:
    found = detected(path, form, parse_mapping(mapping, "m.yaml")).mapping
    made = [json.loads(one.body) for one in outcomes(path, form, found) if isinstance(one, Item)]
    return [{name: value for name, value in body.items() if name != "import"} for body in made]


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_parquet(tmp_path_factory.mktemp("parquet") / "sales{2026}*.parquet", QUERY)


def test_the_same_rows_are_the_same_receipts_in_every_form(tmp_path: Path, parquet: Path) -> None:
    plain = bodies(as_csv(tmp_path / "plain.csv", [HEAD, *WRITTEN]), "csv")
    assert [(one["receipt_id"], one["sold_at"], one["total"]) for one in plain] == [
        ("1", "2026-03-01T09:30:00.000+01:00", 1236.7),
        ("2", "2026-03-14T18:05:00.000+01:00", 1.1),
    ]
    italian = as_csv(tmp_path / "italian.csv", [HEAD, *ITALIAN], delimiter=";", encoding="cp1252")
    assert bodies(italian, "csv") == plain
    assert bodies(as_csv(tmp_path / "wide.csv", [HEAD, *ITALIAN], encoding="utf-16"), "csv") == plain
    assert bodies(as_csv(tmp_path / "tabs.tsv", [HEAD, *WRITTEN], delimiter="\t"), "tsv") == plain
    assert bodies(as_excel(tmp_path / "book.xlsx", [HEAD, *ROWS]), "excel") == plain
    assert bodies(parquet, "parquet") == plain


def test_what_was_found_out_is_said_and_what_the_mapping_says_is_not_asked(tmp_path: Path) -> None:
    file = as_csv(tmp_path / "italian.csv", [HEAD, *ITALIAN], delimiter=";", encoding="cp1252")
    found = detected(file, "csv", parse_mapping(MAPPING, "m.yaml"))
    assert found.said == [
        "csv.encoding: cp1252",
        "csv.delimiter: ';'",
        "When: time.format: '%d/%m/%Y %H:%M'",
        "decimal: ','",
    ]
    assert detected(file, "csv", found.mapping).said == []
    assert detected(file, "csv", found.mapping).mapping == found.mapping


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["1", "01/02/2026 10:00", "A", "A", "1", "1,50", ""], "can be read as %d/%m/%Y %H:%M or as %m/%d/%Y %H:%M"),
        (["1", "2026-03-01 10:00", "A", "A", "1", "1,500", ""], "the decimal mark of the numbers can be a comma or"),
        (["1", "2026-03-01 10:00", "A", "A", "1.5", "1,50", ""], "the decimal mark of the numbers can be a comma or"),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked_and_not_guessed(tmp_path: Path, row: list[str], said: str) -> None:
    file = as_csv(tmp_path / "unclear.csv", [HEAD, row])
    with pytest.raises(MappingError) as caught:
        detected(file, "csv", parse_mapping(MAPPING, "m.yaml"))
    assert said in str(caught.value)


def test_the_row_that_decides_may_come_late(tmp_path: Path) -> None:
    early = [
        ["1", f"03/01/2026 {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}", "A", "A", "1", "1", ""] for n in range(12_000)
    ]
    late = [["1", "03/31/2026 10:00:00", "A", "A", "1", "1", ""]]
    file = as_csv(tmp_path / "late.csv", [HEAD, *early, *late])
    assert "When: time.format: '%m/%d/%Y %H:%M:%S'" in detected(file, "csv", parse_mapping(MAPPING, "m.yaml")).said


def test_a_bad_value_is_its_rows_own_matter(tmp_path: Path) -> None:
    rows = [
        *ITALIAN,
        ["3", "yesterday", "A", "A", "1", "1,00", ""],
        ["4", "15/03/2026 10:00", "A", "A", "1", "much", ""],
    ]
    file = as_csv(tmp_path / "bad.csv", [HEAD, *rows], delimiter=";")
    found = outcomes(file, "csv", detected(file, "csv", parse_mapping(MAPPING, "m.yaml")).mapping)
    assert [(one.line, one.reason) for one in found if isinstance(one, Problem)] == [
        (5, "'yesterday' is no time of the form %d/%m/%Y %H:%M."),
        (6, "'much' is no number with ',' before its decimals."),
    ]
    assert sum(isinstance(one, Item) for one in found) == 2


def test_positions_of_rows_are_those_that_a_person_sees(tmp_path: Path, parquet: Path) -> None:
    mapping = parse_mapping("version: 1\nmessage: {event: Item}\n", "m.yaml")
    book = as_excel(tmp_path / "book.xlsx", [HEAD, ROWS[0], [None] * 7, ROWS[1]])
    assert [one.line for one in outcomes(book, "excel", mapping)] == [2, 4]
    assert [one.line for one in outcomes(parquet, "parquet", mapping)] == [1, 2, 3]
    assert (place(book, "excel"), place(parquet, "parquet")) == ("row", "row")


def test_a_sheet_is_chosen_by_its_name_and_its_header_by_its_row(tmp_path: Path) -> None:
    book = as_excel(tmp_path / "book.xlsx", [["Sales of March"], [], HEAD, *ROWS], sheet="March")
    chosen = bodies(book, "excel", MAPPING + "excel: {sheet: March, header_row: 3}\n")
    assert [one["receipt_id"] for one in chosen] == ["1", "2"]
    with pytest.raises(MappingError, match="no sheet 'April'; it has: March"):
        bodies(book, "excel", MAPPING + "excel: {sheet: April}\n")


def test_rows_beyond_what_a_sheet_says_of_its_size_are_read(tmp_path: Path) -> None:
    book, wrong = as_excel(tmp_path / "book.xlsx", [HEAD, *ROWS]), tmp_path / "wrong.xlsx"
    with ZipFile(book) as parts, ZipFile(wrong, "w") as changed:
        for name in parts.namelist():
            changed.writestr(name, parts.read(name).replace(b'<dimension ref="A1:G4"', b'<dimension ref="A1:B2"'))
    with ZipFile(wrong) as parts:
        assert b'ref="A1:B2"' in parts.read("xl/worksheets/sheet1.xml")
    assert bodies(wrong, "excel") == bodies(book, "excel")


def test_a_byte_that_ends_all_reading_is_told_after_what_came_before(tmp_path: Path) -> None:
    file = tmp_path / "cut.csv"
    file.write_bytes("what\nA\n".encode("utf-16") + b"\x41")
    found = parse_mapping("version: 1\nmessage: {event: what}\n", "m.yaml")
    with reading(file, "csv", detected(file, "csv", found).mapping, UPLOAD) as reader:
        assert isinstance(next(reader.outcomes), Item)
        with pytest.raises(DamagedFileError, match="not in the encoding of the file"):
            next(reader.outcomes)


def test_cells_of_excel_are_read_as_what_they_show(tmp_path: Path) -> None:
    mapping = parse_mapping("version: 1\nmessage: {properties.x: x}\n", "m.yaml")
    cells: list[Any] = [0.1 + 0.2, 12345678901.0, True, datetime.fromisoformat("2026-03-01"), "0077"]
    book = as_excel(tmp_path / "book.xlsx", [["x"], *([cell] for cell in cells)])
    found = [
        json.loads(one.body)["properties"]["x"] for one in outcomes(book, "excel", mapping) if isinstance(one, Item)
    ]
    assert found == ["0.3", "12345678901", "true", "2026-03-01T00:00:00", "0077"]


def test_values_of_parquet_keep_their_digits(tmp_path: Path) -> None:
    file = as_parquet(
        tmp_path / "times.parquet",
        "SELECT toDateTime64('2026-03-01 09:30:00', 3, 'UTC') AS instant, toDate('2026-03-01') AS day, "
        "toDecimal64('12.30', 2) AS amount, [1, 2] AS list, NULL::Nullable(Int8) AS nothing, "
        "18446744073709551615 AS large",
    )
    names = ("instant", "day", "amount", "list", "nothing", "large")
    mapping = parse_mapping(
        "version: 1\nmessage: {" + ", ".join(f"properties.{n}: {n}" for n in names) + "}\n", "m.yaml"
    )
    (item,) = outcomes(file, "parquet", mapping)
    assert isinstance(item, Item)
    assert json.loads(item.body)["properties"] == {
        "instant": "2026-03-01T09:30:00.000+00:00",
        "day": "2026-03-01",
        "amount": "12.3",
        "list": "[1,2]",
        "large": "18446744073709551615",
    }


def test_clock_times_of_parquet_have_no_offset_and_instants_have() -> None:
    names = ("naive", "utc", "rome", "day", "dec", "b", "s", "nan")
    mapping = parse_mapping(
        "version: 1\nmessage: {" + ", ".join(f"properties.{n}: {n}" for n in names) + "}\n", "m.yaml"
    )
    (item,) = outcomes(Path(__file__).with_name("pyarrow_types.parquet"), "parquet", mapping)
    assert isinstance(item, Item)
    assert json.loads(item.body)["properties"] == {
        "naive": "2024-05-01T10:00:00.500000",
        "utc": "2024-05-01T10:00:00.000+00:00",
        "rome": "2024-05-01T10:00:00.000000+00:00",
        "day": "2024-05-01",
        "dec": "1234.5",
        "b": "true",
    }


def test_rows_of_parquet_come_in_the_files_own_order(tmp_path: Path) -> None:
    file = as_parquet(
        tmp_path / "many.parquet",
        "SELECT number AS n FROM numbers(300000) SETTINGS output_format_parquet_row_group_size = 20000",
    )
    mapping = parse_mapping("version: 1\nmessage: {properties.n: {column: n, as: integer}}\n", "m.yaml")
    with reading(file, "parquet", mapping, UPLOAD) as found:
        assert all(
            isinstance(one, Item) and one.line == at + 1 and b'"n":%d}' % at in one.body
            for at, one in enumerate(found.outcomes)
        )
        assert found.read() == 1.0


@pytest.mark.parametrize("form", ["excel", "parquet"])
def test_what_is_not_of_its_form_is_damaged(tmp_path: Path, form: Format) -> None:
    file = as_csv(tmp_path / "plain", [HEAD, *WRITTEN])
    with pytest.raises(DamagedFileError, match=r"plain is no (Excel|Parquet)"):
        outcomes(file, form, parse_mapping(MAPPING, "m.yaml"))


def test_an_array_is_read_like_lines(tmp_path: Path) -> None:
    messages = [{"type": "track", "event": "A", "userId": "u"}, {"receipt_id": "7", "store_id": "one"}]
    lines, array = tmp_path / "a.ndjson", tmp_path / "a.json.gz"
    lines.write_text("".join(json.dumps(one) + "\n" for one in messages))
    array.write_bytes(gzip.compress(json.dumps(messages, indent=2).encode()))
    assert place(array, "json") == "element"
    as_lines, as_elements = outcomes(lines, "ndjson"), outcomes(array, "json")
    assert [one.receipt for one in as_elements if isinstance(one, Item)] == [False, True]
    assert [json.loads(one.body) for one in as_lines if isinstance(one, Item)] == [
        json.loads(one.body) for one in as_elements if isinstance(one, Item)
    ]


def test_a_name_says_the_form_whatever_the_packing() -> None:
    named = {
        name: format_of(Path(name)) for name in ("a.csv.gz", "a.TSV", "a.b.xlsx", "a.parquet", "a.json.zst", "a.txt")
    }
    assert list(named.values()) == ["csv", "tsv", "excel", "parquet", "json", None]


def test_a_file_of_one_ambiguous_day_must_be_told_its_form() -> None:
    samples = Path(__file__).parents[3] / "samples/receipts"
    text = (samples / "mapping.yaml").read_text().replace('format: "%m/%d/%Y %H:%M", ', "")
    assert (samples / "receipts.csv").read_text().count(",12/1/2010 ") == 99
    with pytest.raises(MappingError, match="can be read as"):
        detected(samples / "receipts.csv", "csv", parse_mapping(text, "m.yaml"))


def test_money_is_read_as_people_write_it(tmp_path: Path) -> None:
    mapping = 'version: 1\nmessage: {properties.x: {column: x, as: number, decimal: ","}}\n'
    written = ["1.234,56", "12,5", "€ 7", "7 €", "-3,10", "3,10-", "1'000,00", "1 000", "0,1", "EUR 9,99", ",5", "5,"]
    file = as_csv(tmp_path / "a.csv", [["x"], *([text] for text in written)], delimiter=";")
    found = outcomes(file, "csv", parse_mapping(mapping + "csv: {delimiter: ';'}\n", "m.yaml"))
    assert [json.loads(one.body, parse_float=Decimal)["properties"]["x"] for one in found if isinstance(one, Item)] == [
        Decimal(one)
        for one in ("1234.56", "12.5", "7", "7", "-3.10", "-3.10", "1000.00", "1000", "0.1", "9.99", "0.5", "5")
    ]
    bad = as_csv(tmp_path / "b.csv", [["x"], ["12.50"], ["1.23,4"], ["1.234.5"], ["--3"], ["€"]], delimiter=";")
    refused = outcomes(bad, "csv", parse_mapping(mapping + "csv: {delimiter: ';'}\n", "m.yaml"))
    assert [type(one) for one in refused] == [Problem] * 5
