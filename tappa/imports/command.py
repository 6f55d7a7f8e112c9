"""``tappa import``."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from tappa.cli.options import NotDoneError, WrongSettingsError, data_option, hint, json_option, read_settings

if TYPE_CHECKING:
    from tappa.imports.journal import Progress
    from tappa.imports.mapping import Mapping
    from tappa.imports.outcome import Problem, Upload

PROBLEMS_SHOWN: Final = 20
PROBLEMS_LISTED: Final = 100_000
"""The first of a file's bad lines that go into the list; more of them are a wrong mapping."""

Format = Literal["ndjson", "csv", "receipts"]


@click.command(
    "import",
    epilog="Examples: tappa import events.ndjson.gz    tappa import shop.csv --mapping shop.yaml --source shop"
    "    tappa import tills.ndjson --format receipts --source stores",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "csv", "receipts"]),
    help="ndjson: messages in Segment's form, one a line; csv: with --mapping; receipts: receipts, one a line.  [default: by the file's name]",
)
@click.option(
    "--mapping",
    "mapping_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML: what the columns of a CSV file mean.",
)
@click.option(
    "--source",
    default="import",
    show_default=True,
    help="The source that the touchpoints are of; made when there is none of this name.",
)
@click.option("--again", is_flag=True, help="Send a file that has been imported once more, from its beginning.")
@data_option
@json_option
def import_(
    file: Path, form: Format | None, mapping_file: Path | None, source: str, again: bool, data: Path, as_json: bool
) -> None:
    """Send a file of touchpoints to the running ingest.

    Plain, gzip or zstd. Stopped in the middle, the same command goes on where it was.
    """
    from tappa.imports.delivery import DeliveryError
    from tappa.imports.journal import ImportRunningError
    from tappa.imports.mapping import MappingError, load_mapping

    form = form or _format_of(file, mapping_file)
    if (form == "csv") != (mapping_file is not None):
        raise click.UsageError("csv needs --mapping, and only csv takes one; samples/ has examples")
    read_settings(data)
    try:
        mapping = load_mapping(mapping_file) if mapping_file else None
        progress, problems, listed = _run(file, form, mapping, source, again, data)
    except MappingError as error:
        raise WrongSettingsError(str(error)) from None
    except ImportRunningError as error:
        raise NotDoneError(str(error)) from None
    except DeliveryError as error:
        raise NotDoneError(f"{error}\nWhat was sent is safe; the same command goes on from there.") from None
    if as_json:
        _print_json(progress, problems)
    else:
        _print(progress, problems, listed, hint("status --wait 60", data))


def _run(
    file: Path, form: Format, mapping: Mapping | None, source: str, again: bool, data: Path
) -> tuple[Progress, list[Problem], Path | None]:
    from ingest.sources import Source
    from tappa.imports.display import Display
    from tappa.imports.file import content_hash
    from tappa.imports.importing import import_file
    from tappa.imports.journal import Journal, Progress
    from tappa.imports.outcome import Upload, digest
    from tappa.imports.target import ingest_url, wait_until_known, write_key

    upload_id = content_hash(file)[:16]
    meaning = mapping.model_dump_json() if mapping else form
    with Journal(data / "imports") as journal:
        fresh = Progress(
            import_id=digest(upload_id, source, meaning).hex(), file=file.name, source=source, started_at=_now()
        )
        progress = journal.begin(fresh, again=again)
        if not progress.finished_at:
            url = ingest_url(data)
            key = write_key(data, Source(name=source, channel="store" if _of_receipts(form, mapping) else "web"))
            wait_until_known(url, [key])
            upload = Upload(upload_id=upload_id, file=file.name, source=source, started_at=progress.started_at)
            started, before = time.monotonic(), progress.position

            def note(now: Progress, read: float) -> None:
                rate = (now.position - before) / max(time.monotonic() - started, 0.001)
                display.show(
                    read,
                    f"{now.accepted:,} accepted, {now.duplicate:,} duplicate, {now.rejected:,} rejected, {rate:,.0f} lines/s",
                )

            with Display(file.name) as display:
                progress = import_file(
                    file, upload, mapping, receipts=form == "receipts", url=url, write_key=key, journal=journal, progress=progress, now=_now, report=note
                )  # fmt: skip
        else:
            click.echo(
                f"{file.name} was imported at {progress.finished_at}; --again sends it once more. It was then:",
                err=True,
            )
        problems = list(journal.problems(progress.import_id, PROBLEMS_LISTED))
    return (
        progress,
        problems,
        _list(problems, data / "imports" / f"{file.name}.{progress.import_id[:8]}.rejected.ndjson"),
    )


def _list(problems: list[Problem], path: Path) -> Path | None:
    import msgspec

    if not problems:
        return None
    path.write_bytes(b"".join(msgspec.json.encode(problem) + b"\n" for problem in problems))
    return path


def _print(progress: Progress, problems: list[Problem], listed: Path | None, status: str) -> None:
    click.echo(
        f"{progress.file}: {progress.accepted:,} accepted, {progress.duplicate:,} duplicate, {progress.rejected:,} rejected",
        nl=False,
    )
    click.echo(f", {progress.skipped:,} left out by the mapping" if progress.skipped else "")
    if progress.differing:
        click.echo(
            f"{progress.differing:,} of the duplicates say something else than the one sent before: of such copies one counts. Are the rows of a receipt next to each other?"
        )
    for problem in problems[:PROBLEMS_SHOWN]:
        click.echo(f"  line {problem.line}: {problem.code}: {problem.reason}")
    if len(problems) > PROBLEMS_SHOWN:
        click.echo(f"  and {progress.rejected - PROBLEMS_SHOWN:,} more")
    if listed is not None:
        click.echo(f"All of them, with the beginning of each line: {listed}")
    click.echo(f"They are on disk; `{status}` waits until all of them can be queried.")


def _print_json(progress: Progress, problems: list[Problem]) -> None:
    import msgspec

    told = msgspec.to_builtins(progress) | {"problems": msgspec.to_builtins(problems[:PROBLEMS_SHOWN])}
    click.echo(msgspec.json.encode(told))


def _format_of(file: Path, mapping: Path | None) -> Format:
    names = [suffix.lower() for suffix in file.suffixes]
    if mapping is not None or ".csv" in names:
        return "csv"
    if {".ndjson", ".jsonl"} & set(names):
        return "ndjson"
    raise click.UsageError(f"say what {file.name} is: --format ndjson, csv or receipts")


def _of_receipts(form: Format, mapping: Mapping | None) -> bool:
    return form == "receipts" or (mapping is not None and mapping.receipt is not None)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
