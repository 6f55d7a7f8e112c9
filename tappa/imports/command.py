"""``tappa import``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from tappa.cli.options import NotDoneError, WrongSettingsError, data_option, hint, json_option, read_settings

if TYPE_CHECKING:
    from ingest.files.mapping import Mapping
    from ingest.files.outcome import Problem
    from ingest.sources import Source
    from tappa.imports.formats import Format
    from tappa.imports.importing import Deliver
    from tappa.imports.journal import Journal, Progress

_FORMATS: Final = ("ndjson", "json", "receipts", "csv", "tsv", "excel", "parquet", "poslog")


@click.command(
    "import",
    epilog="Examples: tappa import events.ndjson.gz    tappa import shop.csv --mapping shop.yaml --source shop"
    "    tappa import tills.ndjson --format receipts --source stores",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="ndjson: messages in Segment's form, one a line; json: an array of them; receipts: receipts, one a line or an "
    "array; csv, tsv, excel, parquet: rows, with --mapping; poslog: transactions of tills, as XML.  [default: by the "
    "file's name]",
)
@click.option(
    "--mapping",
    "mapping_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML: what the columns of a CSV, Excel or Parquet file mean.",
)
@click.option("--sheet", help="Of an Excel workbook: the sheet.  [default: as the mapping says, or the first]")
@click.option(
    "--source",
    default="import",
    show_default=True,
    help="The source that the touchpoints are of; made when there is none of this name.",
)
@click.option("--again", is_flag=True, help="Send a file that has been imported once more, from its beginning.")
@click.option("--dry-run", is_flag=True, help="Say what would become of the file, and send nothing.")
@data_option
@json_option
def import_(
    file: Path,
    form: Format | None,
    mapping_file: Path | None,
    sheet: str | None,
    source: str,
    again: bool,
    dry_run: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Send a file of touchpoints to the running ingest.

    Plain, gzip or zstd; Excel and Parquet as they are. Stopped in the middle, the same command goes on where it was.
    """
    from ingest.files.mapping import MappingError
    from ingest.files.packed import DamagedFileError
    from tappa.imports.delivery import DeliveryError
    from tappa.imports.journal import ImportRunningError
    from tappa.imports.stopping import StoppedError

    form = form or _format_of(file, mapping_file)
    try:
        mapping = _mapping(form, mapping_file, sheet)
        sender = _source(data, source, form, mapping, dry_run=dry_run)
        run = _rehearse if dry_run else _run
        ended = run(file, form, mapping, sender, again, data)
    except MappingError as error:
        raise WrongSettingsError(str(error)) from None
    except ImportRunningError as error:
        raise _not_done("busy", str(error), as_json) from None
    except DamagedFileError as error:
        raise _not_done("damaged", str(error), as_json) from None
    except StoppedError as error:
        raise _not_done("stopped", f"{error}", as_json) from None
    except DeliveryError as error:
        safe = "What was sent is safe; the same command goes on from there."
        raise _not_done("undelivered", f"{error}\n{safe}", as_json) from None
    _tell(file, form, ended, data, dry_run=dry_run, as_json=as_json)


_NOTHING: Final[Sequence[str]] = ()


class Ended(NamedTuple):
    """What became of the file, its first bad lines, and what was found out about how it is written."""

    progress: Progress
    problems: Sequence[Problem]
    found_out: Sequence[str]


def _tell(file: Path, form: Format, ended: Ended, data: Path, *, dry_run: bool, as_json: bool) -> None:
    from tappa.imports.formats import place
    from tappa.imports.summary import as_json_text, summary, write_list

    progress, problems, found_out = ended
    name = f"{file.name}.{progress.import_id[:8]}.rejected.ndjson"
    listed = None if dry_run else write_list(problems, data / "imports" / name)
    if as_json:
        click.echo(as_json_text(progress, problems, listed, found_out))
        return
    wait = "" if dry_run else hint("status --wait 60", data)
    for line in summary(progress, problems, listed, wait, place(file, form)):
        click.echo(line)


def _not_done(kind: str, message: str, as_json: bool) -> NotDoneError:
    """The error, told to a machine by its kind, too."""
    import orjson

    if as_json:
        click.echo(orjson.dumps({"error": kind, "message": message}).decode())
    return NotDoneError(message)


def _run(file: Path, form: Format, mapping: Mapping | None, source: Source, again: bool, data: Path) -> Ended:
    from functools import partial

    from tappa.imports.delivery import deliver
    from tappa.imports.journal import Journal
    from tappa.imports.summary import PROBLEMS_LISTED
    from tappa.imports.target import ingest_url, wait_until_known, write_key

    upload_id, fresh = _fresh(file, form, mapping, source)
    with Journal(data / "imports") as journal:
        progress, found_out = journal.begin(fresh, again=again), _NOTHING
        if progress.finished_at:
            told = f"{file.name} was imported at {progress.finished_at}; --again sends it once more. It was then:"
            click.echo(told, err=True)
        else:
            mapping, found_out = _found_out(file, form, mapping)
            url = ingest_url(data)
            key = write_key(data, source)
            wait_until_known(url, [key])
            _read(file, upload_id, form, mapping, key, partial(deliver, url), journal, progress)
        return Ended(progress, journal.problems(fresh.import_id, PROBLEMS_LISTED), found_out)


