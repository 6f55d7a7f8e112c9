"""What every command shares: the data directory, the settings in it, how it fails, how it names itself in a hint."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tappa.exits import EXIT_NOT_DONE, EXIT_USAGE

if TYPE_CHECKING:
    from tappa.settings import Settings

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

DEFAULT_DATA: Final = "tappa-data"

data_option: Decorator = click.option(
    "--data",
    envvar="TAPPA_DATA",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(DEFAULT_DATA),
    show_default=True,
    show_envvar=True,
    help="The data directory.",
)
json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Answer as JSON, for machines.")


class NotDoneError(click.ClickException):
    """The command could not do it: exit code 1. The message says why and what to do."""

    exit_code = EXIT_NOT_DONE


class WrongSettingsError(click.ClickException):
    """The settings cannot be used: exit code 2."""

    exit_code = EXIT_USAGE


def read_settings(data: Path) -> Settings:
    """The settings of ``data``; mistakes in them end the command with a line for each."""
    from tappa.load import SettingsError
    from tappa.settings import read

    try:
        return read(data, os.environ)
    except SettingsError as error:
        raise WrongSettingsError(str(error)) from None


def hint(command: str, data: Path | None = None) -> str:
    """``command`` (``"status"``) as it has to be typed here: with the program as this process was started, and with
    ``--data`` where it is not the default."""
    where = ["--data", str(data)] if data is not None and str(data) != DEFAULT_DATA else []
    return shlex.join([*_program(), *shlex.split(command), *where])


def _program() -> list[str]:
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return [_short(Path(sys.executable)), "-m", "tappa"]
    on_path = any(Path(folder) / "tappa" == started for folder in os.get_exec_path())
    return ["tappa"] if on_path else [_short(started)]


def _short(program: Path) -> str:
    try:
        return str(program.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(program)
