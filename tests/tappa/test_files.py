"""Files posted to an ingest that runs: large ones, by a mapping that the source keeps, and with a kill in between."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.ingest.service import TILLS
from tests.tappa.imports.running import Installation, installed

LINE = (
    b'{"type":"track","event":"Called","userId":"u%d","timestamp":"2026-02-0%dT09:30:00.000Z",'
    b'"properties":{"note":"%s"}}\n'
)
NOTE = b"x" * 400
HEAD = "Number;At;Card;Article;Quantity;Price;Kind\n"
ROW = "{};2026-02-28T10:00;;A1;1;2.50;\n"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return installed(tmp_path / "data")


def messages(count: int) -> Iterator[bytes]:
    for start in range(0, count, 500):
        yield b"".join(LINE % (number % 5_000, 1 + number % 9, NOTE) for number in range(start, start + 500))


def posted(installation: Installation, query: str, body: Any) -> dict[str, Any]:
    key = json.loads(installation.tappa("sources", "--json").stdout)[0]["write_key"]
    basic = b64encode(f"{key}:".encode()).decode()
    with closing(http.client.HTTPConnection("127.0.0.1", installation.port, timeout=120)) as connection:
        connection.request("POST", f"/v1/files?{query}", body, {"Authorization": f"Basic {basic}"})
        found: dict[str, Any] = json.loads(connection.getresponse().read())
    return found


def memory_kb(process: int, name: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name)))


def test_memory_stays_flat_however_large_the_file_is(installation: Installation) -> None:
    with installation.ingest() as process:
        assert posted(installation, "format=ndjson", messages(5_000))["accepted"] == 5_000
        before = memory_kb(process.pid, "VmRSS")
        assert posted(installation, "format=ndjson", messages(150_000))["accepted"] == 150_000
        grown = memory_kb(process.pid, "VmHWM") - before
    assert 150_000 * len(LINE + NOTE) > 75_000_000
    assert grown < 25_000


def test_a_running_ingest_finds_a_mapping_that_a_source_is_given(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "tills.yaml").write_text(TILLS)
    with installation.ingest():
        done = installation.tappa("sources", "mapping", "default", str(tmp_path / "tills.yaml"))
        assert "format=csv&mapping=tills" in done.output
        body = (HEAD + ROW.format(1) + ROW.format(2)).encode()
        eventually(lambda: bool(posted(installation, "format=csv&mapping=tills", body)["success"]))
        said = posted(installation, "format=csv&mapping=tills", body)
        assert (said["accepted"], said["refused"]) == (2, 0)


def test_mappings_of_a_source_are_replaced_listed_and_taken_away(installation: Installation, tmp_path: Path) -> None:
    good, wrong = tmp_path / "tills.yaml", tmp_path / "wrong.yaml"
    good.write_text("# by hand\n" + TILLS)
    wrong.write_text("version: 1\nmessage:\n  event: {column: a, as: money}\n")
    assert installation.tappa("sources", "mapping", "default", str(good)).exit_code == 0
    assert installation.tappa("sources", "mapping", "default", str(good), "--as", "daily").exit_code == 0
    told = installation.tappa("sources", "mapping", "default", str(wrong))
    assert (told.exit_code, f"{wrong}:3: message.event.as" in told.output) == (2, True)
    assert installation.tappa("sources", "mapping", "default", str(good), "--as", "a b").exit_code == 2
    assert "tills, daily" in installation.tappa("sources").stdout
    assert installation.tappa("sources", "mapping", "default", "--as", "tills", "--remove").exit_code == 0
    [source] = json.loads(installation.tappa("sources", "--json").stdout)
    assert source["mappings"] == {"daily": good.read_text()}
    again = installation.tappa("sources", "mapping", "default", "--as", "tills", "--remove")
    assert (again.exit_code, "it has: daily" in again.output) == (1, True)
    assert installation.tappa("sources", "mapping", "default").exit_code == 2


def test_an_ingest_that_is_killed_in_the_middle_of_a_file_has_what_it_took_and_takes_the_rest(
    installation: Installation,
) -> None:
    whole = b"".join(messages(40_000))
    with installation.ingest() as process:

        def half() -> Iterator[bytes]:
            for start in range(0, len(whole), 1_000_000):
                if start > len(whole) // 2:
                    process.kill()
                yield whole[start : start + 1_000_000]

        with pytest.raises((OSError, http.client.HTTPException)):
            posted(installation, "format=ndjson", half())
    with installation.ingest():
        assert posted(installation, "format=ndjson", whole)["accepted"] == 40_000
    assert 40_000 < logged(installation) <= 80_000


def logged(installation: Installation) -> int:
    said = json.loads(installation.tappa("status", "--json").stdout)
    found: int = said["lag"]
    return found
