"""``tappa map`` proposes mappings that import the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tappa.imports.words import COLUMNS, ROLES, likeness
from tests.tappa.imports.running import Installation
from tests.tappa.imports.tables import as_csv, as_excel

SAMPLES = Path(__file__).parents[3] / "samples"
ITALIAN = [
    ["Nr. scontrino", "Negozio", "Data", "Ora", "Codice articolo", "Descrizione", "Q.tà", "Prezzo", "Tessera", "Note"],
    ["1", "MI-01", "31/03/2026", "10:15", "A1", "Caffè", "2", "1,10", "77", ""],
    ["1", "MI-01", "31/03/2026", "10:15", "B2", "Perché", "1", "1.234,50", "77", "x"],
    ["2", "MI-01", "01/04/2026", "18:05", "A1", "Caffè", "1", "1,10", "", ""],
    ["3", "MI-01", "boh", "18:05", "A1", "Caffè", "1", "1,10", "", ""],
]
GERMAN = [
    [
        "Belegnummer",
        "Filiale",
        "Belegdatum",
        "Artikel-Nr.",
        "Bezeichnung",
        "Menge",
        "Einzelpreis",
        "Belegart",
        "Kundenkarte",
    ],
    ["17", "3", "31.03.2026 10:15", "A1", "Kaffee", "2", "1,10", "Verkauf", "77"],
    ["18", "3", "31.03.2026 11:15", "A1", "Kaffee", "-1", "1,10", "Retoure", "77"],
    ["19", "3", "31.03.2026 12:15", "A1", "Kaffee", "1", "1,10", "Inventur", ""],
]
FRENCH = [
    ["Numéro de ticket", "Magasin", "Date de vente", "Total TTC", "Carte de fidélité"],
    ["5", "Paris", "2026-03-01 10:00", "12.5", "88"],
]
ENGLISH = [
    ["event", "user_id", "created_at", "amount", "email"],
    ["Order Completed", "u1", "2026-03-01T10:00:00Z", "12.50", "a@example.com"],
    ["Product Viewed", "", "2026-03-01T10:01:00Z", "", "b@example.com"],
    ["Product Viewed", "", "2026-03-01T10:01:00Z", "", ""],
]


@pytest.fixture
def tappa(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "nowhere")


def proposed(tappa: Installation, file: Path, *words: str) -> tuple[dict[str, Any], str]:
    """The mapping that was written, and what was said."""
    out = file.with_suffix(".yaml")
    done = tappa.tappa("map", str(file), "--out", str(out), *words)
    assert done.exit_code == 0, done.output
    mapping: dict[str, Any] = yaml.safe_load(out.read_text())
    return mapping, done.stdout


def rehearsed(tappa: Installation, file: Path) -> tuple[int, int]:
    found = tappa.imported(file, "--mapping", str(file.with_suffix(".yaml")), "--dry-run")
    return found["accepted"], found["rejected"]


def test_receipts_of_an_italian_till(tappa: Installation, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "it.csv", ITALIAN, delimiter=";", encoding="cp1252")
    mapping, said = proposed(tappa, file, "--zone", "Europe/Rome")
    assert mapping["csv"] == {"delimiter": ";", "encoding": "cp1252"}
    assert mapping["receipt"] == {
        "group_by": ["Nr. scontrino", "Negozio"],
        "fields": {
            "receipt_id": "Nr. scontrino",
            "store_id": "Negozio",
            "sold_at": {"template": "{Data} {Ora}", "time": {"format": "%d/%m/%Y %H:%M", "zone": "Europe/Rome"}},
            "currency": {"constant": "EUR"},
            "customer.loyalty_card": "Tessera",
        },
        "lines": {
            "sku": "Codice articolo",
            "name": "Descrizione",
            "quantity": {"column": "Q.tà", "as": "number", "decimal": ","},
            "unit_price": {"column": "Prezzo", "as": "number", "decimal": ","},
        },
    }
    assert "# not used: Note" in said
    assert "# currency: no column says it; taken as EUR (--currency says another)" in said
    assert '"sold_at":"2026-03-31T10:15:00.000+02:00"' in said
    assert "Of the first 3: 2 receipts, 1 not read" in said
    assert "1: 'boh 18:05' is no time of the form %d/%m/%Y %H:%M. (line 5: 3,MI-01,boh" in said
    assert rehearsed(tappa, file) == (2, 1)


def test_receipts_of_a_german_till_with_a_column_for_their_kind(tappa: Installation, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "de.csv", GERMAN, delimiter=";")
    mapping, said = proposed(tappa, file)
    kind = {"column": "Belegart", "map": {"Retoure": "return", "Verkauf": "sale"}, "otherwise": "refuse"}
    assert mapping["receipt"]["fields"]["kind"] == kind
    assert "# kind: Inventur: say what these are; such rows are refused" in said
    assert '"kind":"return"' in said
    assert rehearsed(tappa, file) == (2, 1)


def test_receipts_without_lines(tappa: Installation, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "fr.tsv", FRENCH, delimiter="\t")
    mapping, _ = proposed(tappa, file, "--currency", "CHF", "--zone", "Europe/Paris")
    assert "lines" not in mapping["receipt"]
    assert mapping["receipt"]["fields"]["currency"] == {"constant": "CHF"}
    assert rehearsed(tappa, file) == (1, 0)


def test_messages(tappa: Installation, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "en.csv", ENGLISH)
    mapping, said = proposed(tappa, file)
    assert mapping["message"] == {
        "type": {"constant": "track"},
        "event": "event",
        "timestamp": {"column": "created_at", "time": {"format": "iso", "zone": "UTC"}},
        "userId": "user_id",
        "context.traits.email": "email",
        "properties.total": {"column": "amount", "as": "number"},
    }
    assert "Of the first 3: 2 messages, 1 not read" in said
    assert "1: Nothing says whose touchpoint it is" in said


def test_messages_of_devices_are_judged_as_those_of_a_site(tappa: Installation, tmp_path: Path) -> None:
    rows = [["visitor_id", "page_url", "timestamp"], ["v-1", "https://shop.example/", "1772359200"]]
    mapping, said = proposed(tappa, as_csv(tmp_path / "web.csv", rows))
    assert mapping["message"]["anonymousId"] == "visitor_id"
    assert mapping["message"]["type"] == {"constant": "page"}
    assert "Of the first 1: 1 messages" in said


@pytest.mark.parametrize("form", ["ndjson", "json"])
def test_objects_of_another_shape(tappa: Installation, tmp_path: Path, form: str) -> None:
    sold = {"ticket": 7, "shop": "MI", "date": "2026-03-01T10:00:00Z", "client": {"email": "a@example.com"},
            "article": "A", "price": 1.5, "tags": ["x"], "note": None}  # fmt: skip
    objects = [json.dumps(one) for one in (sold, {**sold, "article": "B", "later": 1}, {**sold, "ticket": 8})]
    file = tmp_path / f"sold.{form}"
    file.write_text("\n".join([*objects, "nonsense"]) if form == "ndjson" else f"[{','.join([*objects, 'nonsense'])}]")
    mapping, said = proposed(tappa, file)
    assert mapping["receipt"]["group_by"] == ["ticket", "shop"]
    assert mapping["receipt"]["fields"]["customer.email"] == "client.email"
    assert "Of the first 3: 2 receipts, 1 not read" in said
    assert rehearsed(tappa, file) == (2, 1)


def test_a_workbook_and_its_sheet(tappa: Installation, tmp_path: Path) -> None:
    file = as_excel(tmp_path / "book.xlsx", ITALIAN[:2], sheet="Marzo")
    mapping, said = proposed(tappa, file, "--sheet", "Marzo", "--store", "X")
    assert mapping["excel"] == {"sheet": "Marzo"}
    assert "Of the first 1: 1 receipts" in said
    assert rehearsed(tappa, file) == (1, 0)


def test_the_sample_of_receipts(tappa: Installation) -> None:
    done = tappa.tappa("map", str(SAMPLES / "receipts/receipts.csv"), "--zone", "Europe/London", "--currency", "GBP")
    assert "# times: could also be %d/%m/%Y %H:%M; taken as %m/%d/%Y %H:%M" in done.stdout
    assert "Of the first 14: 14 receipts" in done.stdout


def test_files_that_need_no_mapping_are_shown(tappa: Installation, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text('{"type":"track","event":"A","userId":"u"}\n{"type":"track"}\nnonsense\n')
    done = tappa.tappa("map", str(file), "--out", str(tmp_path / "out.yaml"))
    assert "a file of the format ndjson needs no mapping" in done.stdout
    assert "Of the first 3: 1 messages, 2 not read" in done.stdout
    assert not (tmp_path / "out.yaml").exists()
    poslog = tappa.tappa("map", str(SAMPLES / "poslog/poslog-6.xml"))
    assert "Of the first 11: 6 receipts, 5 left out" in poslog.stdout


def test_a_mapping_of_ones_own_is_tried(tappa: Installation) -> None:
    done = tappa.tappa(
        "map", str(SAMPLES / "receipts/receipts.csv"), "--mapping", str(SAMPLES / "receipts/mapping.yaml")
    )
    assert '"store_id":"uk-01"' in done.stdout
    assert "Of the first 14: 14 receipts" in done.stdout


def test_nothing_is_overwritten_without_being_told_so(tappa: Installation, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "en.csv", ENGLISH)
    file.with_suffix(".yaml").write_text("mine")
    refused = tappa.tappa("map", str(file), "--out", str(file.with_suffix(".yaml")))
    assert refused.exit_code == 1
    assert "exists: --force overwrites it" in refused.stderr
    assert file.with_suffix(".yaml").read_text() == "mine"
    assert "message" in proposed(tappa, file, "--force")[0]


def test_a_table_of_something_else_is_told(tappa: Installation, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "other.csv", [["Planet", "Moons"], ["Mars", "2"]])
    done = tappa.tappa("map", str(file))
    assert done.exit_code == 1
    assert "no mapping comes to mind for the columns Planet, Moons" in done.stderr


def test_what_columns_are_called_speaks_for_what_they_are() -> None:
    assert likeness("Customer ID", "user_id") == 3
    assert likeness("customerId", "user_id") == 3
    assert likeness("STRASSE", "email") == 0
    assert likeness("Kunden-E-Mail-Adresse", "email") == 2
    assert likeness("Prezzo netto", "unit_price") == 1


@pytest.mark.parametrize("role", sorted(COLUMNS))
def test_no_name_is_said_of_two_roles_that_nothing_else_tells_apart(role: str) -> None:
    others = {name for other in ROLES if other != role for name in ROLES[other]}
    assert not set(ROLES[role]) & others


def test_the_shown_receipts_are_those_that_are_then_sent(tappa: Installation, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "it.csv", ITALIAN[:3], delimiter=";")
    _, said = proposed(tappa, file)
    shown = next(json.loads(line) for line in said.splitlines() if line.startswith('{"receipt_id"'))
    assert [line["unit_price"] for line in shown["lines"]] == [1.1, 1234.5]
