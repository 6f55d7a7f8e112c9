"""Times are read as strptime reads them."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.files.clock import time_reader

PATTERNS = [
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%d %b %Y",
    "%d/%m/%y",
    "%H:%M %d+%m+%Y",
]


def by_strptime(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007
    except ValueError:
        return None


def by_reader(text: str, pattern: str) -> datetime | None:
    try:
        return time_reader(pattern)(text)
    except ValueError:
        return None


@given(st.datetimes(min_value=datetime(1900, 1, 1)), st.sampled_from(PATTERNS), st.sampled_from(PATTERNS))  # noqa: DTZ001
def test_a_time_is_what_strptime_says(moment: datetime, written: str, pattern: str) -> None:
    text = moment.strftime(written)
    assert by_reader(text, pattern) == by_strptime(text, pattern)


@given(st.text(alphabet="0123456789/.: -+T", max_size=20), st.sampled_from(PATTERNS))
def test_so_is_what_is_none(text: str, pattern: str) -> None:
    assert by_reader(text, pattern) == by_strptime(text, pattern)


@pytest.mark.parametrize(
    "text",
    [
        "1/2/2026 3:4",
        "01/02/2026  03:04",
        "31/02/2026 10:00",
        "1/2/2026 24:00",
        "1/2/2026 10:60",
        " 1/2/2026 10:00",
        "",
    ],
)
def test_edges_are_the_same(text: str) -> None:
    assert by_reader(text, PATTERNS[0]) == by_strptime(text, PATTERNS[0])
