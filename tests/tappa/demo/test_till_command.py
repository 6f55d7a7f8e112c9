"""``tappa demo till`` as it is typed; what becomes of its receipts is tested in ``tests/e2e/test_till.py``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tappa.imports.running import installed
from tests.typed import typed

TILLS = ("demo", "till", "--seed", "4", "--receipts", "60", "--days", "5", "--end", "2026-03-31")


def test_a_file_of_it_is_taken_by_import_and_has_the_totals_that_are_told(tmp_path: Path) -> None:
    file = tmp_path / "tills.ndjson"
    told = json.loads(typed(*TILLS, "--out", str(file), "--json").stdout)
    installation = installed(tmp_path / "data")
    with installation.ingest():
        found = installation.imported(file)
    assert told["receipts"] == 60
    assert (found["accepted"], found["duplicate"]) == (60 + told["claims"], told["copies"])
    assert (found["rejected"], found["differing"]) == (0, 0)


def test_it_is_sent_by_a_source_of_its_own_at_a_rate_and_the_totals_are_told_to_people(tmp_path: Path) -> None:
    installation = installed(tmp_path / "data")
    with installation.ingest():
        done = installation.tappa(*TILLS, "--rate", "100", "--late")
        accepted = installation.accepted("demo-till")
    assert done.exit_code == 0, done.output
    assert f"tills: {accepted} accepted in" in done.stderr
    told = json.loads(typed(*TILLS, "--out", str(tmp_path / "tills.ndjson"), "--json").stdout)
    assert accepted == 60 + told["claims"] + told["copies"]
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"60 receipts ({told['by_kind']['sale']} sale, ")
    assert [line.split("  ")[0] for line in lines[2:]] == ["milano-01", "torino-01", "zurich-01"]
    assert lines[2].endswith(f"{told['stores']['milano-01']['revenue']['EUR']} EUR")


@pytest.mark.parametrize("wrong", [("--rate", "5", "--out", "x"), ("--stores", "0"), ("--end", "yesterday")])
def test_what_cannot_be_meant_is_wrong_usage(wrong: tuple[str, ...]) -> None:
    assert typed(*TILLS, *wrong).exit_code == 2


def test_without_ingest_it_says_so(tmp_path: Path) -> None:
    done = installed(tmp_path / "data").tappa(*TILLS)
    assert done.exit_code == 1
    assert "is `tappa up` running?" in done.stderr
