"""A dry run: everything that an import does, but for what others would notice of it.

Items are judged by ingest's own rules, in this process, and counted in a copy of the journal. So the counts are those
of an import made now, with the settings of the data directory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from ingest.arrival import Arrival, Rules
from ingest.judge import RECEIPT, Judgement
from ingest.sources import Source
from tappa.imports.delivery import Answer, Parcel, Refusal
from tappa.imports.journal import FILE, Journal
from tappa.settings import Settings

Tag = TypeVar("Tag")

_ONE_PARTITION: Final = 1


def rules_of(settings: Settings) -> Rules:
    """Those of the ingest that has these settings."""
    return Rules.of(settings.ingest, settings.identity, settings.money.currency, lambda: "rehearsed")


def judged(
    parcels: Iterable[Parcel[Tag]], rules: Rules, source: Source, now_ms: Callable[[], int]
) -> Iterator[tuple[Parcel[Tag], Answer]]:
    """Each parcel with the answer that ingest would give."""
    for parcel in parcels:
        endpoint, kind = ("/v1/receipts", RECEIPT) if parcel.receipts else ("/v1/batch", "")
        arrival = Arrival(source=source, endpoint=endpoint, type=kind, received_at=now_ms())
        judgement = Judgement(rules, arrival, _ONE_PARTITION)
        for index, item in enumerate(parcel.items):
            judgement.judge(index, item)
        refused = [Refusal(one.index, one.code, one.message) for one in judgement.verdicts]
        yield parcel, Answer(accepted=len(parcel.items) - len(refused), rejected=refused)


@contextmanager
def copied_journal(folder: Path) -> Iterator[Journal]:
    """A copy of the journal of a data directory, or an empty one; it goes at the end."""
    with TemporaryDirectory(prefix="tappa-dry-run-") as copy:
        if (folder / FILE).exists():
            with closing(sqlite3.connect(folder / FILE)) as ours, closing(sqlite3.connect(Path(copy) / FILE)) as theirs:
                ours.backup(theirs)
        with Journal(Path(copy)) as journal:
            yield journal
