"""Arrays of JSON are read element by element, however the file is cut into pieces."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.files.json_array import ELEMENT_BYTES_MAX, begins_array, elements
from ingest.files.outcome import Problem
from ingest.files.packed import DamagedFileError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8,
)  # fmt: skip


class Pieces(BytesIO):
    """Gives few bytes at once, whatever is asked for."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._size)


@given(st.lists(VALUES, max_size=6), st.integers(1, 7), st.sampled_from([None, 2]), st.booleans())
def test_the_elements_are_those_of_the_array(values: list[Any], size: int, indent: int | None, ascii: bool) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii).encode("utf-8", "surrogatepass")
    found = list(elements(Pieces(b"\xef\xbb\xbf " + text + b"\n", size)))
    assert [number for number, _ in found if not isinstance(number, str)] == list(range(1, len(values) + 1))
    assert [json.loads(one[1]) for one in found if not isinstance(one, Problem)] == values


def test_a_broken_element_leaves_its_neighbours_alone() -> None:
    found = list(elements(BytesIO(b'[{"a":1},{"a":nope},{"a" 2},"}",{"b":"\\"],"}]')))
    assert [one[1] for one in found if not isinstance(one, Problem)] == [
        b'{"a":1}', b'{"a":nope}', b'{"a" 2}', b'"}"', b'{"b":"\\"],"}',
    ]  # fmt: skip


def test_an_endless_element_is_told_and_not_kept() -> None:
    long = b'{"a":"' + b"x" * (3 * ELEMENT_BYTES_MAX) + b'"}'
    first, second, third = elements(BytesIO(b'[{"a":1},' + long + b',{"b":2}]'))
    assert isinstance(second, Problem)
    assert (second.line, second.code) == (2, "line_too_long")
    assert (first, third) == ((1, b'{"a":1}'), (3, b'{"b":2}'))


def test_an_array_that_ends_early_gives_what_is_whole_and_is_damaged() -> None:
    found = elements(BytesIO(b'[{"a":1},{"a":'))
    assert next(found) == (1, b'{"a":1}')
    with pytest.raises(DamagedFileError, match="in its element 2"):
        next(found)


def test_an_array_is_told_by_its_first_sign() -> None:
    assert begins_array(b'\xef\xbb\xbf\n [{"a":1}]')
    assert not begins_array(b'{"a":[1]}')
