"""The SQL of the database as it is packaged: numbered migrations, and the views."""

from __future__ import annotations

import re
from hashlib import blake2b
from importlib.resources import files
from string import Template
from typing import Final, NamedTuple

_STATEMENT_END: Final = re.compile(r";[ \t]*$", re.MULTILINE)
_REMARK: Final = re.compile(r"^\s*--.*$", re.MULTILINE)


class Migration(NamedTuple):
    """One numbered step. Its statements may be run again after a crash between them."""

    number: int
    name: str
    text: str

    @property
    def statements(self) -> list[str]:
        """Parted by semicolons at line ends."""
        bare = _REMARK.sub("", self.text)
        return [part.strip() for part in _STATEMENT_END.split(bare) if part.strip()]


class View(NamedTuple):
    """A view and the statement that creates it."""

    name: str
    text: str


def migrations() -> list[Migration]:
    """All that this code knows, in order."""
    found = []
    for file in _sql_files("migrations"):
        number, _, name = file.removesuffix(".sql").partition("_")
        found.append(Migration(int(number), name, _read("migrations", file)))
    return found


def views(default_model: str, reporting_currency: str) -> list[View]:
    """All views, for this model and currency. What several of them say is in ``views/fragments``, each of which stands
    for its name, in what comes after it in the alphabet, too: ``$owned_touchpoints``."""
    values = {"default_model": _quoted(default_model), "reporting_currency": _quoted(reporting_currency)}
    for file in _sql_files("views/fragments"):
        values[file.removesuffix(".sql")] = Template(_read("views/fragments", file)).substitute(values).rstrip()
    return [
        View(file.removesuffix(".sql"), Template(_read("views", file)).substitute(values))
        for file in _sql_files("views")
    ]


def serving() -> str:
    """A condition on rows of ``customers``: that they are of a generation that serves."""
    return _read("views/fragments", "serving.sql").rstrip()


def checksum(text: str) -> str:
    """Tells whether a text was changed."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _sql_files(folder: str) -> list[str]:
    return sorted(file.name for file in files("store").joinpath(folder).iterdir() if file.name.endswith(".sql"))


def _read(folder: str, file: str) -> str:
    return files("store").joinpath(folder, file).read_text(encoding="utf-8")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
