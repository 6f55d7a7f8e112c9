from __future__ import annotations

import asyncio
from pathlib import Path

from tappa.childlog import LINE_BYTES_MAX, ChildLog


async def followed(path: Path, *chunks: bytes, file_bytes_max: int = 1_000_000) -> tuple[ChildLog, list[str]]:
    told: list[str] = []
    log = ChildLog("worker", path, file_bytes_max, told.append)
    for chunk in chunks:
        stream = asyncio.StreamReader()
        stream.feed_data(chunk)
        stream.feed_eof()
        await log.follow(stream)
    return log, told


async def test_everything_is_written_down_and_warnings_are_told(tmp_path: Path) -> None:
    lines = b"T INFO a: fine\nT WARNING a: careful\nT ERROR a: bad\nTraceback\n"
    _, told = await followed(tmp_path / "logs" / "worker.log", lines)
    assert (tmp_path / "logs" / "worker.log").read_bytes() == lines
    assert told == ["worker: a: careful", "worker: a: bad"]


async def test_the_same_warning_in_a_row_is_told_once(tmp_path: Path) -> None:
    _, told = await followed(tmp_path / "log", b"T WARNING a: again\nT WARNING a: again\n")
    assert told == ["worker: a: again"]


async def test_a_log_never_grows_beyond_its_limit_and_one_older_file(tmp_path: Path) -> None:
    line = b"x" * 99 + b"\n"
    await followed(tmp_path / "log", *[line * 10] * 50, file_bytes_max=5_000)
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert set(sizes) == {"log", "log.1"}
    assert max(sizes.values()) <= 6_000


async def test_a_line_without_an_end_is_cut(tmp_path: Path) -> None:
    await followed(tmp_path / "log", b"y" * (3 * LINE_BYTES_MAX))
    assert [len(line) for line in (tmp_path / "log").read_text().splitlines()] == [LINE_BYTES_MAX] * 3


async def test_the_last_words_are_the_last_lines(tmp_path: Path) -> None:
    log, _ = await followed(tmp_path / "log", b"".join(b"line %d\n" % number for number in range(100)))
    assert log.last_words().splitlines()[-1] == "line 99"
    assert len(log.last_words().splitlines()) == 12
