"""When a file may be taken."""

from __future__ import annotations

import pytest

from tappa.watching.rest import Rest, Stamp, is_ready_name


def stamp(size: int, *, inode: int = 1, mtime: int = 1) -> Stamp:
    return Stamp(inode, size, mtime)


def test_a_file_rests_once_it_has_not_changed_for_a_while() -> None:
    rest = Rest(10)
    assert rest.rested({"a": stamp(5)}, 100.0) == []
    assert rest.rested({"a": stamp(5)}, 109.9) == []
    assert rest.rested({"a": stamp(5)}, 110.0) == ["a"]
    assert rest.rested({"a": stamp(5)}, 200.0) == ["a"]


@pytest.mark.parametrize("changed", [stamp(6), stamp(5, mtime=2), stamp(5, inode=2)])
def test_whatever_changes_the_wait_begins_anew(changed: Stamp) -> None:
    rest = Rest(10)
    rest.rested({"a": stamp(5)}, 100.0)
    assert rest.rested({"a": changed}, 110.0) == []
    assert rest.rested({"a": changed}, 119.0) == []
    assert rest.rested({"a": changed}, 120.0) == ["a"]


def test_one_that_goes_and_comes_back_is_another() -> None:
    rest = Rest(10)
    rest.rested({"a": stamp(5)}, 100.0)
    rest.rested({}, 105.0)
    assert rest.rested({"a": stamp(5)}, 112.0) == []


def test_the_oldest_comes_first() -> None:
    rest = Rest(0)
    files = {"b": stamp(1, mtime=2), "a": stamp(1, mtime=2), "c": stamp(1, mtime=1)}
    assert rest.rested(files, 0.0) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("name", "ready"),
    [("a.csv", True), ("a.csv.gz", True), ("part.csv", True), (".a.csv", False), ("a.csv.part", False),
     ("a.TMP", False), ("a.csv.filepart", False)],
)  # fmt: skip
def test_names_say_what_is_unfinished(name: str, ready: bool) -> None:
    assert is_ready_name(name) is ready
