"""The watched folder: where files go, and what a crash in between leaves to be done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tappa.watching.folder import Folder
from tappa.watching.report import Report


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.prepare()
    return folder


def report(folder: Folder, name: str = "a.csv") -> Report:
    return Report(
        file=name, outcome="done", reason="", source="tills", mapping=None, bytes=1, ended_at="", rejected_list=None,
        moved_to=folder.place_for(name, "done"), summary=None,
    )  # fmt: skip


def taken(folder: Folder, text: str, name: str = "a.csv") -> Path:
    (folder.path / name).write_text(text)
    return folder.take(name)


def files(folder: Folder) -> dict[str, str]:
    """Of all that is there, but reports."""
    every = (one for one in folder.path.rglob("*") if one.is_file() and not one.name.endswith(".json"))
    return {str(one.relative_to(folder.path)): one.read_text() for one in every}


def test_only_files_that_may_be_looked_at_are_seen(folder: Folder, tmp_path: Path) -> None:
    for name in ("a.csv", ".hidden", "b.part"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.csv").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.csv")
    assert set(folder.stamps()) == {"a.csv"}


def test_files_of_one_name_do_not_overwrite_each_other(folder: Folder) -> None:
    for text in ("first", "second", "third"):
        taken(folder, text)
        folder.close(report(folder), None)
    assert files(folder) == {"done/a.csv": "first", "done/a-2.csv": "second", "done/a-3.csv": "third"}
    assert (folder.path / "done/a-2.csv.report.json").exists()


@pytest.mark.parametrize(
    ("name", "second"),
    [("a.csv.gz", "a-2.csv.gz"), ("2026.03.01.csv", "2026.03.01-2.csv"), ("README", "README-2")],
)
def test_a_name_keeps_its_end(folder: Folder, name: str, second: str) -> None:
    (folder.path / "done" / name).write_text("there")
    assert folder.place_for(name, "done") == f"done/{second}"


def test_what_was_rejected_lies_beside_the_file(folder: Folder, tmp_path: Path) -> None:
    listed = tmp_path / ".elsewhere"
    listed.write_text("line 4")
    taken(folder, "text")
    folder.close(report(folder), listed)
    found = files(folder)
    assert found.pop(".elsewhere") == "line 4"
    assert found == {"done/a.csv": "text", "done/a.csv.rejected.ndjson": "line 4"}


MOVES: Final = ("a.csv", ".rejected.ndjson", ".report.json")


@pytest.mark.parametrize("moved", range(4))
def test_after_a_crash_while_it_was_moved_the_rest_is_moved(folder: Folder, moved: int) -> None:
    place = taken(folder, "text").parent
    said = report(folder)
    (place / ".rejected.ndjson").write_text("line 4")
    (place / ".report.json").write_bytes(msgspec.json.encode(said))
    ends = ("", ".rejected.ndjson", ".report.json")
    for here, end in list(zip(MOVES, ends, strict=True))[:moved]:
        (place / here).rename(folder.path / f"done/a.csv{end}")
    folder.prepare()
    assert files(folder) == {"done/a.csv": "text", "done/a.csv.rejected.ndjson": "line 4"}
    assert (folder.path / "done/a.csv.report.json").exists()
    assert folder.taken() is None


def test_after_a_crash_before_the_report_was_written_the_file_is_still_taken(folder: Folder) -> None:
    file = taken(folder, "text")
    (file.parent / ".rejected.ndjson").write_text("line 4")
    (file.parent / ".report.json.tmp").write_text("{")
    folder.prepare()
    assert folder.taken() == file
    assert files(folder) == {"taken/a.csv": "text"}
