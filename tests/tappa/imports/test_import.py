"""``tappa import`` and ``tappa demo shop --send`` against a running ingest."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from tests.tappa.imports.running import Installation, installed
from tests.tappa.imports.tables import as_csv, as_excel

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = installed(tmp_path_factory.mktemp("data"))
    with installation.ingest():
        yield installation


def messages(count: int, name: str = "m") -> bytes:
    return b"".join(
        json.dumps(
            {
                "type": "track",
                "event": "A",
                "userId": f"u{n % 50}",
                "messageId": f"{name}{n}",
                "timestamp": "2024-05-01T10:00:00Z",
            }
        ).encode()
        + b"\n"
        for n in range(count)
    )


def counts(found: dict[str, int]) -> tuple[int, int, int]:
    return found["accepted"], found["duplicate"], found["rejected"]


def test_each_sample_is_taken(running: Installation) -> None:
    web = running.imported(
        SAMPLES / "web/events.csv.gz", "--mapping", str(SAMPLES / "web/mapping.yaml"), "--source", "web"
    )
    assert (*counts(web), web["skipped"]) == (102, 0, 1, 57)
    assert [(one["line"], one["code"]) for one in web["problems"]] == [(44, "missing_identifier")]
    receipts = running.imported(
        SAMPLES / "receipts/receipts.csv", "--mapping", str(SAMPLES / "receipts/mapping.yaml"), "--source", "tills"
    )
    assert counts(receipts) == (14, 0, 0)
    clicks = running.imported(
        SAMPLES / "clickstream/clickstream.csv.gz",
        "--mapping",
        str(SAMPLES / "clickstream/mapping.yaml"),
        "--source",
        "clicks",
    )
    assert counts(clicks) == (31_106, 0, 0)


def test_copies_within_a_file_and_of_an_earlier_file_are_counted(running: Installation, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(messages(150, "twice") + messages(30, "twice"))
    assert counts(running.imported(file, "--source", "copies")) == (150, 30, 0)
    longer = tmp_path / "b.ndjson"
    longer.write_bytes(messages(200, "twice"))
    assert counts(running.imported(longer, "--source", "copies")) == (50, 150, 0)
    assert counts(running.imported(longer, "--source", "another")) == (200, 0, 0)


def test_a_file_is_imported_once_whatever_its_packing_unless_asked_again(running: Installation, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(messages(120, "once"))
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(messages(120, "once")))
    (tmp_path / "a.ndjson.zst").write_bytes(zstandard.compress(messages(120, "once")))
    found = [
        running.imported(tmp_path / name, "--source", "packed") for name in ("a.ndjson.zst", "a.ndjson", "a.ndjson.gz")
    ]
    assert [counts(one) for one in found] == [(120, 0, 0)] * 3
    assert running.accepted("packed") == 120
    assert counts(running.imported(tmp_path / "a.ndjson", "--source", "packed", "--again")) == (0, 120, 0)


def test_bad_lines_are_told_with_their_line_and_the_rest_is_taken(running: Installation, tmp_path: Path) -> None:
    file = tmp_path / "mixed.ndjson"
    file.write_bytes(
        messages(3, "mixed") + b'{"broken"\n' + b'{"type":"track","event":"A"}\n' + messages(1, "mixed-last")
    )
    done = running.tappa("import", str(file), "--source", "mixed")
    assert done.exit_code == 0
    assert "mixed.ndjson: 4 accepted, 0 duplicate, 2 rejected" in done.stdout
    assert "line 4: invalid_json" in done.stdout
    assert "line 5: missing_identifier" in done.stdout
    listed = Path(next(line for line in done.stdout.splitlines() if ".rejected.ndjson" in line).rpartition(": ")[2])
    assert [json.loads(line)["line"] for line in listed.read_bytes().splitlines()] == [4, 5]


def test_an_import_that_was_killed_goes_on_and_counts_each_touchpoint_once(
    running: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "long.ndjson"
    file.write_bytes(messages(12_000, "long") + messages(500, "long"))
    words = ["import", str(file), "--source", "long", "--json"]
    while running.accepted("long") < 7_000:
        process = subprocess.Popen(
            running.command(*words), env=running.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before = running.accepted("long")
        while running.accepted("long") < before + 2_000 and process.poll() is None:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert counts(running.imported(file, "--source", "long")) == (12_000, 500, 0)


def test_ingest_being_away_is_told_and_what_was_sent_stays_sent(tmp_path: Path) -> None:
    installation = installed(tmp_path / "data")
    file = tmp_path / "a.ndjson"
    file.write_bytes(messages(10))
    with installation.ingest():
        pass
    done = installation.tappa("import", str(file))
    assert done.exit_code == 1
    assert "cannot be reached; is `tappa up` running?" in done.stderr
    with installation.ingest():
        assert counts(installation.imported(file)) == (10, 0, 0)


def test_a_machine_is_told_the_error_and_where_all_that_was_rejected_is(tmp_path: Path) -> None:
    installation = installed(tmp_path / "data")
    file = tmp_path / "a.ndjson"
    file.write_bytes(messages(2) + b"nothing\n")
    done = installation.tappa("import", str(file), "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["error"]) == (1, "undelivered")
    assert told["message"] in done.stderr
    with installation.ingest():
        found = installation.imported(file)
    assert [json.loads(line)["line"] for line in Path(found["rejected_list"]).read_text().splitlines()] == [3]


def test_a_wrong_mapping_is_a_wrong_use(running: Installation, tmp_path: Path) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text("version: 1\nmessage: {event: nothing}\n")
    done = running.tappa("import", str(SAMPLES / "receipts/receipts.csv"), "--mapping", str(mapping))
    assert done.exit_code == 2
    assert "the file has no column 'nothing'" in done.stderr


def test_csv_without_a_mapping_is_a_wrong_use(running: Installation) -> None:
    done = running.tappa("import", str(SAMPLES / "receipts/receipts.csv"))
    assert done.exit_code == 2
    assert "csv needs --mapping" in done.stderr


def test_a_packed_file_that_ends_early_is_told(running: Installation, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(messages(500))[:-20])
    (tmp_path / "a.ndjson.zst").write_bytes(zstandard.compress(messages(500))[:-20])
    for name in ("a.ndjson.gz", "a.ndjson.zst"):
        done = running.tappa("import", str(tmp_path / name))
        assert done.exit_code == 1
        assert "is damaged, or not all of it is there" in done.stderr


def test_nothing_is_made_where_no_installation_is(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(messages(1))
    done = Installation(tmp_path / "nowhere").tappa("import", str(file))
    assert done.exit_code == 1
    assert "there is no" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_name_that_no_source_can_have_is_a_wrong_use(running: Installation) -> None:
    done = running.tappa("import", str(SAMPLES / "README.md"), "--format", "ndjson", "--source", "two words")
    assert done.exit_code == 2
    assert "--source 'two words'" in done.stderr


def test_a_workbook_is_imported_once_and_a_file_that_is_read_otherwise_is_another_import(
    running: Installation, tmp_path: Path
) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "version: 1\nmessage: {type: {constant: track}, event: {constant: A}, userId: who, messageId: id, "
        "timestamp: {column: at, time: {}}}\n"
    )
    rows = [["who", "id", "at"], *([f"u{n}", f"book-{n}", "2026-03-01 10:00"] for n in range(450))]
    book = as_excel(tmp_path / "book.xlsx", rows, sheet="March")
    words = ["--mapping", str(mapping), "--source", "book"]
    assert counts(running.imported(book, *words)) == (450, 0, 0)
    assert counts(running.imported(book, *words)) == (450, 0, 0)
    assert running.accepted("book") == 450
    assert counts(running.imported(book, *words, "--sheet", "March")) == (0, 450, 0)
    assert running.tappa("import", str(book), *words, "--sheet", "April").exit_code == 2


def test_what_was_found_out_about_a_file_is_told(running: Installation, tmp_path: Path) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "version: 1\nmessage: {type: {constant: track}, event: what, userId: who, timestamp: {column: at, time: {}}}\n"
    )
    file = as_csv(
        tmp_path / "a.csv", [["who", "what", "at"], ["Zoë", "A", "31.12.2025 10:00"]], delimiter=";", encoding="cp1252"
    )
    done = running.tappa("import", str(file), "--mapping", str(mapping), "--source", "told")
    assert done.exit_code == 0, done.output
    assert (
        "a.csv: found out from the file: csv.encoding: cp1252; csv.delimiter: ';'; at: time.format: '%d.%m.%Y %H:%M'"
        in done.stderr
    )
    assert "a.csv: 1 accepted" in done.stdout
    told = running.imported(file, "--mapping", str(mapping), "--source", "told", "--again")
    assert told["found_out"] == ["csv.encoding: cp1252", "csv.delimiter: ';'", "at: time.format: '%d.%m.%Y %H:%M'"]


def test_a_bad_element_of_an_array_is_told_with_its_number(running: Installation, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(
        b"[" + b",".join([*messages(2, "array").splitlines(), b'{"a" 1}', b'{"type":"track","event":"A"}']) + b"]"
    )
    done = running.tappa("import", str(file), "--source", "array")
    assert "a.json: 2 accepted, 0 duplicate, 2 rejected" in done.stdout
    assert "element 3: invalid_json" in done.stdout
    assert "element 4: missing_identifier" in done.stdout


def test_poslogs_are_imported_and_what_was_no_sale_is_left_out(running: Installation) -> None:
    words = ["--source", "poslog"]
    six = running.imported(SAMPLES / "poslog/poslog-6.xml", *words)
    assert (*counts(six), six["skipped"]) == (6, 0, 0, 5)
    two = running.imported(SAMPLES / "poslog/poslog-2.xml", *words, "--mapping", str(SAMPLES / "poslog/tills.yaml"))
    assert counts(two) == (3, 0, 1)
    again = running.imported(SAMPLES / "poslog/poslog-6.xml", *words, "--again")
    assert (*counts(again), again["differing"]) == (0, 6, 0, 0)
    told = running.tappa("import", str(SAMPLES / "poslog/poslog-2.xml"), *words)
    assert "transaction 1: invalid_transaction: Line 5 of the file: '2026-03-02T00:12:30' has no offset" in told.stdout


def test_a_poslog_that_declares_entities_is_refused(running: Installation, tmp_path: Path) -> None:
    file = tmp_path / "evil.xml"
    file.write_text('<!DOCTYPE POSLog [<!ENTITY e SYSTEM "file:///etc/hostname">]><POSLog>&e;</POSLog>')
    done = running.tappa("import", str(file))
    assert done.exit_code == 1
    assert "line 1: the document declares a document type or entities, which is refused" in done.stderr


def test_a_dry_run_says_what_the_import_then_says_and_sends_nothing(running: Installation, tmp_path: Path) -> None:
    file = tmp_path / "dry.ndjson"
    file.write_bytes(
        messages(300, "dry")
        + messages(20, "dry")
        + b'{"broken"\n'
        + b'{"type":"track","event":"A"}\n'
        + messages(10, "x")
    )
    before = running.imported(file, "--source", "dry", "--dry-run")
    assert running.accepted("dry") == 0
    sent = running.imported(file, "--source", "dry")
    shown = ("accepted", "duplicate", "rejected", "skipped", "differing")
    assert [before[name] for name in shown] == [sent[name] for name in shown]
    assert [(one["line"], one["reason"]) for one in before["problems"]] == [
        (one["line"], one["reason"]) for one in sent["problems"]
    ]
    assert counts(sent) == (310, 20, 2)
    assert counts(running.imported(file, "--source", "dry", "--dry-run")) == (0, 330, 2)
    told = running.tappa("import", str(file), "--source", "dry", "--dry-run")
    assert "dry.ndjson: 0 accepted, 330 duplicate, 2 rejected" in told.stdout
    assert "Nothing was sent: this was a dry run." in told.stdout


def test_a_dry_run_needs_no_installation(tmp_path: Path) -> None:
    nowhere = Installation(tmp_path / "nowhere")
    found = nowhere.imported(SAMPLES / "poslog/poslog-6.xml", "--dry-run")
    assert (*counts(found), found["skipped"]) == (6, 0, 0, 5)
    assert not (tmp_path / "nowhere").exists()


def test_what_comes_before_a_damage_is_sent(running: Installation, tmp_path: Path) -> None:
    file = tmp_path / "cut.xml"
    file.write_text((SAMPLES / "poslog/poslog-6.xml").read_text().partition("<!-- Tax on top")[0])
    done = running.tappa("import", str(file), "--source", "cut")
    assert done.exit_code == 1
    assert "the XML cannot be read on from line" in done.stderr
    assert running.accepted("cut") == 5


def test_the_sample_shop_is_taken_whole(running: Installation) -> None:
    done = running.tappa("demo", "shop", "--touchpoints", "3000", "--days", "120", "--send")
    assert done.exit_code == 0, done.stderr
    assert running.accepted("shop") > 2_000
    assert running.accepted("stores") > 100
    sent = running.accepted("shop") + running.accepted("stores")
    assert 3_000 < sent < 3_200


def test_the_sample_shop_as_a_file_is_the_same_shop(running: Installation, tmp_path: Path) -> None:
    file = tmp_path / "shop.ndjson"
    made = running.tappa("demo", "shop", "--touchpoints", "1000", "--days", "90", "--out", str(file))
    assert made.exit_code == 0
    found = running.imported(file, "--source", "file")
    assert found["accepted"] == 1_000
    assert found["duplicate"] > 10
    assert (found["rejected"], found["differing"]) == (0, 0)
