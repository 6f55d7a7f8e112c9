"""From ``tappa.toml`` and the environment to the settings tree, or to a message that says what to put right."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tappa.tree import children, keys

PREFIX: Final = "TAPPA_"
NOT_SETTINGS: Final = frozenset({"TAPPA_DATA"})
"""Variables with the prefix that are something else: ``TAPPA_DATA`` is where the settings file is looked for."""

Place = tuple[str | int, ...]
Tree = TypeVar("Tree", bound=BaseModel)


class SettingsError(ValueError):
    """The settings cannot be used. The message has a line for each mistake: where it is, what it is, what was probably
    meant. Values are left out: one of them may be a secret."""


def load(model: type[Tree], file: Path, environment: Mapping[str, str]) -> Tree:
    """The tree ``model`` out of ``file`` (none is as good as an empty one) and ``environment``, which wins. Raises
    ``SettingsError``; a name that ``model`` does not know is refused."""
    text = _text(file)
    try:
        tree: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: this is no TOML: {error}") from None
    places: dict[Place, str] = {}
    for name, place in variables(environment):
        places[place] = name
        _put(tree, place, _value(environment[name]), name)
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        found = [_sentence(model, mistake, text, file, places) for mistake in error.errors(include_url=False)]
        raise SettingsError("\n".join(dict.fromkeys(found))) from None


def variables(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each variable that is a setting, with the setting's place: ``TAPPA_INGEST__PORT`` is ``("ingest", "port")``."""
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            yield name, tuple(name.removeprefix(PREFIX).lower().split("__"))


def line_of(text: str, place: Place) -> int | None:
    """The line of the file on which the key at ``place`` is written (or else the nearest thing around it), from 1."""
    best: tuple[int, int] | None = None
    table: Place = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([\w.\"'-]+)\s*\]", line):
            name = header[2].replace('"', "").replace("'", "")
            table = tuple(name.split("."))
            if header[1] == "[[":
                table = (*table, counts.get(name, 0))
                counts[name] = counts.get(name, 0) + 1
            here = table
        elif key := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            here = (*table, *key[1].replace('"', "").replace("'", "").split("."))
        else:
            continue
        if here == place[: len(here)] and (best is None or len(here) > best[0]):
            best = (len(here), number)
    return best[1] if best else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None


def _value(written: str) -> Any:
    """Lists and tables are written as JSON in the environment; everything else is taken as it stands."""
    if written[:1] in ("[", "{"):
        try:
            return json.loads(written)
        except ValueError:
            return written
    return written


def _put(tree: dict[str, Any], place: tuple[str, ...], value: Any, name: str) -> None:
    for key in place[:-1]:
        inner = tree.setdefault(key, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"environment, {name}: {key} is a list; set it as a whole, as JSON")
        tree = inner
    tree[place[-1]] = value


def _sentence(model: type[BaseModel], mistake: ErrorDetails, text: str, file: Path, names: Mapping[Place, str]) -> str:
    place: Place = mistake["loc"]
    variable = next((names[place[:size]] for size in range(len(place), 0, -1) if place[:size] in names), None)
    line = line_of(text, place)
    where = f"environment, {variable}" if variable else f"{file}, line {line}" if line else str(file)
    written = ".".join(str(part) for part in place)
    if mistake["type"] == "extra_forbidden":
        return f"{where}: unknown setting {written!r}; {_guess(model, place, bool(variable))}"
    if mistake["type"] == "missing":
        return f"{where}: {written} is missing"
    return f"{where}: {written}: {mistake['msg'][:1].lower()}{mistake['msg'][1:]}"


def _guess(model: type[BaseModel], place: Place, as_variable: bool) -> str:
    section: type[BaseModel] = model
    for part in place[:-1]:
        section = children(section).get(str(part), section)
    around = [str(part) for part in place[:-1] if isinstance(part, str)]
    wanted = str(place[-1])
    for known in (
        [[*around, name] for name in get_close_matches(wanted, section.model_fields, n=1, cutoff=0.6)],
        [
            name.split(".")
            for name in get_close_matches(".".join([*around, wanted]), list(keys(model)), n=1, cutoff=0.6)
        ],
        [name.split(".") for name in keys(model) if name.split(".")[-1] == wanted],
    ):
        if known:
            return "did you mean " + _spelt(known[0], as_variable) + "?"
    return "known here: " + ", ".join(section.model_fields)


def _spelt(path: list[str], as_variable: bool) -> str:
    return PREFIX + "__".join(path).upper() if as_variable else ".".join(path)
