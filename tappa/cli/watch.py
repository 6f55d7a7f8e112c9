"""``tappa watch``."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from tappa.cli.options import NotDoneError, WrongSettingsError, data_option, hint, json_option, read_settings
from tappa.imports.command import import_

if TYPE_CHECKING:
    from tappa.watching.importer import Rule
    from tappa.watching.report import Report
    from tappa.watching.watcher import Watcher

_FORMAT = next(option.type for option in import_.params if option.name == "form")
"""As ``tappa import`` takes it."""


@click.command(
    epilog="Examples: tappa watch drop --mapping tills.yaml --source tills    "
    "tappa watch drop --mapping 'bari_*=bari.yaml' --mapping '*.csv=others.yaml' --once"
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--mapping",
    "mappings",
    metavar="[PATTERN=]FILE",
    multiple=True,
    help="The mapping of tables, or of POSLog; with a pattern, of files with such names. The first that fits counts.",
)
@click.option("--format", "form", type=_FORMAT, help="What files are that have no mapping.  [default: by their names]")
@click.option("--source", default="import", show_default=True, help="The source that the touchpoints are of.")
@click.option("--once", is_flag=True, help="Take what is there, and end.")
@click.option(
    "--settle", type=click.FloatRange(0), default=10.0, show_default=True,
    help="Seconds that a file must not have changed before it is taken.",
)  # fmt: skip
@click.option(
    "--every", type=click.FloatRange(0.05), default=2.0, show_default=True, help="Seconds between two looks at DIR."
)
@data_option
@json_option
def watch(
    folder: Path,
    mappings: tuple[str, ...],
    form: str | None,
    source: str,
    once: bool,
    settle: float,
    every: float,
    data: Path,
    as_json: bool,
) -> None:
    """Import files as they appear in DIR: where a head office drops them by SFTP.

    A file is taken once it rests. Hidden files, and names that end in .part, .tmp, .filepart, .partial or .crdownload,
    are left alone. Then it is in DIR/done, or in DIR/failed when nothing of it could be taken, with a report beside it,
    and the lines that were rejected. While ingest is away files wait. Told to stop, or killed, the next watcher goes on
    where this one was.
    """
    from tappa.lock import HeldError, Lock
    from tappa.settings import FILE
    from tappa.watching.folder import Folder
    from tappa.watching.importer import Importer
    from tappa.watching.watcher import Watcher

    read_settings(data)
    if not (data / FILE).exists():
        raise NotDoneError(f"there is no {data / FILE}: start `{hint('up', data)}` first, or name its --data directory")
    stop = Event()
    importer = Importer(data=data, source=source, rules=_rules(mappings), form=form, stop=stop)
    lock = Lock(folder / ".tappa-watch.lock")
    try:
        lock.take("tappa watch")
    except HeldError as error:
        raise NotDoneError(f"{folder} has a watcher already: {error}") from None
    watcher = Watcher(
        Folder(folder),
        importer,
        settle_s=settle,
        every_s=every,
        stop=stop,
        tell=_told_as_json if as_json else _told,
        warn=lambda line: click.echo(line, err=True),
    )
    before = [(number, signal.signal(number, lambda *_: stop.set())) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        click.echo(f"watching {folder}", err=True)
        if once and not _all_done(watcher):
            raise NotDoneError(f"not all files are done: see {folder / 'failed'}, and what is left in {folder}")
        if not once:
            watcher.run()
            click.echo("stopped", err=True)
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        lock.release()


def _all_done(watcher: Watcher) -> bool:
    try:
        return watcher.once()
    except OSError as error:
        raise NotDoneError(str(error)) from None


def _rules(mappings: Sequence[str]) -> list[Rule]:
    from ingest.files.mapping import MappingError, load_mapping
    from tappa.watching.importer import Rule

    rules = []
    for text in mappings:
        pattern, _, file = text.rpartition("=")
        if not Path(file).is_file():
            raise click.UsageError(f"--mapping {text!r}: there is no file {file}")
        try:
            poslog = load_mapping(Path(file)).poslog is not None
        except MappingError as error:
            raise WrongSettingsError(str(error)) from None
        rules.append(Rule(pattern=pattern, mapping=Path(file).absolute(), poslog=poslog))
    return rules


def _told(report: Report) -> None:
    found: dict[str, Any] = report.summary or {}
    counts = ", ".join(f"{found[name]:,} {name}" for name in ("accepted", "duplicate", "rejected") if name in found)
    what = " ".join(filter(None, (counts, f"({report.reason})" if counts and report.reason else report.reason)))
    click.echo(f"{report.ended_at}  {report.file} -> {report.moved_to}: {what}")


def _told_as_json(report: Report) -> None:
    import msgspec

    click.echo(msgspec.json.encode(report).decode())
