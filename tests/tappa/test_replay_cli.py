"""What ``tappa replay`` takes; what it does is tested in ``tests/e2e/test_replay.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.typed import typed


@pytest.mark.parametrize("since", ["yesterday", "", "-1", "2026-13-01"])
def test_what_is_neither_a_time_nor_an_offset_is_wrong_usage(tmp_path: Path, since: str) -> None:
    done = typed("replay", "--from", since, TAPPA_DATA=str(tmp_path))
    assert done.exit_code == 2
    assert "is no time" in done.stderr


def test_the_database_of_the_workers_is_not_another_one(tmp_path: Path) -> None:
    done = typed("replay", "--from", "beginning", "--database", "tappa", TAPPA_DATA=str(tmp_path))
    assert done.exit_code == 1
    assert "leave --database away" in done.stderr


def test_a_name_that_is_none_of_a_database_is_wrong_usage(tmp_path: Path) -> None:
    done = typed("replay", "--from", "beginning", "--database", "a`b", TAPPA_DATA=str(tmp_path))
    assert done.exit_code == 2
    assert "--database" in done.stderr


def test_without_a_store_it_says_where_to_look(tmp_path: Path) -> None:
    done = typed("replay", "--from", "2026-03-01", TAPPA_DATA=str(tmp_path), TAPPA_STORE__PORT="1")
    assert done.exit_code == 1
    assert "Does it run?" in done.stderr
