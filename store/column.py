"""A column of rows on their way into a table."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple


class Column(NamedTuple):
    """Values of one column. Times are integer milliseconds and money integer ten-thousandths, whatever ``type`` says:
    they go over the wire as the integers that ClickHouse keeps."""

    name: str
    type: str
    """As in the table's definition."""
    values: Sequence[Any]
    """One a row; of a column of arrays that has ``ends``, the elements of all rows in one sequence."""
    ends: array[int] | None = None
    """For each row where its elements end. Many short lists would cost more than all else."""


def ends_of(lengths: Iterable[int]) -> array[int]:
    """``Column.ends`` of rows with so many elements."""
    return array("Q", accumulate(lengths))
