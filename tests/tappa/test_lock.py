from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tappa.lock import HeldError, Holder, Lock, holder

HOLDING = """
import sys, pathlib
from tappa.lock import Lock
lock = Lock(pathlib.Path(sys.argv[1]))
lock.take("tappa up --port 0")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_comes_second_is_told_who_was_first(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(HeldError, match=rf"is held by process {other.pid} \(tappa up --port 0\)"):
        Lock(tmp_path / "lock").take("tappa up")
    assert holder(tmp_path / "lock") == Holder(pid=other.pid, command="tappa up --port 0")


def test_a_lock_is_free_once_its_holder_was_killed(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert holder(tmp_path / "lock") is None
    lock = Lock(tmp_path / "lock")
    lock.take("tappa up")
    lock.release()


def test_waiting_for_a_lock_gets_it_when_it_is_let_go(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    assert other.stdin is not None
    other.stdin.close()
    lock = Lock(tmp_path / "lock")
    lock.take("tappa up", wait_s=30)
    lock.release()


def test_a_process_started_by_the_holder_does_not_hold_it(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.take("tappa up")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        lock.release()
        assert holder(tmp_path / "lock") is None
        child.kill()


def test_a_lock_that_nobody_ever_took_has_no_holder(tmp_path: Path) -> None:
    assert holder(tmp_path / "lock") is None