def _rehearse(file: Path, form: Format, mapping: Mapping | None, source: Source, again: bool, data: Path) -> Ended:
    """From the file's beginning, whatever was sent of it."""
    from functools import partial

    from tappa.imports.rehearsal import copied_journal, judged, rules_of
    from tappa.imports.summary import PROBLEMS_LISTED

    upload_id, fresh = _fresh(file, form, mapping, source)
    mapping, found_out = _found_out(file, form, mapping)
    judge = partial(
        judged, rules=rules_of(read_settings(data)), source=source, now_ms=lambda: time.time_ns() // 1_000_000
    )
    with copied_journal(data / "imports") as journal:
        progress = journal.begin(fresh, again=True)
        _read(file, upload_id, form, mapping, "", judge, journal, progress)
        return Ended(progress, journal.problems(fresh.import_id, PROBLEMS_LISTED), found_out)


def _fresh(file: Path, form: Format, mapping: Mapping | None, source: Source) -> tuple[str, Progress]:
    from ingest.files.outcome import digest
    from tappa.imports.file import content_hash
    from tappa.imports.journal import Progress

    upload_id = content_hash(file)[:16]
    import_id = digest(upload_id, source.name, mapping.model_dump_json() if mapping else form).hex()
    return upload_id, Progress(import_id=import_id, file=file.name, source=source.name, started_at=_now())


def _found_out(file: Path, form: Format, mapping: Mapping | None) -> tuple[Mapping | None, Sequence[str]]:
    from tappa.imports.formats import detected

    if mapping is None or form == "poslog":
        return mapping, ()
    found = detected(file, form, mapping)
    if found.said:
        click.echo(f"{file.name}: found out from the file: {'; '.join(found.said)}", err=True)
    return found.mapping, found.said


def _read(
    file: Path,
    upload_id: str,
    form: Format,
    mapping: Mapping | None,
    key: str,
    deliver: Deliver,
    journal: Journal,
    progress: Progress,
) -> None:
    from ingest.files.outcome import HashedUpload
    from tappa.imports.display import Display
    from tappa.imports.importing import import_file
    from tappa.imports.stopping import stopping

    started, before = time.monotonic(), progress.position

    def report(now: Progress, read: float) -> None:
        rate = (now.position - before) / max(time.monotonic() - started, 0.001)
        counts = f"{now.accepted:,} accepted, {now.duplicate:,} duplicate, {now.rejected:,} rejected"
        display.show(read, f"{counts}, {rate:,.0f} rows/s")
        check_stopped()

    with Display(file.name) as display, stopping() as check_stopped:
        import_file(
            file,
            HashedUpload(upload_id=upload_id, file=file.name, source=progress.source, started_at=progress.started_at),
            mapping,
            form=form,
            write_key=key,
            deliver=deliver,
            journal=journal,
            progress=progress,
            now=_now,
            report=report,
        )


def _mapping(form: Format, file: Path | None, sheet: str | None) -> Mapping | None:
    from ingest.files.mapping import load_mapping
    from tappa.imports.formats import MAPPED, TABLES

    if form in TABLES and file is None:
        raise click.UsageError(f"{form} needs --mapping; samples/ has examples")
    if form not in MAPPED and file is not None:
        raise click.UsageError(f"{form} takes no --mapping: all other formats do")
    if sheet is not None and form != "excel":
        raise click.UsageError("only a file of Excel has sheets")
    if file is None:
        return None
    mapping = load_mapping(file)
    if (mapping.poslog is not None) != (form == "poslog"):
        wanted = "poslog" if form == "poslog" else "message or receipt"
        raise click.UsageError(f"{file} is no mapping for {form}: that wants {wanted}")
    if sheet is None:
        return mapping
    return mapping.model_copy(update={"excel": mapping.excel.model_copy(update={"sheet": sheet})})


def _source(data: Path, name: str, form: Format, mapping: Mapping | None, *, dry_run: bool) -> Source:
    """The source to send as, if there is none of this name yet. Looks first whether there is anything to send to."""
    from pydantic import ValidationError

    from ingest.sources import Source
    from tappa.settings import FILE

    settings = read_settings(data)
    tills = form in ("receipts", "poslog") or (mapping is not None and mapping.receipt is not None)
    if dry_run and (known := next((one for one in settings.sources if one.name == name), None)):
        return known
    if not dry_run and not (data / FILE).exists():
        raise NotDoneError(f"there is no {data / FILE}: start `{hint('up', data)}` first, or name its --data directory")
    try:
        return Source(name=name, channel="store" if tills else "web")
    except ValidationError:
        raise click.UsageError(
            f"--source {name!r}: letters, digits, dots, hyphens and underscores, at most 64"
        ) from None


def _format_of(file: Path, mapping: Path | None) -> Format:
    from tappa.imports.formats import MAPPED, format_of

    found = format_of(file)
    if mapping is not None and found not in MAPPED:
        return "csv"
    if found is None:
        raise click.UsageError(f"say what {file.name} is: --format {', '.join(_FORMATS)}")
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
