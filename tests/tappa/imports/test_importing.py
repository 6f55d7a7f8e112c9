"""An import of any form that is stopped anywhere goes on where it was, and ends as if it had never been stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ingest.files.mapping import parse_mapping
from ingest.files.outcome import HashedUpload
from tappa.imports.delivery import Answer, DeliveryError, Parcel
from tappa.imports.formats import Format
from tappa.imports.importing import import_file
from tappa.imports.journal import Journal, Progress
from tests.tappa.imports.poslog.documents import document, item, transaction
from tests.tappa.imports.tables import as_csv, as_excel, as_parquet

ROWS = 3_030
UPLOAD = HashedUpload(upload_id="0" * 16, file="f", source="s", started_at="2026-01-01T00:00:00.000Z")
MAPPING = parse_mapping("version: 1\nskip: {what: [s*]}\nmessage: {event: what, messageId: id}\n", "m.yaml")
WHAT = ["skipped" if n % 50 == 7 else f"event {n % 3}" for n in range(ROWS)]
TABLE = [["what", "id"], *([what, str(n % 1_000)] for n, what in enumerate(WHAT))]


def lines() -> list[bytes]:
    return [
        b"broken" if n % 100 == 3 else json.dumps({"event": "A", "messageId": str(n)}).encode() for n in range(ROWS)
    ]


def as_array(path: Path) -> Path:
    path.write_bytes(b"[" + b",".join(lines()) + b"]")
    return path


def as_lines(path: Path) -> Path:
    path.write_bytes(b"\n".join(lines()))
    return path


def as_poslog(path: Path) -> Path:
    line = item("<ActualSalesUnitPrice>5</ActualSalesUnitPrice>")
    path.write_bytes(document(*(transaction(line if n % 90 else "<LineItem/>", number=n) for n in range(ROWS))))
    return path


def made(form: Format, folder: Path) -> Path:
    """About three thousand outcomes, some of them bad or left out."""
    path = folder / "file"
    match form:
        case "ndjson":
            return as_lines(path)
        case "json":
            return as_array(path)
        case "excel":
            return as_excel(path.with_suffix(".xlsx"), TABLE)
        case "parquet":
            what = "if(number % 50 = 7, 'skipped', concat('event ', toString(number % 3))) AS what"
            return as_parquet(path, f"SELECT {what}, toString(number % 1000) AS id FROM numbers({ROWS})")
        case "poslog":
            return as_poslog(path)
        case _:
            return as_csv(path, TABLE, delimiter="\t" if form == "tsv" else ",")


def taken(parcels: Iterator[Parcel[Any]], sent: list[bytes], stop_after: int) -> Iterator[tuple[Parcel[Any], Answer]]:
    """Takes so many parcels, and then ingest is away."""
    for parcel, number in zip(parcels, count(), strict=False):
        if number == stop_after:
            raise DeliveryError("away")
        sent += parcel.items
        yield parcel, Answer(accepted=len(parcel.items))


@pytest.mark.parametrize("form", ["ndjson", "json", "csv", "tsv", "excel", "parquet", "poslog"])
def test_stopped_after_every_few_parcels_it_ends_the_same(form: Format, tmp_path: Path) -> None:
    file = made(form, tmp_path)
    mapping = MAPPING if form in ("csv", "tsv", "excel", "parquet") else None

    def imported(folder: str, parcels_at_once: int) -> tuple[Progress, set[bytes], int]:
        sent: list[bytes] = []
        fresh = Progress(import_id="i", file="f", source="s", started_at="t")
        for attempt in range(1, 50):
            with Journal(tmp_path / folder) as journal:
                progress = journal.begin(fresh, again=False)
                try:
                    import_file(
                        file, UPLOAD, mapping, form=form, write_key="k", journal=journal, progress=progress,
                        deliver=lambda parcels: taken(parcels, sent, parcels_at_once), now=lambda: "now",
                        report=lambda _, __: None,
                    )  # fmt: skip
                except DeliveryError:
                    continue
                return progress, set(sent), attempt
        raise AssertionError

    whole, items, once = imported("whole", 1_000_000)
    assert once == 1
    parts, same, attempts = imported("parts", 15)
    assert attempts > 1
    assert (parts, same) == (whole, items)
    assert whole.position == sum((whole.accepted, whole.duplicate, whole.rejected, whole.skipped))
    assert whole.position >= ROWS - 1
