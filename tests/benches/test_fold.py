"""The bench of the fold: what it asks is what it says it asks."""

from __future__ import annotations

from typing import Any

from benches.figures import together
from benches.fold import by_customer, measured, touchpoints
from benches.fold_model import WIDE
from benches.fold_report import ROWS, fold_report
from stage_engine.fold import one_per_identity
from stage_engine.model import parse_model
from stage_engine.touchpoint import place
from tests.reference.naive_model import NaiveModel, Row
from tests.stage_engine.test_fold import plain

START_MS = 1_790_000_000_000


class Counting(NaiveModel):
    """Counts the conditions that entries and moves ask of each touchpoint."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.asked: list[int] = []

    def move(self, visits: list[Row], touchpoint: Row, state: Row) -> Row | None:
        self.asked.append(0)
        return super().move(visits, touchpoint, state)

    def holds(self, condition: str | None, touchpoint: Row, state: Row) -> bool:
        if self.asked and condition is not None:
            self.asked[-1] += 1
        return super().holds(condition, touchpoint, state)

    def counters(self, before: list[Row], now: int) -> Row:
        asked, self.asked = self.asked, []
        counted: dict[str, Any] = super().counters(before, now)
        self.asked = asked
        return counted


def test_the_model_that_asks_much_asks_two_conditions_of_every_touchpoint() -> None:
    model = Counting(WIDE)
    for history in by_customer(one_per_identity(map(place, touchpoints(START_MS, 1_000)))).values():
        model.travel([plain(touchpoint) for _, _, touchpoint in history])
    assert len(model.asked) > 900
    assert min(model.asked) >= 2
    assert (len(model.stages), len(model.model["moves"])) == (12, 40)
    assert len(parse_model(WIDE).stages) == 12


def test_the_report_has_all_that_is_measured_of_the_fold() -> None:
    figures = measured(START_MS, 0.01, rounds=1)
    report = fold_report(together([figures]), {})
    assert all(value > 0 for value in figures.values())
    assert len(report.splitlines()) == 2 + len(ROWS)
