from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from pydantic import ValidationError

from ingest.sources import Directory, Source, by_key


class Hands:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, **sources: list[str]) -> None:
    path.write_text(json.dumps([{"name": name, "write_keys": keys} for name, keys in sources.items()]))
    os.utime(path, ns=(0, len(path.read_text()) * 1_000_000_000))


def loader(path: Path) -> Callable[[], Iterable[Source]]:
    return lambda: [Source.model_validate(source) for source in json.loads(path.read_text())]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "tappa.toml"
    write(file, web=["first-key"])
    return file


def test_a_source_is_found_by_each_of_its_keys() -> None:
    directory = Directory(lambda: [Source(name="web", write_keys=("new-key-1", "old-key-1")), Source(name="till")])
    assert directory.find("new-key-1") is directory.find("old-key-1")
    assert directory.find("nobody-has") is None
    assert directory.find("") is None


def test_a_rotated_key_works_until_it_is_removed(path: Path) -> None:
    clock = Hands()
    directory = Directory(loader(path), path, check_s=1, clock=clock)
    write(path, web=["second-key", "first-key"])
    clock.now = 1
    assert directory.find("first-key")
    assert directory.find("second-key")
    write(path, web=["second-key"])
    clock.now = 2
    assert directory.find("first-key") is None
    assert directory.find("second-key")


def test_the_file_is_looked_at_no_more_often_than_set(path: Path) -> None:
    clock = Hands()
    directory = Directory(loader(path), path, check_s=5, clock=clock)
    write(path, web=["second-key"])
    clock.now = 4.9
    assert directory.find("second-key") is None
    clock.now = 5
    assert directory.find("second-key")


def test_a_broken_file_leaves_the_sources_as_they_were_and_is_told(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Hands()
    directory = Directory(loader(path), path, check_s=1, clock=clock)
    path.write_text("{")
    clock.now = 1
    with caplog.at_level(logging.WARNING):
        assert directory.find("first-key")
    assert "the previous ones stay" in caplog.text
    path.unlink()
    clock.now = 2
    assert directory.find("first-key")
    write(path, web=["third-key"])
    clock.now = 3
    assert directory.find("third-key")


def test_two_sources_may_not_share_a_name_or_a_key() -> None:
    with pytest.raises(ValueError, match="two sources called 'web'"):
        by_key([Source(name="web"), Source(name="web")])
    with pytest.raises(ValueError, match="same write key"):
        by_key([Source(name="web", write_keys=("same-key-1",)), Source(name="till", write_keys=("same-key-1",))])


@pytest.mark.parametrize("key", ["short", "has:colon", "has space", "umlautü12", "k" * 129])
def test_a_key_must_fit_a_basic_user_name(key: str) -> None:
    with pytest.raises(ValidationError):
        Source(name="web", write_keys=(key,))


def test_keys_do_not_show_when_a_source_is_printed() -> None:
    assert "first-key" not in repr(Source(name="web", write_keys=("first-key",)))
