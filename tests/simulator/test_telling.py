"""What is said of stage visits is what is true of them in the end, whatever happens; and the simulator's teeth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pytest

from stage_engine.journey import Journey
from store.interface import CustomerRow
from stream import announcer
from stream.advance import Journeys
from stream.announcer import Announcer
from tests.simulator.seeds import noticed
from tests.simulator.telling import wrong, wrong_rebuild

SEEDS: Final = 100
REBUILDS: Final = 50


@pytest.mark.slow
def test_what_was_said_put_together_is_what_the_rows_say() -> None:
    assert [seed for seed in range(SEEDS) if wrong(seed)] == []


@pytest.mark.slow
def test_a_rebuild_that_is_asked_to_says_what_it_changes() -> None:
    assert [seed for seed in range(REBUILDS) if wrong_rebuild(seed)] == []


Sabotage = Callable[[pytest.MonkeyPatch], None]


async def nothing(self: Announcer, *said: Any) -> None:
    """Nothing is done."""


def said_behind_the_rows(patch: pytest.MonkeyPatch) -> None:
    say, review = Announcer.say, Announcer.review
    waiting: dict[Announcer, tuple[Sequence[CustomerRow], Mapping[str, Journeys]]] = {}

    async def later(self: Announcer, rows: Sequence[CustomerRow], known: Mapping[str, Journeys]) -> None:
        waiting[self] = (rows, known)

    async def now(self: Announcer, version_of: Callable[[str], int]) -> None:
        if self in waiting:
            await say(self, *waiting.pop(self))
        await review(self, version_of)

    patch.setattr(Announcer, "say", later)
    patch.setattr(Announcer, "review", now)
    patch.setattr(announcer.Since, "is_beginning", False)  # else the circle says whatever was not said


def never_reviewed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Announcer, "_go_round", nothing)


def silence_passes_unsaid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Announcer, "_say_due", nothing)


def silence_is_never_taken_back(patch: pytest.MonkeyPatch) -> None:
    due = announcer._due

    def of_rows_only(journey: Journey, now_ms: int) -> Any:
        return due(journey, now_ms) if now_ms else ()

    compare = Announcer._compare

    def without(self: Announcer, row: Any, before: Any, now_ms: int, changes: Any) -> None:
        compare(self, row, before, 0, changes)

    patch.setattr(announcer, "_due", of_rows_only)
    patch.setattr(Announcer, "_compare", without)


RULES: Final[Mapping[str, tuple[Sabotage, int, int]]] = {
    "it is said before the rows are written": (said_behind_the_rows, 3, 300),
    "what a crash or a zombie leaves behind is looked for": (never_reviewed, 0, 300),
    "what silence brings is said": (silence_passes_unsaid, 2, 50),
    "what silence brought is taken back": (silence_is_never_taken_back, 6, 300),
}
"""How to break each rule, a seed at which the simulator is likely to notice, and within how many it has to."""


@pytest.mark.parametrize("rule", RULES)
def test_the_simulator_notices_when_this_is_broken(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage, likely, within = RULES[rule]
    sabotage(monkeypatch)
    assert noticed(likely, within, wrong), f"broken: {rule}; unnoticed in {within} histories"
