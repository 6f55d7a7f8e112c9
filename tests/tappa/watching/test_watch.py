"""``tappa watch`` with a real ingest."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.eventually import WAIT_S, eventually
from tests.tappa.imports.running import Installation, installed

SAMPLES = Path(__file__).parents[3] / "samples"
MAPPING = """
version: 1
receipt:
  group_by: [number]
  fields:
    receipt_id: number
    store_id: {constant: milan-1}
    sold_at: {column: at, time: {zone: Europe/Rome}}
    currency: {constant: EUR}
  lines:
    sku: sku
    quantity: {column: pieces, as: number}
    unit_price: {column: price, as: number}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = installed(tmp_path_factory.mktemp("data"))
    with installation.ingest():
        yield installation


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    (tmp_path / "tills.yaml").write_text(MAPPING)
    return folder


def table(first: int, count: int) -> str:
    rows = (f"{number},2026-03-01T10:15:00,A1,1,9.90\n" for number in range(first, first + count))
    return "number,at,sku,pieces,price\n" + "".join(rows)


def messages(count: int, name: str) -> str:
    said = {"type": "track", "event": "A", "userId": "u", "timestamp": "2024-05-01T10:00:00Z"}
    return "".join(json.dumps({**said, "messageId": f"{name}{number}"}) + "\n" for number in range(count))


def words(drop: Path, source: str, *more: str) -> list[str]:
    mapping = str(drop.parent / "tills.yaml")
    return ["watch", str(drop), "--mapping", mapping, "--source", source, "--settle", "0.2", "--every", "0.1", *more]


def once(running: Installation, drop: Path, source: str, *more: str) -> Result:
    return running.tappa(*words(drop, source, "--once", *more))


@contextmanager
def watching(running: Installation, drop: Path, source: str) -> Iterator[subprocess.Popen[bytes]]:
    """What it says to people is in ``said``."""
    command = running.command(*words(drop, source))
    with (drop.parent / "said").open("wb") as said:
        process = subprocess.Popen(command, env=running.environment, stdout=subprocess.DEVNULL, stderr=said)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(drop: Path) -> list[str]:
    return (drop.parent / "said").read_text().splitlines()


def there(drop: Path) -> set[str]:
    """All files but hidden ones and reports."""
    every = (one for one in drop.rglob("*") if one.is_file() and not one.name.startswith("."))
    return {str(one.relative_to(drop)) for one in every} - {str(one.relative_to(drop)) for one in reports(drop)}


def reports(drop: Path) -> list[Path]:
    return sorted(drop.rglob("*.report.json"))


