"""``tappa imports``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tappa.cli.options import NotDoneError, data_option, hint, json_option

if TYPE_CHECKING:
    from tappa.imports.journal import Progress

ID_CHARS: Final = 8
"""Of an id in a list: enough to tell them apart."""


@click.group(epilog="Examples: tappa imports list    tappa imports show 4f9a12c0")
def imports() -> None:
    """Files that were imported: what became of each."""


@imports.command("list", epilog="Examples: tappa imports list    tappa imports list --source stores --json")
@data_option
@json_option
@click.option("--source", default="", help="Only those of this source.")
def list_(data: Path, as_json: bool, source: str) -> None:
    """Show all files, the newest first."""
    import msgspec

    from tappa.imports.journal import Kept

    with Kept(data / "imports") as kept:
        found = [one for one in kept.imports() if source in ("", one.source)]
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    if not found:
        click.echo(f"nothing was imported yet: {hint('import FILE', data)}")
    for one in found:
        click.echo(f"{one.import_id[:ID_CHARS]}  {one.started_at}  {one.source}  {one.file}")
        click.echo(f"    {_counts(one)}{'' if one.finished_at else '; not finished'}")


@imports.command(epilog="Examples: tappa imports show 4f9a12c0    tappa imports show 4f9a12c0 --json")
@click.argument("id_", metavar="ID")
@data_option
@json_option
@click.option("--limit", type=click.IntRange(0, 100_000), default=20, show_default=True, help="So many bad lines.")
def show(id_: str, data: Path, as_json: bool, limit: int) -> None:
    """Show one file, by its id or as much of it as only that has, and its bad lines."""
    import msgspec

    from tappa.imports.journal import Kept

    with Kept(data / "imports") as kept:
        found = kept.imports(id_)
        if len(found) != 1:
            what = "several imports have ids that begin" if found else "no import has an id that begins"
            raise NotDoneError(f"{what} with {id_}: `{hint('imports list', data)}` has them all")
        [one] = found
        problems = kept.problems(one.import_id, limit)
    if as_json:
        click.echo(msgspec.json.encode(msgspec.structs.asdict(one) | {"problems": problems}).decode())
        return
    click.echo(f"{one.file}, source {one.source}, import {one.import_id}")
    click.echo(f"begun {one.started_at}, {f'finished {one.finished_at}' if one.finished_at else 'not finished'}")
    click.echo(_counts(one))
    for problem in problems:
        click.echo(f"  line {problem.line}: {problem.code}: {problem.reason}")
    if one.rejected > len(problems):
        click.echo(f"  and {one.rejected - len(problems):,} more")


def _counts(one: Progress) -> str:
    said = [f"{one.accepted:,} accepted", f"{one.duplicate:,} duplicate", f"{one.rejected:,} rejected"]
    if one.skipped:
        said.append(f"{one.skipped:,} left out by the mapping")
    return ", ".join(said)
