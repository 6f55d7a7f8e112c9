"""What the tutorial shows is what one gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.tutorial import PAGE, answers, blocks


@pytest.mark.slow
def test_every_query_of_the_tutorial_answers_what_the_tutorial_shows(tmp_path: Path) -> None:
    found = list(answers(PAGE.read_text(), tmp_path))
    assert len(found) >= 20
    assert [(one.query, one.now) for one in found] == [(one.query, one.page) for one in found]


def test_every_query_of_the_tutorial_shows_its_answer() -> None:
    assert all(block.answer for block in blocks(PAGE.read_text()) if block.kind == "sql")