def told(drop: Path, place: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((drop / f"{place}.report.json").read_text())
    return found


def counts(report: dict[str, Any]) -> tuple[int, int, int]:
    summary = report["summary"]
    return summary["accepted"], summary["duplicate"], summary["rejected"]


def test_files_are_imported_by_their_mapping_or_as_they_are_and_moved_with_a_report(
    running: Installation, drop: Path
) -> None:
    (drop / "day.csv").write_text(table(1, 3) + "4,yesterday,A1,1,9.90\n")
    (drop / "app.ndjson").write_text(messages(5, "app"))
    done = once(running, drop, "mixed")
    assert done.exit_code == 0, done.output
    assert there(drop) == {"done/day.csv", "done/day.csv.rejected.ndjson", "done/app.ndjson"}
    day = told(drop, "done/day.csv")
    assert counts(day) == (3, 0, 1)
    assert (day["outcome"], day["mapping"], day["rejected_list"], day["moved_to"]) == (
        "done", "tills.yaml", "day.csv.rejected.ndjson", "done/day.csv"
    )  # fmt: skip
    listed = (drop / "done/day.csv.rejected.ndjson").read_text().splitlines()
    assert [json.loads(line)["line"] for line in listed] == [5]
    assert counts(told(drop, "done/app.ndjson")) == (5, 0, 0)
    assert running.accepted("mixed") == 8


def test_files_that_say_themselves_what_they_mean_need_no_mapping(running: Installation, drop: Path) -> None:
    (drop / "app.json").write_text(json.dumps([json.loads(line) for line in messages(3, "array").splitlines()]))
    shutil.copy(SAMPLES / "poslog/poslog-6.xml", drop)
    assert once(running, drop, "mapless").exit_code == 0
    assert counts(told(drop, "done/app.json")) == (3, 0, 0)
    pos = told(drop, "done/poslog-6.xml")
    assert pos["mapping"] is None
    assert pos["summary"]["accepted"] > 0


def test_a_mapping_of_poslog_is_for_poslog(running: Installation, drop: Path) -> None:
    shutil.copy(SAMPLES / "poslog/poslog-2.xml", drop)
    (drop / "day.csv").write_text(table(1, 2))
    shutil.copy(SAMPLES / "poslog/tills.yaml", drop.parent / "pos.yaml")
    done = once(running, drop, "both", "--mapping", str(drop.parent / "pos.yaml"))
    assert done.exit_code == 0, done.output
    assert told(drop, "done/poslog-2.xml")["mapping"] == "pos.yaml"
    assert told(drop, "done/day.csv")["mapping"] == "tills.yaml"


def test_what_is_unfinished_or_hidden_is_left_alone(running: Installation, drop: Path) -> None:
    for name in ("a.csv.part", "b.csv.tmp", ".c.csv"):
        (drop / name).write_text(table(1, 1))
    assert once(running, drop, "unfinished").exit_code == 0
    assert there(drop) == {"a.csv.part", "b.csv.tmp"}


def test_two_files_of_one_name_are_both_kept(running: Installation, drop: Path) -> None:
    for first in (1, 11):
        (drop / "day.csv").write_text(table(first, 2))
        assert once(running, drop, "same-name").exit_code == 0
    assert there(drop) == {"done/day.csv", "done/day-2.csv"}
    assert counts(told(drop, "done/day-2.csv")) == (2, 0, 0)


def test_a_file_that_comes_again_is_done_and_says_that_it_was_before(running: Installation, drop: Path) -> None:
    for name in ("day.csv", "again.csv"):
        (drop / name).write_text(table(1, 2))
        once(running, drop, "twice")
    assert told(drop, "done/day.csv")["reason"] == ""
    assert "it was imported before, at 20" in told(drop, "done/again.csv")["reason"]
    assert running.accepted("twice") == 2


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("other.csv", "a,b\n1,2\n", "the file has no column"),
        ("bad.ndjson", "nothing\n", "everything in it was rejected"),
        ("cut.ndjson.gz", "\x1f\x8b cut", "is damaged"),
        ("what.bin", "?", "the file has no column"),
    ],
)
def test_a_file_of_which_nothing_can_be_taken_fails_with_its_reason(
    running: Installation, drop: Path, name: str, text: str, reason: str
) -> None:
    (drop / name).write_text(text, encoding="latin-1")
    done = once(running, drop, "failing")
    assert done.exit_code == 1
    assert "not all files are done" in done.stderr
    assert f"failed/{name}" in there(drop)
    assert reason in told(drop, f"failed/{name}")["reason"]


def test_mappings_are_chosen_by_the_file_s_name(running: Installation, drop: Path) -> None:
    other = drop.parent / "other.yaml"
    other.write_text(MAPPING.replace("column: price", "column: amount").replace("milan-1", "bari"))
    (drop / "bari_day.csv").write_text(table(1, 2).replace("price", "amount"))
    (drop / "day.csv").write_text(table(1, 3))
    arguments = words(drop, "by-name", "--once")
    at = arguments.index("--mapping")
    done = running.tappa(*arguments[:at], "--mapping", f"bari_*={other}", *arguments[at:])
    assert done.exit_code == 0, done.output
    assert told(drop, "done/bari_day.csv")["mapping"] == "other.yaml"
    assert running.accepted("by-name") == 5


