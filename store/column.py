"""A column of rows on their way into a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Column(NamedTuple):
    """Values of one column. Times are integer milliseconds and money integer ten-thousandths, whatever ``type`` says:
    they go over the wire as the integers that ClickHouse keeps."""

    name: str
    type: str
    """As in the table's definition."""
    values: Sequence[Any]
