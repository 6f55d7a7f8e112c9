"""What the embedded log says and does when its disk or its file is not well."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.log.interface import LogFullError, LogUnavailableError
from stream.log.sqlite import SqliteLog, read_status
from stream.settings import LogSettings
from tests.stream.log.messages import message, names_by_partition

SETTINGS = LogSettings(partitions=2, disk_reserve_bytes=0)
NOBODY = 65534


class SmallDisk:
    """A disk of 8 MiB: a real one where we may mount one, otherwise SQLite's own limit on the size of a file."""

    def __init__(self, path: Path, mounted: bool) -> None:
        self.path = path
        self.mounted = mounted

    def fill(self, log: SqliteLog) -> None:
        if self.mounted:
            with (self.path / "filler").open("wb", buffering=0) as filler:
                try:
                    while filler.write(b"x" * 4096):
                        pass
                except OSError:
                    return
        else:
            self._limit(log, 1)

    def free(self, log: SqliteLog) -> None:
        if self.mounted:
            (self.path / "filler").unlink()
        else:
            self._limit(log, 1_000_000)

    def _limit(self, log: SqliteLog, pages: int) -> None:
        log._writer._file._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()


@pytest.fixture
def small_disk(tmp_path: Path, backend_ran: Callable[[str], None]) -> Iterator[SmallDisk]:
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    mounted = (
        shutil.which("mount") is not None and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    )
    backend_ran(f"small disk: {'tmpfs' if mounted else 'page limit'}")
    yield SmallDisk(path, mounted)
    if mounted:
        subprocess.run(["umount", "-l", path], check=True)


async def everything(log: SqliteLog) -> list[str]:
    records = await log.read({0: 0, 1: 0}, messages_max=1_000_000, wait_s=0)
    return sorted(name for names in names_by_partition(records).values() for name in names)


async def append_until_full(log: SqliteLog) -> list[str]:
    """Returns what was acknowledged."""
    acknowledged: list[str] = []
    for number in range(10_000):
        name = f"{number:05}"
        try:
            await log.append({number % 2: [message(name, 20_000)]})
        except LogFullError:
            break
        acknowledged.append(name)
    return acknowledged


async def test_a_full_disk_refuses_and_keeps_what_it_has_and_goes_on_by_itself(small_disk: SmallDisk) -> None:
    async with await SqliteLog.open(small_disk.path / "log", SETTINGS) as log:
        await log.append({0: [message("00000")]})
        small_disk.fill(log)
        acknowledged = await append_until_full(log)
        assert len(acknowledged) < 9_999
        for _ in range(20):
            with pytest.raises(LogFullError, match="is full: free some space"):
                await log.append({0: [message("refused", 200_000)]})
        assert await everything(log) == sorted({"00000", *acknowledged})
        small_disk.free(log)
        await log.append({1: [message("later", 20_000)]})
        assert await everything(log) == [*sorted({"00000", *acknowledged}), "later"]
    async with await SqliteLog.open(small_disk.path / "log", SETTINGS) as log:
        assert await everything(log) == [*sorted({"00000", *acknowledged}), "later"]


async def test_a_disk_with_less_than_its_reserve_refuses_touchpoints_but_not_the_workers(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    settings = LogSettings(partitions=2, disk_reserve_bytes=free * 2)
    async with await SqliteLog.open(tmp_path / "log", settings) as log:
        with pytest.raises(LogFullError, match="are kept for what was accepted: free some space"):
            await log.append({0: [message("refused")]})
        await log.append({0: [message("internal")]}, internal=True)
        await log.commit({0: 1})
        assert await everything(log) == ["internal"]


async def test_a_read_only_directory_is_said_to_be_one(small_disk: SmallDisk) -> None:
    directory = small_disk.path / "log"
    async with await SqliteLog.open(directory, SETTINGS) as log:
        await log.append({0: [message("kept")]})
    with (
        read_only(small_disk),
        pytest.raises(LogUnavailableError, match=r"log cannot be opened for writing.*permissions"),
    ):
        await SqliteLog.open(directory, SETTINGS)
    async with await SqliteLog.open(directory, SETTINGS) as log:
        assert await everything(log) == ["kept"]


async def test_a_directory_that_cannot_be_made_is_said_to_be_one(small_disk: SmallDisk) -> None:
    with read_only(small_disk), pytest.raises(LogUnavailableError, match="check the directory's owner"):
        await SqliteLog.open(small_disk.path / "new" / "log", SETTINGS)


async def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("not a directory")
    with pytest.raises(LogUnavailableError, match="check the directory's owner"):
        await SqliteLog.open(tmp_path / "log", SETTINGS)


class read_only:  # noqa: N801 (reads like a verb)
    """The disk cannot be written meanwhile: it is mounted so, or the permissions say so and we are not root."""

    def __init__(self, disk: SmallDisk) -> None:
        self._disk = disk

    def __enter__(self) -> None:
        self._set("ro", 0o500)

    def __exit__(self, *_: object) -> None:
        self._set("rw", 0o700)

    def _set(self, option: str, mode: int) -> None:
        if self._disk.mounted:
            subprocess.run(["mount", "-o", f"remount,{option}", self._disk.path], check=True)
        else:
            if option == "rw":
                os.seteuid(os.getuid())
            for path in [self._disk.path, *self._disk.path.rglob("*")]:
                path.chmod(mode)
            if option == "ro" and os.getuid() == 0:
                os.seteuid(NOBODY)


async def filled(directory: Path, number: int = 400) -> None:
    async with await SqliteLog.open(directory, SETTINGS) as log:
        await asyncio.gather(*(log.append({i % 2: [message(f"{i:05}", 5_000)]}) for i in range(number)))


async def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_bytes(b"neither a log nor a database" * 1_000)
    with pytest.raises(LogUnavailableError, match=r"is damaged .* move the directory away"):
        await SqliteLog.open(tmp_path, SETTINGS)
    with pytest.raises(LogUnavailableError, match="is damaged"):
        read_status(tmp_path, SETTINGS)


async def test_a_file_that_was_cut_off_is_said_to_be_damaged(tmp_path: Path) -> None:
    await filled(tmp_path)
    os.truncate(tmp_path / "log.sqlite", 100_000)
    with pytest.raises(LogUnavailableError, match=r"is damaged .* move the directory away"):
        await SqliteLog.open(tmp_path, SETTINGS)


async def test_a_hole_in_the_file_is_found_by_who_reads_there_and_the_rest_can_be_read(tmp_path: Path) -> None:
    await filled(tmp_path)
    with sqlite3.connect(f"file:{tmp_path}/log.sqlite?mode=ro", uri=True) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'records_by_offset'").fetchone()
    connection.close()
    with (tmp_path / "log.sqlite").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    async with await SqliteLog.open(tmp_path, SETTINGS) as log:
        with pytest.raises(LogUnavailableError, match="is damaged"):
            await everything(log)
        assert await log.ends() != {0: 0, 1: 0}


async def test_another_program_s_database_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "log.sqlite")
    connection.execute("CREATE TABLE somebody_else_s (a)")
    connection.close()
    before = (tmp_path / "log.sqlite").read_bytes()
    with pytest.raises(LogUnavailableError, match="is not a log of Tappa's"):
        await SqliteLog.open(tmp_path, SETTINGS)
    assert (tmp_path / "log.sqlite").read_bytes() == before


