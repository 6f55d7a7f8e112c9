"""Several workers beside each other: names, shares, and one number for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.ownership import ALL, Share
from tappa.lock import Lock, part_lock
from tappa.workers import (
    CountsDifferError,
    member_name,
    parse_share,
    part_kind,
    require_same_count,
    surplus,
    worker_name,
)


def hold(data: Path, name: str, workers: int) -> Lock:
    lock = Lock(part_lock(data, name))
    lock.take("tappa worker", workers=workers)
    return lock


def test_the_first_worker_is_called_as_the_only_one() -> None:
    names = [worker_name(number) for number in (1, 2, 12)]
    assert names == ["worker", "worker-2", "worker-12"]
    assert {part_kind(name) for name in names} == {"worker"}


def test_a_share_is_counted_from_one() -> None:
    assert parse_share("1/1") == ALL
    assert parse_share("2/3") == Share(1, 3)


@pytest.mark.parametrize("text", ["0/1", "2/1", "1", "1/2/3", "", "1 /2", "1/0", "+1/2"])
def test_what_is_no_share_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is not K/N with K from 1 to N"):
        parse_share(text)


def test_as_many_workers_as_partitions_are_not_too_many() -> None:
    assert surplus(8, 8) is None
    assert "9 workers are too many" in (surplus(9, 8) or "")


def test_workers_of_the_same_number_run_beside_each_other(tmp_path: Path) -> None:
    first, second = hold(tmp_path, "worker", 2), hold(tmp_path, "worker-2", 2)
    require_same_count(tmp_path, "worker-2", 2, wait_s=0)
    first.release()
    second.release()


def test_a_worker_of_another_number_is_refused_while_one_of_the_first_runs(tmp_path: Path) -> None:
    first = hold(tmp_path, "worker", 2)
    own = hold(tmp_path, "worker-3", 3)
    with pytest.raises(CountsDifferError, match="is one of 2, this would be one of 3"):
        require_same_count(tmp_path, "worker-3", 3, wait_s=0)
    first.release()
    require_same_count(tmp_path, "worker-3", 3, wait_s=0)
    own.release()


def test_other_parts_have_no_say(tmp_path: Path) -> None:
    store = hold(tmp_path, "store", 1)
    require_same_count(tmp_path, "worker", 2, wait_s=0)
    store.release()


def test_a_worker_of_tappa_up_has_a_name_of_its_own_that_stays(tmp_path: Path) -> None:
    one = member_name(tmp_path, "worker")
    assert one == member_name(tmp_path, "worker")
    assert len({one, member_name(tmp_path, "worker-2"), member_name(tmp_path / "other", "worker")}) == 3


def test_a_worker_of_a_group_runs_beside_those_that_share_by_number(tmp_path: Path) -> None:
    group, shared = hold(tmp_path, "worker-beside", 0), hold(tmp_path, "worker", 3)
    require_same_count(tmp_path, "worker", 3, wait_s=0)
    group.release()
    shared.release()
