"""What the tutorial and the pages about real data show is what one gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.tutorial import PAGES, answers, blocks

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))


@pytest.mark.slow
@each_page
def test_every_query_of_the_page_answers_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    found = list(answers(page.read_text(), tmp_path))
    assert len(found) >= 5
    assert [(one.query, one.now) for one in found] == [(one.query, one.page) for one in found]


@each_page
def test_every_query_of_the_page_shows_its_answer(page: Path) -> None:
    assert all(block.answer for block in blocks(page.read_text()) if block.kind == "sql")


def test_every_sample_has_its_page() -> None:
    text = "".join(page.read_text() for page in PAGES if page.stem.startswith("on_real_"))
    mappings = (Path(__file__).parents[2] / "samples").glob("*/mapping.yaml")
    samples = [mapping.parent.name for mapping in mappings]
    assert samples
    assert [name for name in samples if f"tappa import samples/{name}/" not in text] == []
