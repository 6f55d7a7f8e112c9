"""The store process: starts, is killed, comes back, stops, and says what is in its way."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from store.embedded.directory import Directory, StoreHeldError, engine_xml
from store.embedded.server import StorePortTakenError, listen
from store.settings import EmbeddedStoreSettings, StoreSettings
from tests.running_store import RunningStore

DDL = "CREATE TABLE tappa.t (a UInt64) ENGINE = MergeTree ORDER BY a"


def client(settings: StoreSettings) -> httpx.Client:
    auth = (settings.user, settings.password.get_secret_value())
    return httpx.Client(base_url=settings.url, auth=auth, timeout=60)


def ask(store: RunningStore, sql: str) -> httpx.Response:
    with client(store.settings) as writer:
        return writer.post("/", content=sql)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStore]:
    """One process for the tests that do not end it."""
    with RunningStore(tmp_path_factory.mktemp("store")) as running:
        ask(running, DDL).raise_for_status()
        yield running


def insert_until_killed(settings: StoreSettings, begun: threading.Event) -> int:
    """Rows that were acknowledged."""
    block = "".join(f"{n}\n" for n in range(1000))
    done = 0
    with client(settings) as writer:
        while True:
            try:
                writer.post("/", content=f"INSERT INTO tappa.t FORMAT TSV\n{block}").raise_for_status()
            except httpx.HTTPError:
                return done
            done += 1000
            begun.set()


def test_what_was_acknowledged_survives_kills(tmp_path: Path) -> None:
    store = RunningStore(tmp_path, EmbeddedStoreSettings(memory_bytes_max=1_000_000_000))
    acknowledged = 0
    store.start()
    ask(store, DDL).raise_for_status()
    for moment in (0.0, 0.3):
        begun = threading.Event()
        with ThreadPoolExecutor(2) as threads:
            inserting = [threads.submit(insert_until_killed, store.settings, begun) for _ in range(2)]
            assert begun.wait(30)
            time.sleep(moment)
            store.kill()
            acknowledged += sum(future.result() for future in inserting)
        store.start()
        stored = int(ask(store, "SELECT count() FROM tappa.t").text)
        assert stored % 1000 == 0
        assert acknowledged <= stored <= acknowledged + 2000
        acknowledged = stored
    assert store.stop() == 0


def test_what_a_killed_process_put_aside_is_purged(tmp_path: Path) -> None:
    store = RunningStore(tmp_path)
    left = tmp_path / "tmp" / "left-by-a-crash"
    left.parent.mkdir(parents=True)
    left.write_text("a customer's data")
    with store:
        assert not left.exists()
        assert (tmp_path / "tmp").stat().st_mode & 0o077 == 0


def test_an_insert_leaves_nothing_behind_in_its_private_directory(store: RunningStore) -> None:
    with client(store.settings) as writer:
        rows = "".join(f"{n}\n" for n in range(200_000))
        writer.post("/", content=f"INSERT INTO tappa.t FORMAT TSV\n{rows}").raise_for_status()
    files = [path for path in (store.data / "tmp").rglob("*") if path.is_file()]
    assert files == [store.data / "tmp" / "engine.xml"]


def test_a_second_process_is_told_who_holds_the_data(store: RunningStore) -> None:
    assert store.process is not None
    with pytest.raises(StoreHeldError, match=f"held by process {store.process.pid}"):
        Directory(store.data).prepare(EmbeddedStoreSettings())
    second = RunningStore(store.data)
    with pytest.raises(RuntimeError, match=f"held by process {store.process.pid}; stop it first"):
        second.start()
    assert ask(store, "SELECT 1").text == "1\n"


def test_a_taken_port_is_said() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StorePortTakenError, match=f"cannot listen on 127.0.0.1:{port}"):
            listen("127.0.0.1", port)


def test_a_port_that_somebody_keeps_for_it_can_be_used() -> None:
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        listen("127.0.0.1", kept.getsockname()[1]).close()


def test_stops_at_once_when_nothing_runs_and_keeps_the_data(tmp_path: Path) -> None:
    store = RunningStore(tmp_path)
    store.start()
    ask(store, DDL).raise_for_status()
    ask(store, "INSERT INTO tappa.t VALUES (1)").raise_for_status()
    assert store.stop() == 0
    store.start()
    assert ask(store, "SELECT count() FROM tappa.t").text == "1\n"
    assert store.stop() == 0


def test_stops_although_a_statement_runs(tmp_path: Path) -> None:
    store = RunningStore(tmp_path, EmbeddedStoreSettings(memory_bytes_max=1_000_000_000, stop_seconds=0.5))
    store.start()
    with ThreadPoolExecutor(1) as thread, client(store.settings) as other:
        slow = thread.submit(ask, store, "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
        while (
            other.post("/", content="SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%'").text != "2\n"
        ):
            pass
        assert store.stop() == 0
        assert slow.result().headers["x-clickhouse-exception-code"] == "394"


def test_a_crash_of_the_engine_ends_the_process_at_once(tmp_path: Path) -> None:
    store = RunningStore(tmp_path)
    store.start()
    assert store.process is not None
    store.process.send_signal(signal.SIGSEGV)
    assert store.process.wait(10) == -signal.SIGSEGV
    store.kill()
    with store:
        assert ask(store, "SELECT 1").text == "1\n"


def test_too_many_statements_are_told_to_come_again(tmp_path: Path) -> None:
    limits = EmbeddedStoreSettings(
        memory_bytes_max=1_000_000_000,
        queries_max=2,
        analyst_queries_max=1,
        queries_waiting_max=1,
        queries_waiting_s_max=0.1,
    )
    with RunningStore(tmp_path, limits) as store, ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: ask(store, "SELECT sleep(0.5)"), range(12)))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert len(refused) < len(answers)
    assert {answer.headers["x-clickhouse-exception-code"] for answer in refused} == {"202"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}


def test_a_user_without_a_password_cannot_come_in(tmp_path: Path) -> None:
    store = RunningStore(tmp_path, analyst_password="")
    with store:
        answer = httpx.post(store.settings.url, content="SELECT 1", auth=("analyst", ""))
        assert answer.status_code == 403
        assert "the user analyst has no password" in store.log()


def test_the_log_holds_no_statement(store: RunningStore) -> None:
    ask(store, "SELECT 'very private' FROM nothing")
    ask(store, "INSERT INTO nothing FORMAT TSV\nvery private\n")
    ask(store, "SELECT 1")
    assert "private" not in store.log()


def test_a_long_answer_takes_no_memory(store: RunningStore) -> None:
    assert store.process is not None
    ask(store, "SELECT number, toString(number) FROM numbers(1000000) FORMAT RowBinary")
    status = Path(f"/proc/{store.process.pid}/status")
    before = _resident_kb(status)
    size = 0
    sql = "SELECT number, repeat('x', 50) FROM numbers(4000000) FORMAT RowBinaryWithNamesAndTypes"
    with client(store.settings) as writer, writer.stream("POST", "/", content=sql) as answer:
        for piece in answer.iter_raw():
            size += len(piece)
    assert size > 230_000_000
    assert _resident_kb(status) - before < 100_000


def test_a_long_insert_takes_no_memory_of_the_front(store: RunningStore) -> None:
    assert store.process is not None
    status = Path(f"/proc/{store.process.pid}/status")
    ask(store, "TRUNCATE TABLE tappa.t").raise_for_status()

    def data() -> Iterator[bytes]:
        block = b"".join(b"%d\n" % n for n in range(100_000))
        for _ in range(30):
            yield block

    with client(store.settings) as writer:
        writer.post("/", params={"query": "INSERT INTO tappa.t FORMAT TSV"}, content=data()).raise_for_status()
    assert ask(store, "SELECT count() FROM tappa.t").text == "3000000\n"
    assert _resident_kb(status) < 900_000


def test_the_engine_knows_every_setting_it_is_given(store: RunningStore) -> None:
    limits = EmbeddedStoreSettings(memory_bytes_max=1_000_000_000, fsync=False)
    config = ElementTree.fromstring(engine_xml(limits, store.data / "tmp"))
    tables = config.find("merge_tree")
    assert tables is not None
    config.remove(tables)
    for table, settings in (("server_settings", config), ("merge_tree_settings", tables)):
        given = {setting.tag: setting.text for setting in settings}
        assert given
        found = ask(store, f"SELECT name, value FROM system.{table} WHERE name IN {tuple(given)} FORMAT TSV").text
        assert dict(line.split("\t") for line in found.splitlines()) == given
    assert ask(store, "SELECT timezone()").text == "UTC\n"


def test_the_process_keeps_to_its_own_directory(store: RunningStore) -> None:
    assert store.process is not None
    assert os.readlink(f"/proc/{store.process.pid}/cwd") == str((store.data / "tmp" / "empty").resolve())


def _resident_kb(status: Path) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])
