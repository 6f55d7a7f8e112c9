"""Times by a pattern of strptime, read several times as fast where the pattern has numbers only."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

_NUMBERS: Final = {
    "d": r"(?P<d>3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9])",
    "m": r"(?P<m>1[0-2]|0[1-9]|[1-9])",
    "Y": r"(?P<Y>\d\d\d\d)",
    "H": r"(?P<H>2[0-3]|[0-1]\d|\d)",
    "M": r"(?P<M>[0-5]\d|\d)",
    "S": r"(?P<S>6[0-1]|[0-5]\d|\d)",
}
"""As strptime reads them."""


def time_reader(pattern: str) -> Callable[[str], datetime]:
    """What ``datetime.strptime`` makes of a text with this pattern; raises ``ValueError`` when that does."""
    directives = re.findall(r"%(.)", pattern)
    if not {"d", "m", "Y"} <= set(directives) <= set(_NUMBERS) or len(set(directives)) < len(directives):
        return lambda text: datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes next
    parts = re.split(r"%(.)", pattern)
    written = "".join(_NUMBERS[part] if at % 2 else _literal(part) for at, part in enumerate(parts))
    shape = re.compile(written, re.IGNORECASE)

    def read(text: str) -> datetime:
        found = shape.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not of the form {pattern}")
        said = found.groupdict("0")
        return datetime(  # noqa: DTZ001 - the zone comes next
            int(said["Y"]), int(said["m"]), int(said["d"]),
            int(said.get("H", 0)), int(said.get("M", 0)), int(said.get("S", 0)),
        )  # fmt: skip

    return read


def _literal(text: str) -> str:
    return r"\s+".join(map(re.escape, re.split(r"\s+", text)))
