"""``tappa model``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tappa.cli.model_against import unmatched_events
from tappa.cli.model_explain import explain
from tappa.cli.model_reading import echo_json, read_model
from tappa.cli.model_rebuild import rebuild
from tappa.cli.model_suggest import suggest
from tappa.cli.options import NotDoneError, data_option, json_option, read_settings

if TYPE_CHECKING:
    from stage_engine.example import Outcome
    from stage_engine.problem import Problem


@click.group(
    epilog="Examples: tappa model list    tappa model check mine.yaml    tappa model show circular --text    "
    "tappa model test mine.yaml"
)
def model() -> None:
    """List, check, show and test journey models; say what they make of a customer; fit and change them.

    A model says which stages there are, what touchpoints mean, and what moves a customer from stage to stage. Where a
    command takes a model, write the name of a shipped one (seven_stage) or the path of a file (mine.yaml).
    """


@model.command("list", epilog="Examples: tappa model list    tappa model list --json")
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:
    """The shipped models, and those that are active."""
    from stage_engine.file_parts import in_language
    from stage_engine.model import shipped_models

    settings = read_settings(data).models
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys([*shipped_models(), *settings.active]):
        file, _, compiled = read_model(name)
        rows.append(
            {
                "name": file.name,
                "file": name,
                "title": file.title,
                "version": compiled.version,
                "stages": compiled.stages,
                "active": name in settings.active,
                "default": name == settings.default,
            }
        )
    if as_json:
        echo_json(rows)
        return
    for row in rows:
        mark = "default" if row["default"] else "active" if row["active"] else ""
        title = "".join(in_language(row["title"], "en")) or row["name"]
        click.echo(f"{row['file']:<12} {mark:<8} {title}: {', '.join(row['stages'])}")


@model.command(
    epilog="Examples: tappa model check mine.yaml    tappa model check models/*.yaml --json    "
    "tappa model check mine.yaml --against"
)
@click.argument("models", metavar="FILE...", nargs=-1, required=True)
@click.option("--against", is_flag=True, help="Hold it against what the store has, too; Tappa has to run.")
@data_option
@json_option
def check(models: tuple[str, ...], against: bool, data: Path, as_json: bool) -> None:
    """Say what is wrong with model files, and what is doubtful.

    Each line names file, line, column and stage, and says what to do. An error means that the model cannot be used, and
    the exit code is 1. A warning means that a stage cannot be reached, that a move is never made, or that nothing asks
    for a signal or a counter. With --against also: the ten most frequent events in the data that no signal matches.
    """
    from stage_engine.advice import doubts
    from stage_engine.model import ModelError, model_text

    rows: list[dict[str, Any]] = []
    for name in models:
        try:
            found, severity = doubts(*model_text(name)), "warning"
            if against:
                found += unmatched_events(name, data)
        except ModelError as error:
            found, severity = error.found, "error"
        rows += [_row(problem, severity) for problem in found]
        if not as_json:
            for problem in found:
                click.echo(_line(problem, severity))
            if severity == "warning":
                click.echo(f"{name}: can be used" + (f"; warnings: {len(found)}" if found else ""))
    broken = any(row["severity"] == "error" for row in rows)
    if as_json:
        echo_json({"ok": not broken, "problems": rows})
    if broken:
        raise click.exceptions.Exit(NotDoneError.exit_code)


@model.command(epilog="Examples: tappa model show    tappa model show five_e --text --language it")
@click.argument("name", metavar="[NAME|FILE]", required=False)
@click.option(
    "--text", "as_text", is_flag=True, help="In words, with what is written for people, in place of a picture."
)
@click.option("--language", default="en", show_default=True, help="Of what is written for people: en, it …")
@data_option
def show(name: str | None, as_text: bool, language: str, data: Path) -> None:
    """Draw a model as a Mermaid diagram, or tell it in words.

    Without a name: the default model of the settings. GitHub, GitLab and many editors draw Mermaid.
    """
    from stage_engine.picture import picture
    from stage_engine.words import in_words

    file, _, _ = read_model(name or read_settings(data).models.default)
    click.echo(in_words(file, language) if as_text else picture(file))


@model.command(epilog="Examples: tappa model test mine.yaml    tappa model test seven_stage five_e --json")
@click.argument("models", metavar="[FILE|NAME]...", nargs=-1)
@data_option
@json_option
def test(models: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Run the examples in model files.

    Without a name: those of the active models. Exit code 1 when what was found differs from what an example says.
    """
    from stage_engine.example import run

    rows: list[dict[str, Any]] = []
    for name in models or read_settings(data).models.active:
        file, problems, compiled = read_model(name)
        outcomes = [run(compiled, example) for example in file.examples]
        places = [problems.problem(("examples", at, "name"), "") for at in range(len(outcomes))]
        rows += [_result(place, outcome) for place, outcome in zip(places, outcomes, strict=True)]
        if not as_json:
            _tell(name, list(zip(places, outcomes, strict=True)))
    failed = not all(row["passed"] for row in rows)
    if as_json:
        echo_json({"ok": not failed, "examples": rows})
    if failed:
        raise click.exceptions.Exit(NotDoneError.exit_code)


def _row(problem: Problem, severity: str) -> dict[str, Any]:
    return {
        "severity": severity,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "stage": problem.stage,
        "message": problem.what,
    }


def _line(problem: Problem, severity: str) -> str:
    about = f"stage {problem.stage!r}: " if problem.stage else ""
    return f"{problem.file}:{problem.line}:{problem.column}: {severity}: {about}{problem.what}"


def _result(place: Problem, outcome: Outcome) -> dict[str, Any]:
    return {
        "file": place.file,
        "line": place.line,
        "name": outcome.example.name,
        "passed": outcome.passed,
        "expected": [visit.model_dump() for visit in outcome.example.visits],
        "found": [
            {"stage": visit.stage, "label": visit.label, "entered": _time(visit.entered_at), "on": visit.cause_event}
            for visit in outcome.found
        ],
        "errors": dict(outcome.errors),
    }


def _tell(name: str, outcomes: list[tuple[Problem, Outcome]]) -> None:
    failed = [(place, outcome) for place, outcome in outcomes if not outcome.passed]
    if not outcomes:
        click.echo(f"{name}: no examples; write some under 'examples:'")
    else:
        click.echo(f"{name}: {len(outcomes) - len(failed)} of {len(outcomes)} examples hold")
    for place, outcome in failed:
        click.echo(f"\n{place.file}:{place.line}:{place.column}: {outcome.example.name}")
        click.echo(f"      {'expected':<34} {'found':<34} entered")
        for number, (expected, found) in enumerate(outcome.rows, 1):
            mark = " " if outcome.agree(expected, found) else "!"
            said = f"{expected.stage} {expected.label or ''} {expected.entered or ''}" if expected else "nothing more"
            seen = f"{found.stage} {found.label}" if found else "nothing more"
            when = f"{_time(found.entered_at)}  {found.cause_event or 'silence'}" if found else ""
            click.echo(f"  {mark} {number:>2} {' '.join(said.split()):<33} {seen.strip():<34} {when}".rstrip())
        for condition, times in outcome.errors.items():
            click.echo(f"      could not be evaluated, and so was no: {condition} ({times} times)")


def _time(at_ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")


model.add_command(explain)
model.add_command(rebuild)
model.add_command(suggest)
