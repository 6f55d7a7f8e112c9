"""``python -m tappa_sdk spool``: a till that stores and forwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tappa_sdk.commands import main
from tests.eventually import eventually
from tests.ingest.service import TILL_KEY
from tests.sdk.python.ingest import RunningIngest

Spool = Callable[..., "subprocess.CompletedProcess[str]"]
COMMAND = (sys.executable, "-m", "tappa_sdk", "spool")


def receipt(number: int, **more: Any) -> str:
    return json.dumps({
        "receipt_id": number, "store_id": "milan", "sold_at": "2026-03-01T10:00:00+01:00", "total": "9.90",
        "currency": "EUR", **more,
    })  # fmt: skip


@pytest.fixture
def spool(tmp_path: Path, sdk_environment: dict[str, str]) -> Spool:
    """The command, to its end."""

    def run(url: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments, "--spool", str(tmp_path / "spool")], input=given, capture_output=True, text=True,
            timeout=60, check=False, env={**sdk_environment, "TAPPA_HOST": url, "TAPPA_WRITE_KEY": TILL_KEY},
        )  # fmt: skip

    return run


def keys(ingest: RunningIngest) -> list[str]:
    return sorted(touchpoint.message_id for touchpoint in ingest.touchpoints())


def test_receipts_of_standard_input_are_sent(ingest: RunningIngest, spool: Spool) -> None:
    done = spool(ingest.url, given="\n".join([receipt(1), "", receipt(2)]))
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 receipts taken" in done.stderr
    assert keys(ingest) == ["receipt:milan//2026-03-01/1", "receipt:milan//2026-03-01/2"]


def test_without_internet_they_are_kept_and_sent_another_time(
    ingest: RunningIngest, spool: Spool, tmp_path: Path
) -> None:
    assert spool("http://127.0.0.1:9", "--wait", "0", given=receipt(1) + "\n").returncode == 1
    status = spool("", "status", "--json")
    assert (status.returncode, json.loads(status.stdout)["waiting"]) == (1, 1)
    assert spool(ingest.url, given=receipt(2)).returncode == 0
    assert keys(ingest) == ["receipt:milan//2026-03-01/1", "receipt:milan//2026-03-01/2"]
    assert spool("", "status").stdout == "0 wait (0 bytes), 0 were refused\n"


def test_what_is_refused_is_kept_with_its_reason_and_drags_no_other(
    ingest: RunningIngest, spool: Spool, tmp_path: Path
) -> None:
    lines = [receipt(1), "{", receipt(2, total="much"), "[]", receipt(3, sold_at="1999-01-01T10:00:00Z"), receipt(4)]
    done = spool(ingest.url, given="\n".join(lines))
    assert done.returncode == 1
    assert "4 refused" in done.stderr
    refused = [json.loads(line) for line in (tmp_path / "spool" / "refused.ndjson").read_text().splitlines()]
    assert [(row["code"], row.get("where")) for row in refused] == [
        ("invalid_receipt", "standard input, line 2"),
        ("invalid_receipt", "standard input, line 3"),
        ("invalid_receipt", "standard input, line 4"),
        ("implausible_time", None),
    ]
    assert (refused[1]["line"], refused[3]["item"]["receipt_id"]) == (lines[2], 3)
    assert keys(ingest) == ["receipt:milan//2026-03-01/1", "receipt:milan//2026-03-01/4"]


def test_files_of_a_folder_are_taken_and_moved(ingest: RunningIngest, spool: Spool, tmp_path: Path) -> None:
    folder = tmp_path / "receipts"
    folder.mkdir()
    (folder / "a.ndjson").write_text(f"{receipt(1)}\n{receipt(2)}\n")
    (folder / "b.json").write_text(json.dumps([json.loads(receipt(3)), json.loads(receipt(4))], indent=2))
    (folder / "c.json").write_text(json.dumps(json.loads(receipt(5)), indent=2))
    (folder / "d.json").write_text(f"{receipt(6)}\n{receipt(7)}\n")
    (folder / "e.ndjson.part").write_text(receipt(8))
    assert spool(ingest.url, "--from", str(folder), "--once").returncode == 0
    assert keys(ingest) == [f"receipt:milan//2026-03-01/{number}" for number in range(1, 8)]
    assert sorted(path.name for path in folder.iterdir()) == ["done", "e.ndjson.part"]
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["a.ndjson", "b.json", "c.json", "d.json"]


def test_a_till_writes_line_by_line_and_is_killed(
    ingest: RunningIngest, spool: Spool, tmp_path: Path, sdk_environment: dict[str, str]
) -> None:
    environment = {**sdk_environment, "TAPPA_HOST": "http://127.0.0.1:9", "TAPPA_WRITE_KEY": TILL_KEY}
    process = subprocess.Popen(
        [*COMMAND, "--spool", str(tmp_path / "spool")], stdin=subprocess.PIPE, env=environment,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    for number in range(1, 4):
        process.stdin.write(f"{receipt(number)}\n".encode())
        process.stdin.flush()
        eventually(lambda wanted=number: waiting(tmp_path / "spool") == wanted)  # type: ignore[misc]
    process.kill()
    process.wait()
    process.stdin.close()
    assert spool(ingest.url).returncode == 0
    assert keys(ingest) == [f"receipt:milan//2026-03-01/{number}" for number in range(1, 4)]


def waiting(directory: Path) -> int:
    """Receipts in the spool, as far as it is there yet."""
    from tappa_sdk import SpoolError
    from tappa_sdk.spool import waiting

    try:
        return waiting(directory)[0]
    except SpoolError:
        return 0


def test_a_folder_is_watched_until_the_command_is_stopped(
    ingest: RunningIngest, tmp_path: Path, sdk_environment: dict[str, str]
) -> None:
    folder = tmp_path / "receipts"
    folder.mkdir()
    environment = {**sdk_environment, "TAPPA_HOST": ingest.url, "TAPPA_WRITE_KEY": TILL_KEY}
    process = subprocess.Popen(
        [*COMMAND, "--spool", str(tmp_path / "spool"), "--from", str(folder)], env=environment,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    eventually((folder / "done").exists)
    (folder / "new.part").write_text(receipt(1))
    (folder / "new.part").rename(folder / "new.ndjson")
    eventually(lambda: len(ingest.touchpoints()) == 1)
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"1 receipts taken" in said


def test_wrong_usage_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TAPPA_HOST", "TAPPA_WRITE_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["spool", "--spool", str(tmp_path)]) == 2
    assert "TAPPA_WRITE_KEY" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["spool", "--nonsense"])
    with pytest.raises(SystemExit, match="0"):
        main(["spool", "--help"])
    assert "plugged" in capsys.readouterr().out