def test_what_it_did_is_told_to_a_machine(running: Installation, drop: Path) -> None:
    (drop / "day.csv").write_text(table(1, 2))
    done = once(running, drop, "machine", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [told(drop, "done/day.csv")]


def test_a_second_watcher_is_told_who_has_the_folder(running: Installation, drop: Path) -> None:
    with watching(running, drop, "held") as process:
        eventually(lambda: (drop / "taken").exists())
        done = once(running, drop, "held")
    assert done.exit_code == 1
    assert f"is held by process {process.pid} (tappa watch)" in done.stderr


def test_files_are_taken_as_they_appear_once_they_rest(running: Installation, drop: Path) -> None:
    with watching(running, drop, "appear"), (drop / "slow.ndjson").open("w") as slow:
        slow.write(messages(1, "slow"))
        slow.flush()
        (drop / "quick.ndjson").write_text(messages(2, "quick"))
        while not (drop / "done/quick.ndjson.report.json").exists():
            slow.write("\n")
            slow.flush()
            time.sleep(0.02)
        assert (drop / "slow.ndjson").exists()
        slow.close()
        eventually(lambda: (drop / "done/slow.ndjson.report.json").exists())
    assert running.accepted("appear") == 3


@pytest.mark.slow
def test_told_to_stop_it_finishes_a_parcel_and_the_next_one_goes_on(running: Installation, drop: Path) -> None:
    count = 30_000
    (drop / "long.ndjson").write_text(messages(count, "stop"))
    with watching(running, drop, "stopped") as process:
        eventually(lambda: running.accepted("stopped") > 500)
        process.terminate()
        assert process.wait(WAIT_S) == 0
    before = running.accepted("stopped")
    assert before < count
    assert there(drop) == {"taken/long.ndjson"}
    assert once(running, drop, "stopped").exit_code == 0
    assert counts(told(drop, "done/long.ndjson")) == (count, 0, 0)
    assert running.accepted("stopped") <= count + 800, "no more than what was on its way is sent twice"


@pytest.mark.slow
def test_killed_with_its_import_the_next_one_goes_on_and_counts_each_touchpoint_once(
    running: Installation, drop: Path
) -> None:
    count = 20_000
    (drop / "long.ndjson").write_text(messages(count, "kill"))
    for part in range(3):
        with watching(running, drop, "killed") as process:
            eventually(lambda part=part: running.accepted("killed") > 2_000 * (part + 1))  # type: ignore[misc]
            killed = children(process.pid)
            for pid in (*killed, process.pid):
                os.kill(pid, signal.SIGKILL)
            process.wait()
            eventually(lambda killed=killed: not any(map(alive, killed)))  # type: ignore[misc]
    assert once(running, drop, "killed").exit_code == 0
    assert counts(told(drop, "done/long.ndjson")) == (count, 0, 0)


@pytest.mark.slow
def test_killed_alone_the_next_one_waits_for_the_import_that_it_left_behind(running: Installation, drop: Path) -> None:
    (drop / "long.ndjson").write_text(messages(20_000, "alone"))
    with watching(running, drop, "alone"):
        eventually(lambda: running.accepted("alone") > 1_000)
    with watching(running, drop, "alone"):
        eventually(lambda: (drop / "done/long.ndjson.report.json").exists())
    assert counts(told(drop, "done/long.ndjson")) == (20_000, 0, 0)
    assert running.accepted("alone") == 20_000


@pytest.mark.slow
def test_a_file_whose_import_dies_three_times_has_failed(running: Installation, drop: Path) -> None:
    (drop / "long.ndjson").write_text(messages(20_000, "dying"))
    (drop / "next.ndjson").write_text(messages(1, "next"))
    killed: set[int] = set()

    def failed() -> bool:
        for pid in children(process.pid) if len(killed) < 3 else ():
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return (drop / "done/next.ndjson.report.json").exists()

    with watching(running, drop, "dying") as process:
        eventually(failed)
    assert told(drop, "failed/long.ndjson")["reason"].startswith("the import ended with -9")


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_while_ingest_is_away_files_wait(drop: Path, tmp_path: Path) -> None:
    installation = installed(tmp_path / "data")
    (drop / "day.csv").write_text(table(1, 2))
    done = once(installation, drop, "away")
    assert done.exit_code == 1
    assert "cannot be reached" in done.stderr
    assert there(drop) == {"taken/day.csv"}
    with installation.ingest():
        assert once(installation, drop, "away").exit_code == 0
        assert installation.accepted("away") == 2


def test_a_folder_that_goes_away_for_a_while_is_looked_at_again(running: Installation, drop: Path) -> None:
    with watching(running, drop, "gone"):
        eventually(lambda: (drop / "taken").exists())
        away = drop.rename(drop.with_name("away"))
        eventually(lambda: any("No such file" in line for line in said(drop)))
        (away / "day.csv").write_text(table(1, 2))
        away.rename(drop)
        eventually(lambda: (drop / "done/day.csv.report.json").exists())
    assert sum("No such file" in line for line in said(drop)) == 1


def test_a_folder_that_cannot_be_used_is_told(running: Installation, drop: Path) -> None:
    (drop / "done").write_text("a file")
    done = once(running, drop, "blocked")
    assert done.exit_code == 1
    assert "File exists" in done.stderr


def test_a_mapping_that_cannot_be_used_is_told_before_any_file_is_taken(running: Installation, drop: Path) -> None:
    (drop / "day.csv").write_text(table(1, 2))
    (drop.parent / "tills.yaml").write_text("version: 2")
    assert once(running, drop, "wrong").exit_code == 2
    (drop.parent / "tills.yaml").unlink()
    assert once(running, drop, "wrong").exit_code == 2
    assert there(drop) == {"day.csv"}
