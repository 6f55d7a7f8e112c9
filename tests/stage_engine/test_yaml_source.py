"""YAML as people mean it, and nothing that is cleverer than that."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_engine.yaml_source import DEPTH_MAX, SOURCE_CHARS_MAX, SourceError, read_source

LAUGHS = "a: &a [ha, ha]\n" + "\n".join(
    f"{n}: &{n} [*{p}, *{p}, *{p}, *{p}]" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_words_mean_what_they_look_like() -> None:
    source = read_source(
        "on: no\nyes: off\ndate: 2025-01-01\nnumber: 12\nquoted: '12'\nhalf: 0.5\ntruth: true\nnothing:\n404: x"
    )
    assert source.data == {
        **{"on": "no", "yes": "off", "date": "2025-01-01", "number": 12, "quoted": "12", "half": 0.5, "truth": True},
        **{"nothing": None, "404": "x"},
    }


def test_every_piece_has_a_place_and_what_is_missing_has_that_of_its_surroundings() -> None:
    source = read_source("a:\n  - b: 1\n    c: 2\n")
    assert source.place(("a", 0, "c")) == (3, 5)
    assert source.place(("a", 0, "missing", "deeper")) == (2, 5)
    assert source.place(("elsewhere",)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("a: 1\na: 2\n", (2, 1), "twice"),
        (LAUGHS, (1, 4), "anchors"),
        ("a: !!python/object:os.system x\n", (1, 4), "tags"),
        ("a: [1, 2\n", (2, 1), "not YAML"),
        ("a: 1\n---\nb: 2\n", (2, 1), "not YAML"),
        ("? [a]\n: 1\n", (1, 3), "a key must be a word"),
        ("[" * (DEPTH_MAX + 1), (1, DEPTH_MAX + 1), "deep"),
        ("x" * (SOURCE_CHARS_MAX + 1), (1, 1), "characters"),
        ("a: \x00", (1, 1), "not YAML"),
    ],
    ids=["twice", "billion laughs", "tag", "unclosed", "two documents", "key", "deep", "large", "control character"],
)
def test_what_is_refused_names_its_place(text: str, place: tuple[int, int], reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        read_source(text)
    assert caught.value.place == place


@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@` \n,?~01", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(SourceError):
        read_source(text)
