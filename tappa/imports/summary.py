"""What an import says at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from ingest.files.outcome import Problem
from tappa.imports.journal import Progress

PROBLEMS_SHOWN: Final = 20
"""Bad lines that are told one by one; the list has the others."""
PROBLEMS_LISTED: Final = 100_000
"""Bad lines of the list; a file with more of them has the wrong mapping."""


def summary(
    progress: Progress, problems: Sequence[Problem], listed: Path | None, wait: str, place: str = "line"
) -> Iterator[str]:
    """For a person, line by line. ``wait`` is the command that waits until all can be queried, empty for a dry run;
    ``place`` is what the file's places are called."""
    counts = f"{progress.accepted:,} accepted, {progress.duplicate:,} duplicate, {progress.rejected:,} rejected"
    left_out = f", {progress.skipped:,} left out by the mapping" if progress.skipped else ""
    yield f"{progress.file}: {counts}{left_out}"
    if progress.differing:
        yield (
            f"{progress.differing:,} of the duplicates say something else than what was sent before; one of such "
            "copies counts. Are the rows of a receipt next to each other?"
        )
    for problem in problems[:PROBLEMS_SHOWN]:
        yield f"  {place} {problem.line}: {problem.code}: {problem.reason}"
    if len(problems) > PROBLEMS_SHOWN:
        yield f"  and {progress.rejected - PROBLEMS_SHOWN:,} more"
    if not wait:
        yield "Nothing was sent: this was a dry run."
        return
    if listed is not None:
        yield f"All rejected lines, with their beginnings: {listed}"
    yield f"What was accepted is on disk; `{wait}` returns when all of it can be queried."


def as_json_text(
    progress: Progress, problems: Sequence[Problem], listed: Path | None, found_out: Sequence[str] = ()
) -> str:
    """For a machine: the counts, the first bad lines, where all of them are, and how the file was found to be
    written."""
    more = {
        "problems": problems[:PROBLEMS_SHOWN],
        "rejected_list": str(listed) if listed else None,
        "found_out": found_out,
    }
    return msgspec.json.encode(msgspec.structs.asdict(progress) | more).decode()


def write_list(problems: Sequence[Problem], path: Path) -> Path | None:
    """The bad lines as NDJSON, with line number, code, reason and the line's beginning. None when there are none."""
    if not problems:
        path.unlink(missing_ok=True)
        return None
    path.write_bytes(b"".join(msgspec.json.encode(problem) + b"\n" for problem in problems))
    return path
