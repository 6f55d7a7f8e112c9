"""Commands of ``tappa`` in the tests' own process: starting Python takes longer than most of them."""

from __future__ import annotations

import os

from click.testing import CliRunner, Result

from tappa.cli import main


def typed(*arguments: str, answers: str = "", **settings: str) -> Result:
    """What comes of a command that is given these ``answers``. Not while anything else runs in this process: the
    command has its output and its environment, without the settings that may be there."""
    others = {name: None for name in os.environ if name.startswith("TAPPA_")}
    return CliRunner().invoke(main, arguments, env=others | settings, input=answers)