async def test_a_log_of_another_format_is_refused(tmp_path: Path) -> None:
    await filled(tmp_path, 1)
    connection = sqlite3.connect(tmp_path / "log.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LogUnavailableError, match="has format 99, this Tappa reads format 1"):
        await SqliteLog.open(tmp_path, SETTINGS)


async def test_another_number_of_partitions_is_refused(tmp_path: Path) -> None:
    await filled(tmp_path, 1)
    with pytest.raises(LogUnavailableError, match=r"has 2 partitions, the settings say 8.*set log.partitions = 2"):
        await SqliteLog.open(tmp_path, LogSettings(disk_reserve_bytes=0))


async def test_a_log_that_was_being_made_when_its_process_died_is_made_again(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "log.sqlite")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    await filled(tmp_path, 1)


async def test_who_holds_the_log_too_long_is_noticed(tmp_path: Path) -> None:
    settings = LogSettings(partitions=2, disk_reserve_bytes=0, lock_timeout_s=0.1)
    async with await SqliteLog.open(tmp_path, settings) as log:
        held = pytest.raises(LogUnavailableError, match="another process has held the log")
        with log._writer._file._locked(), held:
            await SqliteLog.open(tmp_path, settings)
        await log.append({0: [message("goes on")]})


@pytest.mark.parametrize("cut", [1, 100, 4_000, 20_000])
async def test_a_torn_write_ahead_file_loses_only_the_commits_that_were_torn(tmp_path: Path, cut: int) -> None:
    names = [f"{i:05}" for i in range(40)]
    async with await SqliteLog.open(tmp_path / "log", SETTINGS) as log:
        for name in names:
            await log.append({0: [message(name, 5_000)]})
        crashed = Path(shutil.copytree(tmp_path / "log", tmp_path / "crashed"))
    wal = crashed / "log.sqlite-wal"
    os.truncate(wal, wal.stat().st_size - cut)
    (crashed / "log.sqlite-shm").unlink()
    async with await SqliteLog.open(crashed, SETTINGS) as log:
        there = await everything(log)
        assert there == names[: len(there)]
        assert len(there) >= 38 - cut // 5_000
        await log.append({0: [message("after")]})
        assert await everything(log) == [*there, "after"]


async def test_rubbish_behind_the_write_ahead_file_does_no_harm(tmp_path: Path) -> None:
    async with await SqliteLog.open(tmp_path / "log", SETTINGS) as log:
        await log.append({0: [message("kept")]})
        crashed = Path(shutil.copytree(tmp_path / "log", tmp_path / "crashed"))
    with (crashed / "log.sqlite-wal").open("ab") as wal:
        wal.write(os.urandom(50_000))
    (crashed / "log.sqlite-shm").unlink()
    async with await SqliteLog.open(crashed, SETTINGS) as log:
        assert await everything(log) == ["kept"]


async def test_a_log_whose_directory_has_gone_says_so_instead_of_failing(tmp_path: Path) -> None:
    async with await SqliteLog.open(tmp_path / "log", SETTINGS) as log:
        (tmp_path / "log").rename(tmp_path / "elsewhere")
        with pytest.raises(LogUnavailableError, match="cannot be opened for writing"):
            await log.append({0: [message("nobody keeps this")]})
