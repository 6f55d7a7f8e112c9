"""``tappa imports``."""

from __future__ import annotations

import json
from pathlib import Path

from ingest.files.outcome import Problem
from tappa.imports.journal import Journal, Progress
from tests.typed import typed

TILLS = Progress(
    import_id="4f9a12c0" * 8, file="tills.csv", source="stores", started_at="2026-03-01T10:00:00.000Z",
    finished_at="2026-03-01T10:05:00.000Z", accepted=98_000, duplicate=1, rejected=2, skipped=3,
)  # fmt: skip
SHOP = Progress(import_id="4f0b" * 16, file="shop.csv", source="shop", started_at="2026-03-02T10:00:00.000Z")
BAD = [Problem(line=line, code="row", reason="'x' is no number", text="a;x") for line in (7, 9)]


def listed(data: Path, *arguments: str) -> str:
    done = typed("imports", *arguments, TAPPA_DATA=str(data))
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_what_was_imported_is_listed_and_shown_also_while_an_import_runs(tmp_path: Path) -> None:
    with Journal(tmp_path / "imports") as journal:
        with journal.step(TILLS):
            journal.note(TILLS.import_id, BAD)
        journal.keep(SHOP)
        assert listed(tmp_path, "list").splitlines() == [
            "4f0b4f0b  2026-03-02T10:00:00.000Z  shop  shop.csv",
            "    0 accepted, 0 duplicate, 0 rejected; not finished",
            "4f9a12c0  2026-03-01T10:00:00.000Z  stores  tills.csv",
            "    98,000 accepted, 1 duplicate, 2 rejected, 3 left out by the mapping",
        ]
        assert [one["file"] for one in json.loads(listed(tmp_path, "list", "--source", "stores", "--json"))] == [
            "tills.csv"
        ]
        shown = listed(tmp_path, "show", "4f9", "--limit", "1").splitlines()
    assert shown[2:] == [
        "98,000 accepted, 1 duplicate, 2 rejected, 3 left out by the mapping",
        "  line 7: row: 'x' is no number",
        "  and 1 more",
    ]
    assert json.loads(listed(tmp_path, "show", "4f9", "--json"))["problems"][1]["line"] == 9


def test_an_id_must_be_that_of_one_import(tmp_path: Path) -> None:
    assert "nothing was imported yet" in listed(tmp_path, "list")
    with Journal(tmp_path / "imports") as journal:
        journal.keep(TILLS)
        journal.keep(SHOP)
    for begins, said in (("4f", "several"), ("5", "no import")):
        done = typed("imports", "show", begins, TAPPA_DATA=str(tmp_path))
        assert done.exit_code == 1
        assert said in done.stderr
