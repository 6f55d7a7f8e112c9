"""Results: a JSON file for each run of `make bench`, kept with the code, compared with the last of the same machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from benches.figures import Figures, Spread

DIRECTORY: Final = Path(__file__).resolve().parent / "results"
FORMAT: Final = 1
LATER: Final = ("fold", "importing", "rebuild", "sdk")
"""Parts that the first results do not have."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run of `make bench`."""

    format: int = FORMAT
    at: str
    """ISO 8601, UTC."""
    commit: str
    """With a ``+`` when the code was not exactly that."""
    machine: dict[str, Any]
    workload: dict[str, Any]
    """What was sent: only results of the same workload are compared."""
    figures: dict[str, Spread]
    runs: list[Figures]

    @property
    def name(self) -> str:
        """Of its file: they sort by time."""
        return f"{self.at[:19].replace(':', '').replace('-', '')}-{self.commit.rstrip('+')}.json"


def save(result: Result, directory: Path = DIRECTORY) -> Path:
    """Write the result into a file of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / result.name
    rounded = msgspec.structs.replace(
        result,
        runs=[_rounded(run) for run in result.runs],
        figures={name: Spread(*_rounded(_parts(spread)).values()) for name, spread in result.figures.items()},
    )
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rounded), indent=1) + b"\n")
    return path


def last_like(result: Result, directory: Path = DIRECTORY) -> Result | None:
    """The newest earlier result of the same machine type and workload."""
    for path in sorted(directory.glob("*.json"), reverse=True):
        try:
            earlier = msgspec.json.decode(path.read_bytes(), type=Result)
        except msgspec.DecodeError:
            continue  # another format
        if (
            earlier.at < result.at
            and earlier.format == FORMAT
            and earlier.machine.get("type") == result.machine.get("type")
            and earlier.workload == _known_to(earlier, result.workload)
        ):
            return earlier
    return None


def _known_to(earlier: Result, workload: dict[str, Any]) -> dict[str, Any]:
    """The workload without what was not measured yet in the earlier result: the rest is compared."""
    return {name: what for name, what in workload.items() if name not in LATER or name in earlier.workload}


def _parts(spread: Spread) -> Figures:
    return {"median": spread.median, "low": spread.low, "high": spread.high}


def _rounded(figures: Mapping[str, float]) -> Figures:
    """To five digits: more is noise."""
    return {name: float(f"{value:.5g}") for name, value in figures.items()}
