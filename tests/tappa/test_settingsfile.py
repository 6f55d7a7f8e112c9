from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from ingest.sources import Source
from tappa.secret import new_secret
from tappa.settings import Settings, read
from tappa.settingsfile import (
    add_read_key,
    add_source,
    remove_key,
    remove_read_key,
    remove_source,
    rotate_source,
    write_first,
)

TILLS = Source(name="tills", write_keys=("t" * 32,), channel="store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    numbers = count()
    path = tmp_path / "data" / "tappa.toml"
    assert write_first(path, lambda: f"secret-number-{next(numbers)}")
    return path


def settings_in(file: Path) -> Settings:
    return read(file.parent, {})


def test_the_first_start_writes_a_file_that_only_its_owner_can_read(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_first_start_gives_each_its_own_secret(file: Path) -> None:
    settings = settings_in(file)
    secrets = {
        settings.store.password.get_secret_value(),
        settings.store.analyst_password.get_secret_value(),
        *settings.sources[0].write_keys,
        *settings.explore.read_keys,
    }
    assert len(secrets) == 4


def test_what_is_not_generated_is_left_at_its_default(file: Path) -> None:
    settings = settings_in(file)
    assert (settings.ingest, settings.worker, settings.money, settings.models) == (
        Settings().ingest, Settings().worker, Settings().money, Settings().models,
    )  # fmt: skip


def test_a_second_start_changes_nothing(file: Path) -> None:
    before = file.read_bytes()
    assert not write_first(file, new_secret)
    assert file.read_bytes() == before


def test_an_added_source_is_there_and_all_else_is_as_it_was(file: Path) -> None:
    before = file.read_text()
    add_source(file, TILLS)
    assert file.read_text().startswith(before)
    assert settings_in(file).sources[1] == TILLS
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_name_is_given_once(file: Path) -> None:
    add_source(file, TILLS)
    with pytest.raises(ValueError, match="there is a source 'tills' already"):
        add_source(file, TILLS)


def test_a_rotated_key_comes_first_and_the_old_one_stays_until_it_is_removed(file: Path) -> None:
    add_source(file, TILLS)
    rotate_source(file, "tills", "n" * 32)
    assert settings_in(file).sources[1].write_keys == ("n" * 32, "t" * 32)
    remove_key(file, "tills", "t" * 32)
    assert settings_in(file).sources[1].write_keys == ("n" * 32,)


def test_a_removed_source_is_gone(file: Path) -> None:
    add_source(file, TILLS)
    remove_source(file, "default")
    assert settings_in(file).sources == (TILLS,)
    remove_source(file, "tills")
    assert settings_in(file).sources == ()


def test_a_source_that_is_not_there_is_named_with_those_that_are(file: Path) -> None:
    with pytest.raises(ValueError, match="there is no source 'till'; there are: default"):
        remove_source(file, "till")


def test_a_new_read_key_comes_first_and_the_old_one_stays_until_it_is_removed(file: Path) -> None:
    (first,) = settings_in(file).explore.read_keys
    add_read_key(file, "n" * 32)
    assert settings_in(file).explore.read_keys == ("n" * 32, first)
    remove_read_key(file, first)
    assert settings_in(file).explore.read_keys == ("n" * 32,)
    with pytest.raises(ValueError, match="there is no such read key"):
        remove_read_key(file, first)


def test_an_older_file_gets_its_first_read_key(tmp_path: Path) -> None:
    file = tmp_path / "tappa.toml"
    file.write_text("# mine\n[ingest]\nport = 1\n\n[[sources]]\nname = 'web'\nwrite_keys = ['a-write-key']\n")
    add_read_key(file, "n" * 32)
    assert settings_in(file).explore.read_keys == ("n" * 32,)
    assert file.read_text().startswith("# mine\n")


def test_comments_outlive_a_change(file: Path) -> None:
    file.write_text(file.read_text().replace('name = "default"', 'name = "default"  # ours'))
    rotate_source(file, "default", "n" * 32)
    assert "# ours" in file.read_text()


def test_a_file_without_sources_gets_its_first_one(tmp_path: Path) -> None:
    file = tmp_path / "tappa.toml"
    file.write_text("[ingest]\nport = 1\n")
    add_source(file, TILLS)
    assert settings_in(file).sources == (TILLS,)


def test_changes_at_the_same_time_are_all_kept(file: Path) -> None:
    sources = [Source(name=f"s{number}", write_keys=(f"key-number-{number}",)) for number in range(20)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda source: add_source(file, source), sources))
    assert {source.name for source in settings_in(file).sources} == {"default", *(source.name for source in sources)}


def test_secrets_differ_and_need_no_quoting() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(secret.isalnum() and len(secret) == 32 for secret in made)
