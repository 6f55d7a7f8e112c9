from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tappa import runfile
from tappa.child import backoff_s
from tests.eventually import WAIT_S, eventually

STOP_WITHIN_S = 40.0
SOON_S = 8.0


class Supervised:
    def __init__(self, data: Path, stop_within_s: float, workers: int) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.tappa.supervising", str(data), str(stop_within_s), str(workers)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.lines: list[str] = []

    def until(self, said: str) -> None:
        """Read on until a line has ``said`` in it."""
        output: IO[str] | None = self.process.stdout
        assert output is not None
        too_long = threading.Timer(WAIT_S, self.process.kill)
        too_long.start()
        try:
            for line in output:
                self.lines.append(line.rstrip())
                if said in line:
                    return
        finally:
            too_long.cancel()
        raise AssertionError(f"it never said {said!r}, but: {self.lines}")

    def pid(self, name: str) -> int:
        run = runfile.read(self.data / "run.json")
        assert run is not None
        pid = run.parts[name].pid
        assert pid is not None
        return pid

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(WAIT_S)

    def stopped(self) -> list[str]:
        return (self.data / "stopped").read_text().split()


@contextmanager
def supervised(data: Path, *, stop_within_s: float = STOP_WITHIN_S, workers: int = 1) -> Iterator[Supervised]:
    running = Supervised(data, stop_within_s, workers)
    try:
        yield running
    finally:
        running.process.terminate()
        try:
            running.process.wait(WAIT_S)
        finally:
            running.process.kill()
            assert running.process.stdout is not None
            running.process.stdout.close()


def alive(pid: int) -> bool:
    """Whether it runs; one that has ended and waits for somebody to take note does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def test_parts_start_in_order_and_stop_in_the_order_in_which_touchpoints_flow(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        running.until("all ready")
        ready = [line.split()[0] for line in running.lines if "is ready on" in line]
        assert ready == ["store", "ingest", "worker"]
        assert running.stop() == 0
    assert running.stopped() == ["ingest", "worker", "store"]


def test_parts_of_one_kind_start_and_stop_together(tmp_path: Path) -> None:
    (tmp_path / "worker.mode").write_text("meet worker-2")
    (tmp_path / "worker-2.mode").write_text("meet worker")
    with supervised(tmp_path, workers=2) as running:
        running.until("all ready")
        ready = [line.split()[0] for line in running.lines if "is ready on" in line]
        assert (ready[:2], sorted(ready[2:])) == (["store", "ingest"], ["worker", "worker-2"])
        assert running.stop() == 0
    stopped = running.stopped()
    assert (stopped[0], sorted(stopped[1:3]), stopped[3]) == ("ingest", ["worker", "worker-2"], "store")


def test_run_json_says_what_runs_and_is_gone_afterwards(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        running.until("all ready")
        eventually(lambda: (run := runfile.read(tmp_path / "run.json")) is not None and run.ready)
        run = runfile.read(tmp_path / "run.json")
        assert run is not None
        assert run.pid == running.process.pid
        assert {part.state for part in run.parts.values()} == {"ready"}
        running.stop()
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize("name", ["store", "ingest", "worker"])
def test_a_part_that_is_killed_comes_back_on_its_port(tmp_path: Path, name: str) -> None:
    with supervised(tmp_path) as running:
        running.until("all ready")
        before = runfile.read(tmp_path / "run.json")
        assert before is not None
        os.kill(running.pid(name), signal.SIGKILL)
        running.until(f"{name} was ended by SIGKILL; starting it again")
        running.until(f"{name} is ready on {before.parts[name].url}")


def test_a_part_that_hangs_is_killed_and_comes_back(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        running.until("all ready")
        os.kill(running.pid("worker"), signal.SIGSTOP)
        running.until("worker does not answer any more: killed")
        running.until("worker is ready")


def test_a_part_that_keeps_ending_is_started_ever_more_slowly(tmp_path: Path) -> None:
    (tmp_path / "ingest.mode").write_text("crash")
    with supervised(tmp_path) as running:
        for wait in ("0.05", "0.1", "0.2"):
            running.until(f"ingest ended with exit code 3; starting it again in {wait} s")


def test_the_wait_before_a_restart_doubles_up_to_the_longest() -> None:
    assert [backoff_s(n, first_s=0.2, longest_s=1.0) for n in (1, 2, 3, 4, 1_000)] == [0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_part_that_cannot_run_ends_it_all_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "worker.mode").write_text("refuse")
    with supervised(tmp_path) as running:
        running.until("worker cannot run")
        running.until("the data is newer than this program: upgrade")
        assert running.process.wait(WAIT_S) == 1
    assert running.stopped() == ["ingest", "store"]


def test_a_part_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    (tmp_path / "ingest.mode").write_text("stubborn")
    with supervised(tmp_path, stop_within_s=SOON_S) as running:
        running.until("all ready")
        assert running.stop() == 0
    assert running.stopped() == ["worker", "store"]


def test_parts_stop_in_order_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        running.until("all ready")
        pids = [running.pid(name) for name in ("store", "ingest", "worker")]
        running.process.kill()
        eventually(lambda: not any(map(alive, pids)))
    assert sorted(running.stopped()) == ["ingest", "store", "worker"]


@pytest.mark.slow
def test_the_next_supervisor_ends_what_a_killed_one_left_behind(tmp_path: Path) -> None:
    (tmp_path / "store.mode").write_text("stubborn")
    with supervised(tmp_path) as running:
        running.until("all ready")
        left = running.pid("store")
        running.process.kill()
    assert alive(left)
    (tmp_path / "store.mode").unlink()
    with supervised(tmp_path) as again:
        again.until(f"waiting for store of an earlier run (process {left}) to stop")
        again.until("all ready")
        assert not alive(left)


@pytest.mark.slow
def test_the_next_supervisor_ends_workers_that_it_does_not_have_itself(tmp_path: Path) -> None:
    (tmp_path / "worker-3.mode").write_text("stubborn")
    with supervised(tmp_path, workers=3) as running:
        running.until("all ready")
        left = running.pid("worker-3")
        running.process.kill()
    with supervised(tmp_path) as again:
        again.until(f"waiting for worker-3 of an earlier run (process {left}) to stop")
        again.until("all ready")
        assert not alive(left)


def test_a_warning_of_a_part_is_told_and_everything_is_in_its_log(tmp_path: Path) -> None:
    (tmp_path / "ingest.mode").write_text("warn")
    with supervised(tmp_path) as running:
        running.until("ingest: part: something to know")
        running.until("all ready")
    log = (tmp_path / "logs" / "ingest.log").read_text()
    assert "nothing to know" in log
    assert not any("nothing to know" in line for line in running.lines)
