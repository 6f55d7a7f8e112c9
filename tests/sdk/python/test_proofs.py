"""The SDK's promises against a whole installation: what was tracked is in the view, and once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from tappa_sdk import Tappa
from tappa_sdk.spool import waiting
from tests.e2e.installation import Installation

pytestmark = pytest.mark.slow

SPOOLING = """
import sys, threading
from tappa_sdk import Tappa

key, url, spool, event = sys.argv[1:]
tappa = Tappa(key, url, spool=spool, interval_s=0.05)
def work(name):
    while True:
        told = tappa.track(event, {"thread": name}, user_id=f"user-{name}")
        sys.stdout.write(told + "\\n")  # only once track has returned
        sys.stdout.flush()
for name in range(4):
    threading.Thread(target=work, args=(name,)).start()
"""

PREFORK = """
import os, sys, threading
from tappa_sdk import Tappa

key, url, spool, event = sys.argv[1:]
tappa = Tappa(key, url, close_timeout_s=60, **({"spool": spool} if spool else {}))
tappa.track(event, user_id="preloaded")
def work(worker, thread):
    for number in range(50):
        tappa.track(event, {"number": number}, user_id=f"user-{worker}-{thread}")
workers = []
for worker in range(4):
    if not (pid := os.fork()):
        threads = [threading.Thread(target=work, args=(worker, thread)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sys.exit(0)  # as gunicorn's workers end
    workers.append(pid)
assert not any(os.waitpid(pid, 0)[1] for pid in workers)
"""


@pytest.fixture(scope="module")
def tappa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("installation")) as running:
        yield running


def arrived(tappa: Installation, event: str) -> list[str]:
    """The message ids of that event in the view, each as often as it is there."""
    tappa.wait_until_visible(60)
    return [
        row["message_id"]
        for row in tappa.rows("SELECT message_id FROM v_touchpoints WHERE event = {event:String}", event=event)
    ]


def test_kill_9_loses_nothing_that_track_has_returned_for(
    tappa: Installation, tmp_path: Path, sdk_environment: dict[str, str]
) -> None:
    chance = Random(8)
    spool, told = tmp_path / "spool", []
    for life in range(5):
        said = tmp_path / f"said-{life}"
        with said.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", SPOOLING, tappa.keys["app"], tappa.url("ingest"), str(spool), "Spooled"],
                stdout=output,
                env=sdk_environment,
            )
            while not said.stat().st_size:
                time.sleep(0.01)
            time.sleep(chance.uniform(0.05, 0.6))
            process.kill()
            process.wait()
        told += [line for line in said.read_text().split("\n")[:-1] if len(line) == 32]
    assert len(told) > 100
    with Tappa(tappa.keys["app"], tappa.url("ingest"), spool=spool) as last:
        assert last.flush(60)
    assert waiting(spool) == (0, 0)
    found = arrived(tappa, "Spooled")
    assert len(found) == len(set(found))
    assert set(told) <= set(found)


@pytest.mark.parametrize("where", ["", "spool"])
def test_prefork_loses_and_doubles_nothing(
    tappa: Installation, tmp_path: Path, sdk_environment: dict[str, str], where: str
) -> None:
    event = f"Preforked {where}"
    spool = str(tmp_path / where) if where else ""
    subprocess.run(
        [sys.executable, "-c", PREFORK, tappa.keys["app"], tappa.url("ingest"), spool, event],
        env=sdk_environment, check=True, timeout=120,
    )  # fmt: skip
    found = arrived(tappa, event)
    assert len(found) == len(set(found)) == 1 + 4 * 4 * 50


def track(tappa: Tappa, event: str, threads: int, each: int) -> Sequence[str]:
    """What so many threads track at once."""
    told: list[str] = []

    def work(name: int) -> None:
        told.extend([tappa.track(event, {"number": number}, user_id=f"user-{name}") for number in range(each)])

    workers = [threading.Thread(target=work, args=(name,)) for name in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return told


def test_16_threads_lose_and_double_nothing(tappa: Installation) -> None:
    with Tappa(tappa.keys["app"], tappa.url("ingest"), on_error=pytest.fail, close_timeout_s=60) as sdk:
        told = track(sdk, "Threaded", 16, 250)
    assert sorted(arrived(tappa, "Threaded")) == sorted(told)


def test_a_server_that_is_away_and_killed_costs_nothing(tappa: Installation) -> None:
    with Tappa(
        tappa.keys["app"], tappa.url("ingest"), on_error=pytest.fail, interval_s=0.01, timeout_s=0.5, close_timeout_s=60
    ) as sdk:
        told = [*track(sdk, "Away", 4, 50)]
        away = threading.Thread(target=tappa.freeze, args=("ingest", 4.0))
        away.start()
        told += track(sdk, "Away", 4, 50)
        away.join()
        tappa.kill("ingest")
        told += track(sdk, "Away", 4, 50)
    assert sorted(arrived(tappa, "Away")) == sorted(told)
