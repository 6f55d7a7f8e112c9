"""``tappa map``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tappa.cli.options import NotDoneError, WrongSettingsError, data_option, hint, read_settings

if TYPE_CHECKING:
    from ingest.files.mapping import Mapping
    from ingest.files.outcome import Outcome, Problem
    from tappa.imports.formats import Format
    from tappa.imports.proposal import Wishes

SHOWN_MAX: Final = 10
"""Receipts or messages that are shown, and things that could not be read."""
TEXT_SHOWN: Final = 400
"""Characters of each."""
ROWS_TRIED: Final = 10_000
"""Outcomes of the file that are judged."""


@click.command("map", epilog="Example: tappa map march.csv --zone Europe/Rome --out march.yaml")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "tsv", "excel", "parquet", "ndjson", "json", "receipts", "poslog"]),
    help="What the file is.  [default: by its name]",
)
@click.option("--sheet", help="Of an Excel workbook: the sheet.  [default: the first]")
@click.option("--zone", default="", help="IANA zone of times that do not say theirs, such as Europe/Rome.")
@click.option("--currency", default="", help="Where no column says it: three letters.")
@click.option("--store", default="", help="Where no column says it: the store's id.")
@click.option(
    "--mapping", "tried", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Try this mapping."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the mapping into this file.")
@click.option("--force", is_flag=True, help="Overwrite it.")
@data_option
def map_(
    file: Path,
    form: Format | None,
    sheet: str | None,
    zone: str,
    currency: str,
    store: str,
    tried: Path | None,
    out: Path | None,
    force: bool,
    data: Path,
) -> None:
    """Look at a file and propose the mapping that imports it.

    Shows the mapping, what to look at, the first ten receipts or messages, and what could not be read and why. Nothing
    is sent, and nothing written without --out.
    """
    from ingest.files.mapping import MappingError
    from ingest.files.packed import DamagedFileError
    from tappa.imports.proposal import Wishes

    if out is not None and out.exists() and not force:
        raise NotDoneError(f"{out} exists: --force overwrites it")
    form = form or _format_of(file)
    try:
        text, mapping = _mapping(file, form, sheet, tried, Wishes(zone=zone, currency=currency, store=store))
        _show(file, form, mapping, data)
    except MappingError as error:
        raise WrongSettingsError(str(error)) from None
    except DamagedFileError as error:
        raise NotDoneError(str(error)) from None
    if out is not None and text:
        out.write_text(text, encoding="utf-8")
        click.echo(f"Written: {out}; next: {hint(f'import {file} --mapping {out} --dry-run')}")


def _format_of(file: Path) -> Format:
    from tappa.imports.formats import format_of

    found = format_of(file)
    if found is None:
        raise click.UsageError(f"say what {file.name} is: --format csv, tsv, excel, parquet, ndjson …")
    return found


def _mapping(
    file: Path, form: Format, sheet: str | None, tried: Path | None, wishes: Wishes
) -> tuple[str, Mapping | None]:
    """As text, and as the import would use it; none for a file that needs none."""
    from ingest.files.mapping import load_mapping, parse_mapping
    from tappa.imports.formats import TABLES, detected

    if tried is not None:
        mapping = load_mapping(tried)
        return "", mapping if form == "poslog" else detected(file, form, mapping).mapping
    if form not in TABLES and (form not in ("ndjson", "json") or _is_ours(file)):
        click.echo(f"{file.name}: a file of the format {form} needs no mapping.\n")
        return "", None
    text = _proposed(file, form, sheet, wishes)
    click.echo(text)
    return text, parse_mapping(text, "the proposed mapping")


def _is_ours(file: Path) -> bool:
    """Whether a JSON file has messages or receipts: nothing that a mapping has to make them of."""
    from ingest.files.mapping import MappingError
    from tappa.imports.json_rows import json_rows

    try:
        with json_rows(file) as rows:
            return bool({"type", "receipt_id"} & set(rows.names))
    except MappingError:
        return True


def _proposed(file: Path, form: Format, sheet: str | None, wishes: Wishes) -> str:
    import yaml

    from ingest.files.mapping import CsvForm, ExcelForm, parse_mapping
    from tappa.imports.detection import detect_csv
    from tappa.imports.formats import table
    from tappa.imports.proposal import ROWS_SEEN, propose

    is_csv = form in ("csv", "tsv")
    csv = CsvForm(delimiter="\t") if form == "tsv" else CsvForm()
    if is_csv:
        csv, _ = detect_csv(file, csv)
    excel = ExcelForm(sheet=sheet)
    looking = parse_mapping("version: 1\nmessage: {type: {constant: track}}\n", "").model_copy(
        update={"csv": csv, "excel": excel}
    )
    with table(file, form, looking) as rows:
        seen = [row[1] for row in islice(rows.rows, ROWS_SEEN) if isinstance(row, tuple)]
        found = propose(rows.names, seen, csv, excel, wishes, is_csv=is_csv)
        if found is None:
            raise NotDoneError(
                f"{file.name}: no mapping comes to mind for the columns {', '.join(rows.names)}. Receipts need "
                "a number, a time and a price or total, messages an event and a time; docs/import.md says how to write "
                "a mapping."
            )
    notes = "".join(f"# {note}\n" for note in found.notes)
    head = f"# Proposed for {file.name}. Look at:\n" if notes else f"# Proposed for {file.name}\n"
    written = yaml.safe_dump(found.mapping, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return head + notes + "\n" + written


def _show(file: Path, form: Format, mapping: Mapping | None, data: Path) -> None:
    from ingest.files.outcome import HashedUpload, Item, Problem
    from tappa.imports.formats import place, reading

    upload = HashedUpload(upload_id="0" * 16, file=file.name, source="map", started_at="2026-01-01T00:00:00.000Z")
    shown, problems, counts = 0, [], Counter[str]()
    with reading(file, form, mapping, upload) as found:
        for outcome in _judged(islice(found.outcomes, ROWS_TRIED), data):
            if isinstance(outcome, Item):
                counts["receipts" if outcome.receipt else "messages"] += 1
                if shown < SHOWN_MAX:
                    shown += 1
                    click.echo(_cut(_short(outcome.body)))
            elif isinstance(outcome, Problem):
                counts["not read"] += 1
                problems.append(outcome)
            else:
                counts["left out"] += 1
    click.echo(f"\nOf the first {sum(counts.values()):,}: " + ", ".join(f"{n:,} {what}" for what, n in counts.items()))
    for reason, count, example in _reasons(problems)[:SHOWN_MAX]:
        click.echo(f"  {count:,}: {reason} ({place(file, form)} {example.line}: {_cut(example.text)})")


def _judged(outcomes: Iterator[Outcome], data: Path) -> Iterator[Outcome]:
    """The outcomes, those that ingest would refuse as problems."""
    from ingest.files.outcome import Item, Problem
    from ingest.sources import Source
    from tappa.imports.delivery import Parcel
    from tappa.imports.rehearsal import judged, rules_of

    rules = rules_of(read_settings(data))
    till, site = Source(name="map", channel="store"), Source(name="map", channel="web")
    for outcome in outcomes:
        if not isinstance(outcome, Item):
            yield outcome
            continue
        parcel = Parcel(receipts=outcome.receipt, write_key="", items=[outcome.body], tag=None)
        source = till if outcome.receipt else site
        ((_, answer),) = judged([parcel], rules, source, lambda: time.time_ns() // 1_000_000)
        for refusal in answer.rejected:
            yield Problem(line=outcome.line, code=refusal.code, reason=refusal.message, text=_short(outcome.body))
        if not answer.rejected:
            yield outcome


def _short(body: bytes) -> str:
    """Without where in the file it came from."""
    import msgspec

    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields.pop("import", None)
    if "context" in fields:
        context = msgspec.json.decode(fields["context"], type=dict[str, msgspec.Raw])
        context.pop("import", None)
        fields["context"] = msgspec.Raw(msgspec.json.encode(context))
        if not context:
            del fields["context"]
    return msgspec.json.encode(fields).decode()


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN else text[:TEXT_SHOWN] + "…"


def _reasons(problems: list[Problem]) -> list[tuple[str, int, Problem]]:
    """The reasons, the most frequent first, each with its first case. Values in quotes are cut out: they differ."""
    import re

    first: dict[str, Problem] = {}
    counts: Counter[str] = Counter()
    for problem in problems:
        reason = re.sub(r"'[^']*'", "…", problem.reason)
        first.setdefault(reason, problem)
        counts[reason] += 1
    return [(first[reason].reason, count, first[reason]) for reason, count in counts.most_common()]
