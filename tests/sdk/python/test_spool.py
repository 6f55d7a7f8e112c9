from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tappa_sdk import ClosedError, QueueFullError, SpoolError, Tappa
from tappa_sdk.item import BATCH, RECEIPTS, Item
from tappa_sdk.owner import Owner
from tappa_sdk.spool import Spool, waiting
from tests.eventually import eventually
from tests.ingest.service import KEY
from tests.sdk.python.ingest import RunningIngest

NOWHERE = "http://127.0.0.1:9"
"""Where nobody listens."""


def spool(directory: Path, bytes_max: int = 10_000_000) -> Spool:
    return Spool(directory, bytes_max=bytes_max, batch_items_max=3, batch_bytes_max=1_000)


def items(*names: str, endpoint: str = BATCH) -> list[Item]:
    return [Item(endpoint, name, name.encode()) for name in names]


def taken(buffer: Spool) -> list[str]:
    """What is taken until nothing is left."""
    found: list[str] = []
    while (batch := buffer.take()) is not None:
        found += [item.message_id for item in batch.items]
        buffer.remove(batch)
    return found


def test_items_leave_in_order_and_those_of_one_endpoint_together(tmp_path: Path) -> None:
    buffer = spool(tmp_path)
    assert buffer.put(items("a", "b"))
    assert buffer.put(items("r", endpoint=RECEIPTS))
    assert buffer.put(items("c", "d", "x" * 999, "e"))
    assert taken(buffer) == ["a", "b", "c", "r", "d", "x" * 999, "e"]
    buffer.leave()


def test_what_was_not_removed_is_there_when_the_directory_is_opened_again(tmp_path: Path) -> None:
    first = spool(tmp_path)
    first.put(items("a", "b", "c", "d"))
    first.remove(first.take())  # type: ignore[arg-type]
    assert first.leave() == ()
    assert waiting(tmp_path) == (1, 1)
    second = spool(tmp_path)
    assert taken(second) == ["d"]
    second.leave()


def test_an_empty_spool_leaves_no_file(tmp_path: Path) -> None:
    buffer = spool(tmp_path)
    buffer.put(items("a"))
    taken(buffer)
    buffer.leave()
    assert list(tmp_path.iterdir()) == []


def test_two_that_use_a_directory_at_once_send_each_their_own(tmp_path: Path) -> None:
    one, two = spool(tmp_path), spool(tmp_path)
    one.put(items("a"))
    two.put(items("b"))
    assert taken(one) == ["a"]
    assert taken(two) == ["b"]
    one.leave()
    two.leave()


def test_what_somebody_left_is_taken_over_while_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tappa_sdk.spool.ADOPT_S", 0.0)
    one, two = spool(tmp_path), spool(tmp_path)
    one.put(items("a"))
    two.put(items("b"))
    two.leave()
    assert sorted(taken(one)) == ["a", "b"]
    one.put(items("c"))
    one.leave()
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".lock", ".spool"]


def test_a_damaged_file_keeps_nobody_from_being_sent(tmp_path: Path) -> None:
    for end in ("spool", "lock"):
        (tmp_path / f"0.{end}").write_bytes(b"this was a database once" * 1_000)
    buffer = spool(tmp_path)
    buffer.put(items("a"))
    assert taken(buffer) == ["a"]
    buffer.leave()
    assert (tmp_path / "0.spool").exists()


def test_a_full_spool_takes_nothing_until_something_was_sent(tmp_path: Path) -> None:
    buffer = spool(tmp_path, bytes_max=60_000)
    large = Item(BATCH, "large", b"x" * 20_000)
    assert [buffer.put([large]) for _ in range(4)] == [True, True, True, False]
    assert taken(buffer) == ["large"] * 3
    assert buffer.put([large])
    assert taken(buffer) == ["large"]
    buffer.leave()


