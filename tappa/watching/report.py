"""What became of a file of a watched folder: written beside it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Outcome = Literal["done", "failed"]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What one try to import a file came to."""

    outcome: Literal["done", "failed", "again", "stopped", "crashed"]
    """``again``: it is not the file's fault, and the same try may succeed later."""
    reason: str = ""
    summary: dict[str, Any] | None = None
    """As ``tappa import --json`` says it."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The file beside a file that was taken."""

    file: str
    """Its name when it was taken."""
    outcome: Outcome
    reason: str
    """Why it failed."""
    source: str
    mapping: str | None
    """Name of the mapping file."""
    bytes: int
    ended_at: str
    moved_to: str
    """Where it is, below the folder."""
    rejected_list: str | None
    """Name of the file beside it that has every line that was rejected."""
    summary: dict[str, Any] | None
    """The counts, the first rejected lines and the id of the import, as ``tappa import --json`` says them."""


def judged(summary: dict[str, Any], began_at: str) -> Imported:
    """Of a file that was read to its end: one of which nothing could be taken has failed. The times are in one form."""
    taken = summary["accepted"] + summary["duplicate"]
    if summary["rejected"] and not taken:
        return Imported(outcome="failed", reason="everything in it was rejected", summary=summary)
    before = f"it was imported before, at {summary['finished_at']}" if summary["finished_at"] < began_at else ""
    return Imported(outcome="done", reason=before, summary=summary)
