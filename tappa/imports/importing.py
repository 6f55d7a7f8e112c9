"""From the outcomes of a file to parcels, and from ingest's answers to the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from ingest.files.mapping import Mapping
from ingest.files.outcome import Item, Outcome, Problem, Skipped, Upload
from ingest.files.packed import DamagedFileError
from tappa.imports.delivery import BODY_BYTES_MAX, ITEMS_MAX, Answer, Parcel, Refusal
from tappa.imports.formats import Format, reading
from tappa.imports.journal import Journal, Progress

STRETCH_OUTCOMES: Final = 1_000
"""Outcomes of the file that are journalled together: ten parcels or a few more. Each time costs as much as a hundred of
them; what is sent and not yet journalled is sent again after a kill."""

TEXT_KEPT: Final = 500
"""Characters of a bad line that are shown with its reason."""

Report = Callable[[Progress, float], None]
"""Told after every stretch: how far the import is, and which part of the file is read."""


class _Stretch(msgspec.Struct, frozen=True):
    """Part of what an answer is journalled with."""

    items: list[Item]
    problems: list[Problem]
    skipped: int
    outcomes: int
    """Of the whole stretch, on its last parcel; 0 before: the position moves when all of it is sent."""
    read: float


Deliver = Callable[[Iterator[Parcel[_Stretch]]], Iterator[tuple[Parcel[_Stretch], Answer]]]
"""Takes parcels somewhere, and gives each back with what was said of it, in the same order."""


def import_file(
    path: Path,
    upload: Upload,
    mapping: Mapping | None,
    *,
    form: Format,
    write_key: str,
    deliver: Deliver,
    journal: Journal,
    progress: Progress,
    now: Callable[[], str],
    report: Report,
) -> Progress:
    """Send the file from where ``progress`` says, to the end. What is counted is sent, and what was sent and not
    counted is sent again. Raises ``DeliveryError`` when ingest cannot be reached, ``MappingError`` when the
    mapping does not fit the file, ``DamagedFileError`` when it cannot be read to its end and all before that is sent;
    all leave the journal as far as it came."""
    with reading(path, form, mapping, upload) as file:
        damage: list[DamagedFileError] = []
        rest = islice(_until_damage(file.outcomes, damage), progress.position, None)
        answers: list[tuple[_Stretch, Answer]] = []
        for parcel, answer in deliver(_parcels(rest, write_key, file.read)):
            answers.append((parcel.tag, answer))
            if parcel.tag.outcomes:
                _write_down(answers, journal, progress)
                answers = []
                report(progress, parcel.tag.read)
        if damage:
            raise damage[0]
    progress.finished_at = now()
    journal.keep(progress)
    return progress


def _until_damage(outcomes: Iterator[Outcome], damage: list[DamagedFileError]) -> Iterator[Outcome]:
    try:
        yield from outcomes
    except DamagedFileError as error:
        damage.append(error)


def _parcels(outcomes: Iterator[Outcome], write_key: str, read: Callable[[], float]) -> Iterator[Parcel[_Stretch]]:
    while some := [_sendable(outcome) for outcome in islice(outcomes, STRETCH_OUTCOMES)]:
        items = [one for one in some if isinstance(one, Item)]
        problems = [one for one in some if isinstance(one, Problem)]
        skipped = sum(isinstance(one, Skipped) for one in some)
        for receipts in (False, True):
            for few in _bundles(one for one in items if one.receipt is receipts):
                tag = _Stretch(few, [], 0, 0, 0.0)
                yield Parcel(receipts=receipts, write_key=write_key, items=[item.body for item in few], tag=tag)
        yield Parcel(
            receipts=False, write_key=write_key, items=[], tag=_Stretch([], problems, skipped, len(some), read())
        )


def _bundles(items: Iterable[Item]) -> Iterator[list[Item]]:
    bundle: list[Item] = []
    size = 0
    for item in items:
        if bundle and (len(bundle) == ITEMS_MAX or size + len(item.body) > BODY_BYTES_MAX):
            yield bundle
            bundle, size = [], 0
        bundle.append(item)
        size += len(item.body) + 1
    if bundle:
        yield bundle


def _write_down(answers: list[tuple[_Stretch, Answer]], journal: Journal, progress: Progress) -> None:
    with journal.step(progress):
        for stretch, answer in answers:
            refused = {refusal.index: refusal for refusal in answer.rejected}
            for index, item in enumerate(stretch.items):
                if index not in refused:
                    first = journal.first_time(item)
                    progress.accepted += first is True
                    progress.duplicate += first is not True
                    progress.differing += first is None
            bad = [_refused(stretch.items[index], refusal) for index, refusal in refused.items()]
            journal.note(progress.import_id, [*bad, *stretch.problems])
            progress.rejected += len(bad) + len(stretch.problems)
            progress.skipped += stretch.skipped
            progress.position += stretch.outcomes


def _sendable(outcome: Outcome) -> Outcome:
    if isinstance(outcome, Problem):
        return msgspec.structs.replace(outcome, text=outcome.text[:TEXT_KEPT])
    if not isinstance(outcome, Item) or len(outcome.body) <= BODY_BYTES_MAX:
        return outcome
    reason = f"What the line makes is larger than {BODY_BYTES_MAX:,} bytes."
    return Problem(line=outcome.line, code="event_too_large", reason=reason, text=_beginning(outcome.body))


def _refused(item: Item, refusal: Refusal) -> Problem:
    return Problem(line=item.line, code=refusal.code, reason=refusal.message, text=_beginning(item.body))


def _beginning(body: bytes) -> str:
    return body[:TEXT_KEPT].decode("utf-8", "replace")