def test_what_threads_put_at_once_is_all_there_and_each_ones_in_order(tmp_path: Path) -> None:
    buffer = spool(tmp_path)

    def put(name: str) -> None:
        for turn in range(20):
            buffer.put(items(f"{name}{turn}"))

    threads = [threading.Thread(target=put, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = taken(buffer)
    assert len(found) == 160
    assert [[one for one in found if one[0] == name] for name in "abcdefgh"] == [
        [f"{name}{turn}" for turn in range(20)] for name in "abcdefgh"
    ]
    buffer.leave()


def test_what_is_in_it_is_nobody_elses_business(tmp_path: Path) -> None:
    buffer = spool(tmp_path / "spool")
    buffer.put(items("a"))
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "spool").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700
    buffer.leave()


def test_a_spool_that_cannot_be_written_is_told_at_the_call(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError):
        Tappa(KEY, NOWHERE, spool=tmp_path / "file")
    tappa = Tappa(KEY, NOWHERE, spool=tmp_path / "spool")
    tappa.track("Signed Up", user_id="42")
    [path] = (tmp_path / "spool").glob("*.spool")
    with sqlite3.connect(path) as damage:
        damage.execute("ALTER TABLE items RENAME TO others")
    damage.close()
    with pytest.raises(SpoolError):
        tappa.track("Signed Up", user_id="42")
    tappa.close(0)


def test_only_one_owns_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    first = Owner.of(path)
    assert first is not None
    assert Owner.of(path) is None
    first.release(remove=True)
    first.release()
    assert not path.exists()
    second = Owner.of(path)
    assert second is not None
    second.release()


def test_a_client_with_a_spool_sends_what_an_earlier_one_left(ingest: RunningIngest, tmp_path: Path) -> None:
    with Tappa(KEY, NOWHERE, spool=tmp_path, interval_s=0.01, close_timeout_s=0.1) as away:
        left = away.track("Signed Up", user_id="42")
    with Tappa(KEY, ingest.url, spool=tmp_path, interval_s=0.01):
        eventually(lambda: len(ingest.touchpoints()) == 1)
    assert ingest.touchpoints()[0].message_id == left
    assert waiting(tmp_path) == (0, 0)


def test_a_flush_waits_for_what_was_left_too(ingest: RunningIngest, tmp_path: Path) -> None:
    with Tappa(KEY, NOWHERE, spool=tmp_path, interval_s=0.01, close_timeout_s=0.1) as away:
        away.track("Signed Up", user_id="42")
        assert not away.flush(0.1)
    with Tappa(KEY, ingest.url, spool=tmp_path, interval_s=0.01) as tappa:
        assert tappa.flush(30)
        assert len(ingest.touchpoints()) == 1


def test_a_full_spool_raises_if_it_is_to(tmp_path: Path) -> None:
    tappa = Tappa(KEY, NOWHERE, spool=tmp_path, spool_bytes_max=1, full="raise", close_timeout_s=0)
    with pytest.raises(QueueFullError):
        tappa.track("Signed Up", user_id="42")
    tappa.close()


FORK = """
import os, sys
from tappa_sdk import Tappa

tappa = Tappa(sys.argv[1], sys.argv[2], **({"spool": sys.argv[3]} if sys.argv[3] else {}))
tappa.track("Parent", user_id="parent-before")
children = []
for number in range(3):
    if not (child := os.fork()):
        tappa.track("Child", user_id=f"child-{number}")
        sys.exit(0)  # as gunicorn's workers end
    children.append(child)
tappa.track("Parent", user_id="parent-after")
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
"""


@pytest.mark.parametrize("where", ["", "spool"])
def test_after_a_fork_each_process_sends_its_own(
    ingest: RunningIngest, tmp_path: Path, where: str, sdk_environment: dict[str, str]
) -> None:
    directory = str(tmp_path / where) if where else ""
    subprocess.run(
        [sys.executable, "-c", FORK, KEY, ingest.url, directory], env=sdk_environment, check=True, timeout=60
    )
    assert sorted(touchpoint.user_id for touchpoint in ingest.touchpoints()) == [
        "child-0", "child-1", "child-2", "parent-after", "parent-before",
    ]  # fmt: skip
    assert waiting(tmp_path / where) == (0, 0)


def test_the_end_of_a_program_sends_what_waits(ingest: RunningIngest, sdk_environment: dict[str, str]) -> None:
    program = "import sys; from tappa_sdk import Tappa; Tappa(*sys.argv[1:]).track('Signed Up', user_id='42')"
    subprocess.run([sys.executable, "-c", program, KEY, ingest.url], env=sdk_environment, check=True, timeout=60)
    assert [touchpoint.user_id for touchpoint in ingest.touchpoints()] == ["42"]


def test_a_fork_while_all_threads_are_at_work_hangs_nobody(
    ingest: RunningIngest, tmp_path: Path, sdk_environment: dict[str, str], forks: Callable[[str], str]
) -> None:
    subprocess.run(
        [sys.executable, "-c", forks(str(tmp_path)), KEY, ingest.url], env=sdk_environment, check=True, timeout=60
    )
    found = [touchpoint.user_id for touchpoint in ingest.touchpoints()]
    assert len(found) == len(set(found)) == 4 * 50 + 10 * 5
    assert os.listdir(tmp_path) == []


def test_nothing_is_loaded_while_sending_that_a_fork_could_catch_half_loaded(
    ingest: RunningIngest, sdk_environment: dict[str, str]
) -> None:
    program = """
import sys
from tappa_sdk import Tappa
loaded = set(sys.modules)
with Tappa(*sys.argv[1:]) as tappa:
    tappa.track("Signed Up", user_id="42")
print(*sorted(set(sys.modules) - loaded))
"""
    command = [sys.executable, "-c", program, KEY, ingest.url]
    done = subprocess.run(command, env=sdk_environment, check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout == "\n"


@pytest.fixture
def forks() -> Callable[[str], str]:
    """A program with four threads that track, and forks in between; each child tracks, too."""
    return """
import os, sys, threading
from tappa_sdk import Tappa

tappa = Tappa(*sys.argv[1:], spool={!r}, interval_s=0.01)
def work(name):
    for number in range(50):
        tappa.track("Worked", user_id=f"thread-{{name}}-{{number}}")
threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
for thread in threads:
    thread.start()
children = []
for child in range(10):
    if not (pid := os.fork()):
        for number in range(5):
            tappa.track("Worked", user_id=f"child-{{child}}-{{number}}")
        sys.exit(0)
    children.append(pid)
for thread in threads:
    thread.join()
assert not any(os.waitpid(pid, 0)[1] for pid in children)
""".format


def test_what_a_call_has_returned_for_survives_a_close_at_the_same_time(tmp_path: Path) -> None:
    told: list[str] = []

    def work(tappa: Tappa) -> None:
        with suppress(ClosedError, SpoolError):
            while True:
                told.append(tappa.track("Signed Up", user_id="42"))

    for _ in range(10):
        tappa = Tappa(KEY, NOWHERE, spool=tmp_path, interval_s=0.01, close_timeout_s=0)
        threads = [threading.Thread(target=work, args=(tappa,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        wanted = len(told) + 20
        eventually(lambda wanted=wanted: len(told) > wanted)  # type: ignore[misc]
        tappa.close()
        for thread in threads:
            thread.join()
    assert waiting(tmp_path)[0] >= len(told)
