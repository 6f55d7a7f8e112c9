"""A log that goes on to more partitions while workers die, come back and go on as zombies; and that the simulator would
notice."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from store.interface import Store
from stream import worker
from stream.log.interface import Log, LogUsedUpError
from stream.worker import OFFSET_BITS, Worker
from tests.simulator.growing import wrong
from tests.simulator.seeds import failures, noticed

SEEDS: Final = int(os.environ.get("TAPPA_SIMULATE_GROWTHS", "120"))


@pytest.mark.slow
def test_whenever_the_log_goes_on_every_history_ends_in_the_rows_of_brute_force() -> None:
    assert [(seed, errors) for seed, errors in failures(range(SEEDS), live=wrong) if errors] == []


def a_row_has_the_epoch_of_the_first_topic(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Worker, "_version", lambda self, partition, offset: (1 << OFFSET_BITS) + offset)


def a_topic_is_left_by_who_has_nothing_to_do_in_it(patch: pytest.MonkeyPatch) -> None:
    async def hasty(log: Log, store: Store) -> None:
        raise LogUsedUpError

    patch.setattr(worker, "require_more", hasty)


RULES: Final[Mapping[str, tuple[Callable[[pytest.MonkeyPatch], None], int, int]]] = {
    "versions carry the epoch": (a_row_has_the_epoch_of_the_first_topic, 6, 50),
    "a topic is read once the one before is used up": (a_topic_is_left_by_who_has_nothing_to_do_in_it, 4, 50),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_simulator_notices_when_a_rule_of_growing_is_broken(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage, likely, within = RULES[rule]
    sabotage(monkeypatch)
    assert noticed(likely, within, wrong), f"broken rule {rule} went unnoticed in {within} histories"
