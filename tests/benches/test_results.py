"""Results: figures of several runs together, kept, compared, and shown."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec
import pytest

from benches.figures import MARKS, Mark, Spread, percentile, together
from benches.processes import MemoryWatch, ProcessEndedError, cpu_s
from benches.report import others_cores, report
from benches.results import Result, last_like, save

RESULT = Result(
    at="2026-11-22T08:00:00",
    commit="abc",
    machine={"type": "two cores"},
    workload={"seed": 1},
    figures={"in_order.end_to_end_per_s": Spread(20_000.123, 19_000, 21_000)},
    runs=[{"in_order.end_to_end_per_s": 20_000.123}],
)


def test_a_percentile_is_the_nearest_rank() -> None:
    assert percentile([5, 1, 4, 2, 3], 0.5) == 3
    assert percentile(list(range(1, 101)), 0.99) == 99
    assert percentile([7], 0.99) == 7


def test_runs_are_put_together_by_their_median_with_the_spread() -> None:
    assert together([{"a": 3.0, "b": 1.0}, {"a": 1.0}, {"a": 2.0}]) == {"a": Spread(2.0, 1.0, 3.0)}


def test_a_result_is_found_again_by_a_later_one_of_the_same_machine_and_workload(tmp_path: Path) -> None:
    save(RESULT, tmp_path)
    later = msgspec.structs.replace(RESULT, at="2026-11-22T09:00:00")
    found = last_like(later, tmp_path)
    assert found is not None
    assert found.figures["in_order.end_to_end_per_s"] == Spread(20_000, 19_000, 21_000)
    assert last_like(RESULT, tmp_path) is None
    assert last_like(msgspec.structs.replace(later, machine={"type": "four cores"}), tmp_path) is None
    assert last_like(msgspec.structs.replace(later, workload={"seed": 2}), tmp_path) is None
    assert (
        last_like(msgspec.structs.replace(later, workload={"seed": 1, "in_order": {"links": 0.02}}), tmp_path) is None
    )


def test_a_result_from_before_the_fold_was_measured_is_compared_in_all_else(tmp_path: Path) -> None:
    save(RESULT, tmp_path)
    later = msgspec.structs.replace(RESULT, at="2026-11-22T09:00:00", workload={"seed": 1, "fold": {"items": 5}})
    assert last_like(later, tmp_path) is not None
    save(later, tmp_path)
    latest = msgspec.structs.replace(later, at="2026-11-22T10:00:00")
    found = last_like(latest, tmp_path)
    assert found is not None
    assert found.at == later.at
    other = last_like(msgspec.structs.replace(latest, workload={"seed": 1, "fold": {"items": 6}}), tmp_path)
    assert other is not None
    assert other.at == RESULT.at


def test_the_newest_of_several_results_is_compared_with(tmp_path: Path) -> None:
    save(RESULT, tmp_path)
    save(msgspec.structs.replace(RESULT, at="2026-11-22T08:30:00", commit="newer"), tmp_path)
    (tmp_path / "20261122T083100-odd.json").write_text("{}")
    found = last_like(msgspec.structs.replace(RESULT, at="2026-11-22T09:00:00"), tmp_path)
    assert found is not None
    assert found.commit == "newer"


def test_the_report_says_ratio_and_mark() -> None:
    newer = msgspec.structs.replace(RESULT, figures={"in_order.end_to_end_per_s": Spread(30_000, 29_000, 31_000)})
    text = report(newer, RESULT)
    assert "1.50" in text
    assert "reached" in text
    assert "NOT reached" in report(RESULT, None)
    assert "Compared with nothing" in report(RESULT, None)


def test_the_report_has_what_was_measured_of_identity_and_says_what_was_left_out() -> None:
    measured = {
        "identity.join.joined": 30, "identity.join.visible_p99_ms": 900, "identity.chain.first.rows_read": 77,
        "identity.group.left_out": 1,
    }  # fmt: skip
    identity = msgspec.structs.replace(RESULT, runs=[], figures=together([measured]))
    text = report(identity, None)
    assert "Medians of" not in text
    assert "joins 30 touchpoints" not in text
    assert "the same, p99 ms" in text
    assert "users chained by each other's cards, first half" in text
    assert "for too long: group" in text


def test_the_report_says_when_other_programs_took_the_machine() -> None:
    calm = {"latency.others_cores": Spread(0.2, 0.1, 0.9), "latency.steal_cores": Spread(0.0, 0.0, 0.0)}
    busy = {"latency.others_cores": Spread(0.9, 0.1, 0.9), "latency.steal_cores": Spread(0.1, 0.0, 0.1)}
    assert others_cores(calm) == 0.2
    assert "Other programs" not in report(msgspec.structs.replace(RESULT, figures=RESULT.figures | calm), None)
    assert "Other programs took up to 1.00" in report(
        msgspec.structs.replace(RESULT, figures=RESULT.figures | busy), None
    )


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: str(mark.figure))
def test_a_mark_is_reached_at_its_goal(mark: Mark) -> None:
    assert mark.reached(mark.goal)
    assert not mark.reached(mark.goal * (0.9 if mark.more_is_better else 1.1))


def test_processor_time_and_memory_of_a_process_are_read() -> None:
    before = cpu_s(os.getpid())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    assert cpu_s(os.getpid()) > before
    with MemoryWatch({"me": os.getpid()}) as watch:
        watch.look()
    assert watch.measure in {"PSS", "RSS"}
    assert watch.total_peak >= watch.now["me"] > 1_000_000


def test_a_process_that_is_gone_gives_no_figure() -> None:
    with pytest.raises(ProcessEndedError):
        cpu_s(2**22 + 1)
