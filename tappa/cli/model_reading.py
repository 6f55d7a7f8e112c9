"""What the commands about models share: the model that was named, and how machines are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tappa.cli.options import NotDoneError

if TYPE_CHECKING:
    from stage_engine.model import Model
    from stage_engine.model_file import ModelFile
    from stage_engine.problem import Problems


def read_model(name: str) -> tuple[ModelFile, Problems, Model]:
    """The file, where its parts are, and the model; one that cannot be used ends the command."""
    from stage_engine.model import ModelError, compiled, model_text
    from stage_engine.model_file import read_model_file

    try:
        file, problems = read_model_file(*model_text(name))
        return file, problems, compiled(file, problems)
    except ModelError as error:
        raise NotDoneError(str(error)) from None


def echo_json(value: Any) -> None:
    """Print it, indented."""
    import orjson

    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
