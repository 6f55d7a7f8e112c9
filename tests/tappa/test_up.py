"""``tappa up`` with its real parts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tappa import runfile
from tests.e2e.installation import TAPPA, Installation
from tests.eventually import WAIT_S, eventually

STOP_S_MAX = 10.0
"""DESIGN: SIGTERM drains and stops within 10 s."""

QUICK_HEALTH = {
    "TAPPA_SUPERVISOR__HEALTH_INTERVAL_S": "0.2",
    "TAPPA_SUPERVISOR__HEALTH_TIMEOUT_S": "1",
    "TAPPA_SUPERVISOR__HEALTH_FAILURES_MAX": "3",
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("up"), **QUICK_HEALTH) as running:
        yield running


def tappa(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TAPPA, *arguments, "--data", str(data)], capture_output=True, text=True, check=False)


def status_of(url: str, key: str) -> int:
    """What ingest answers; 0 while nobody does."""
    event = {"userId": "somebody", "event": "Product Viewed"}
    try:
        return httpx.post(f"{url}/v1/track", auth=(key, ""), json=event, timeout=WAIT_S).status_code
    except httpx.TransportError:
        return 0


def test_what_it_prints_works_as_pasted(installation: Installation) -> None:
    eventually(lambda: "Stop: Ctrl-C" in installation.said())
    said = (installation.data.parent / "up.log").read_text()
    send, ask = re.findall(r"^  (curl .*?)\n\n", said, re.MULTILINE | re.DOTALL)
    sent = subprocess.run(send, shell=True, capture_output=True, text=True, check=True)
    assert json.loads(sent.stdout)["accepted"] == 1
    installation.wait_until_visible(WAIT_S)
    answer = subprocess.run(ask, shell=True, capture_output=True, text=True, check=True).stdout
    assert re.search(r"customer_id: +user:ada", answer)
    assert re.search(r"stage: +purchase", answer)
    assert re.search(r"revenue: +42", answer)


def test_the_first_query_of_the_readme_is_answered(installation: Installation) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (query,) = re.findall(r"--data-binary \\\n  '(SELECT .*?)'", readme, re.DOTALL)
    installation.wait_until_visible(WAIT_S)
    assert b"purchase" in installation.query(query)


def test_it_shows_no_password(installation: Installation) -> None:
    password = json.loads(installation.command("connect", "--json"))["password"]
    assert password not in installation.said()


def test_a_second_start_says_who_holds_the_data(installation: Installation) -> None:
    done = tappa(installation.data, "up", "--port", "0", "--clickhouse-port", "0")
    run = runfile.read(installation.data / "run.json")
    assert run is not None
    assert done.returncode == 1
    assert f"is held by process {run.pid} (tappa up --data" in done.stderr


def test_a_part_that_runs_already_is_not_started_beside_it(installation: Installation) -> None:
    done = tappa(installation.data, "worker")
    assert f"is held by process {installation.pids()['worker']} (tappa worker)" in done.stderr
    assert done.returncode != 0


def test_status_says_where_everything_is_and_how_far(installation: Installation) -> None:
    found = json.loads(installation.command("status", "--json", "--wait", "60"))
    assert {name: part["alive"] for name, part in found["parts"].items()} == dict.fromkeys(
        ("store", "ingest", "worker"), True
    )
    assert found["lag"] == 0
    assert found["rejected"] is not None


def test_a_running_ingest_sees_sources_come_rotate_and_go(installation: Installation) -> None:
    url = installation.url("ingest")
    first = json.loads(installation.command("sources", "add", "kiosk", "--json"))["write_key"]
    eventually(lambda: status_of(url, first) == 200)
    second = json.loads(installation.command("sources", "rotate", "kiosk", "--json"))["write_key"]
    eventually(lambda: status_of(url, second) == 200)
    assert status_of(url, first) == 200
    installation.command("sources", "remove", "kiosk", "--key", first)
    eventually(lambda: status_of(url, first) == 401)
    assert status_of(url, second) == 200
    installation.command("sources", "remove", "kiosk")
    eventually(lambda: status_of(url, second) == 401)


@pytest.mark.slow
def test_dead_letters_are_listed_and_replayed_once_what_refused_them_has_changed(installation: Installation) -> None:
    url = installation.url("ingest")
    key = installation.keys["web"]
    old = {"type": "track", "event": "Old", "userId": "old", "timestamp": "2020-01-01T00:00:00Z"}
    bare = {"type": "track", "event": "Bare", "properties": {"big": 12345678901234567890}}
    answer = httpx.post(f"{url}/v1/batch", auth=(key, ""), json={"batch": [old, bare]}, timeout=WAIT_S).json()
    assert {verdict["code"] for verdict in answer["rejected"]} == {"time_too_old", "missing_identifier"}
    installation.wait_until_visible(WAIT_S)
    listed = json.loads(installation.command("rejected", "list", "--json"))
    assert {letter["code"] for letter in listed} == {"time_too_old", "missing_identifier"}

    installation.command("sources", "remove", "web")  # it was a browser's, and those may not send what is this old
    renewed = json.loads(installation.command("sources", "add", "web", "--json"))["write_key"]
    eventually(lambda: status_of(url, renewed) == 200)
    assert installation.here("rejected", "replay").stdout == "1 accepted, 1 refused again\n"
    installation.wait_until_visible(WAIT_S)
    (row,) = installation.rows("SELECT count() AS n, any(message_id) AS id FROM v_touchpoints WHERE event = 'Old'")
    assert int(row["n"]) == 1
    assert row["id"].startswith("rejected:")
    (left,) = json.loads(installation.command("rejected", "list", "--json"))
    assert (left["code"], left["replayed"]) == ("missing_identifier", False)
    assert installation.here("rejected", "replay").stdout == "0 accepted, 1 refused again\n"
    installation.wait_until_visible(WAIT_S)
    assert len(json.loads(installation.command("rejected", "list", "--json"))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("part", ["store", "ingest", "worker"])
def test_a_part_that_hangs_is_killed_and_works_again(installation: Installation, part: str) -> None:
    before = installation.pids()[part]
    os.kill(before, signal.SIGSTOP)
    eventually(lambda: installation.pids().get(part, before) != before)
    eventually(lambda: status_of(installation.url("ingest"), installation.keys["app"]) == 200)
    installation.wait_until_visible(WAIT_S)


@pytest.mark.slow
def test_a_killed_supervisor_takes_its_parts_along_and_the_next_one_starts_at_once(installation: Installation) -> None:
    before = installation.pids()
    installation.kill("supervisor")
    installation.wait_until_ready()
    assert set(before.values()).isdisjoint(installation.pids().values())
    assert status_of(installation.url("ingest"), installation.keys["app"]) == 200
    installation.wait_until_visible(WAIT_S)


def test_a_port_that_was_asked_for_and_is_taken_is_refused(installation: Installation, tmp_path: Path) -> None:
    taken = installation.url("ingest").rpartition(":")[2]
    done = tappa(tmp_path, "up", "--port", taken, "--clickhouse-port", "0")
    assert done.returncode == 1
    assert f"port {taken} of 127.0.0.1 is taken; choose another with --port" in done.stderr


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("two"), workers=2) as running:
        yield running


WORKERS = ("worker", "worker-2")


def send_of_many_customers(installation: Installation, prefix: str, count: int) -> None:
    batch = [{"type": "track", "event": "Product Viewed", "userId": f"{prefix}{n}"} for n in range(count)]
    url, key = installation.url("ingest"), installation.keys["app"]
    httpx.post(f"{url}/v1/batch", auth=(key, ""), json={"batch": batch}, timeout=WAIT_S).raise_for_status()


def customers(installation: Installation, prefix: str) -> int:
    (row,) = installation.rows(f"SELECT count() AS n FROM v_customers WHERE startsWith(customer_id, 'user:{prefix}')")
    return int(row["n"])


def test_two_workers_each_work_off_their_share(two: Installation) -> None:
    send_of_many_customers(two, "many", 500)
    two.wait_until_visible(WAIT_S)
    assert customers(two, "many") == 500
    worked_off = [two.metrics(name)["tappa_worker_touchpoints_total"] for name in WORKERS]
    assert sum(worked_off) == 500
    assert min(worked_off) > 100


def test_status_shows_both_workers(two: Installation) -> None:
    parts = json.loads(two.command("status", "--json"))["parts"]
    assert [name for name, part in parts.items() if part["alive"]] == ["store", "ingest", *WORKERS]
    assert len({part["url"] for part in parts.values()}) == 4
    assert re.search(r"^worker-2 +http://\S+ +alive", two.command("status"), re.MULTILINE)


@pytest.mark.parametrize(
    ("share", "says"),
    [
        ("2/2", r"lock\.worker-2 is held by process \d+ \(tappa worker --share 2/2\)"),
        ("1/1", r"lock\.worker is held by process \d+ \(tappa worker --share 1/2\)"),
        ("3/3", r"process \d+ \(tappa worker --share \d/2\) is one of 2, this would be one of 3"),
    ],
)
def test_no_worker_comes_in_between(two: Installation, share: str, says: str) -> None:
    done = tappa(two.data, "worker", "--share", share)
    assert done.returncode != 0
    assert re.search(says, done.stderr)


@pytest.mark.parametrize("name", WORKERS)
def test_one_of_two_workers_is_killed_and_comes_back(two: Installation, name: str) -> None:
    before = two.pids()
    two.kill(name)
    send_of_many_customers(two, f"{name}-killed-", 200)
    two.wait_until_visible(WAIT_S)
    assert customers(two, f"{name}-killed-") == 200
    after = two.pids()
    assert {part for part, pid in after.items() if pid != before[part]} == {name}


def go_on_with(running: Installation, workers: int) -> None:
    running.stop()
    running.workers = workers
    running.start()
    running.wait_until_ready()
    assert len(running.pids()) == 2 + workers


@pytest.mark.slow
def test_after_two_workers_others_go_on_with_their_data(tmp_path: Path) -> None:
    with Installation(tmp_path, workers=2) as running:
        send_of_many_customers(running, "two", 500)
        go_on_with(running, 3)
        send_of_many_customers(running, "three", 300)
        running.wait_until_visible(WAIT_S)
        assert (customers(running, "two"), customers(running, "three")) == (500, 300)
        go_on_with(running, 1)
        send_of_many_customers(running, "one", 200)
        running.wait_until_visible(WAIT_S)
        assert [customers(running, prefix) for prefix in ("two", "three", "one")] == [500, 300, 200]


@pytest.mark.slow
def test_fewer_workers_start_at_once_after_a_killed_supervisor_of_more(tmp_path: Path) -> None:
    with Installation(tmp_path, workers=3) as running:
        before = running.pids()
        running.workers = 1
        running.kill("supervisor")
        running.wait_until_ready()
        assert set(running.pids()) == {"store", "ingest", "worker"}
        assert [pid for pid in before.values() if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_stops_it_in_time_with_touchpoints_on_their_way(tmp_path: Path, workers: int) -> None:
    with Installation(tmp_path, workers=workers) as running:
        url, key = running.url("ingest"), running.keys["app"]
        batch = [{"type": "track", "event": "Product Viewed", "userId": f"u{n}"} for n in range(500)]
        for _ in range(10):
            httpx.post(f"{url}/v1/batch", auth=(key, ""), json={"batch": batch}, timeout=WAIT_S).raise_for_status()
        pids = running.pids()
        supervisor = running._process
        assert supervisor is not None
        supervisor.terminate()
        assert supervisor.wait(STOP_S_MAX) == 0
        assert [pid for pid in pids.values() if Path(f"/proc/{pid}").exists()] == []
        assert "killed" not in running.said()
        running.start()
        running.wait_until_ready()
        running.wait_until_visible(WAIT_S)
        (row,) = running.rows("SELECT count() AS n FROM v_touchpoints")
        assert int(row["n"]) == 5_000
