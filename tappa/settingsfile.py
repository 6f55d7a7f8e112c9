"""The settings file as a text that people edit too: written at the first start, and changed in its ``[[sources]]`` and
read keys only, with everything else, comments included, left as it is."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.items import AoT

from ingest.hooks.settings import Hook
from ingest.sources import Source

MODE: Final = 0o600
"""Passwords are in it."""

Secret = Callable[[], str]

FIRST_SOURCE: Final = "default"

_TEXT: Final = """\
# Settings of Tappa. docs/settings.md has all of them with their defaults; `tappa up` reads this file when it starts.
# Any of them can be given by the environment as well: TAPPA_INGEST__PORT=8000 is `port` in [ingest].

[ingest]
# host = "127.0.0.1"
# port = 8000

[store]
# port = 8123
password = "{writer}"  # of the user `tappa`, who writes
analyst_password = "{analyst}"  # of the user `analyst`, who may read the views

[explore]
read_keys = ["{reader}"]  # may read customers over HTTP: `tappa readers`

[money]
currency = "EUR"  # the reporting currency of `revenue`

[models]
active = ["seven_stage"]
default = "seven_stage"

# Who may send touchpoints. Better changed with `tappa sources add|rotate|remove`; a running ingest sees it at once.
# joins: all, device (users and devices only) or nothing; browser = true for a key that is in a web page.

[[sources]]
name = "{source}"
write_keys = ["{key}"]
joins = "all"
channel = "web"
"""


def write_first(path: Path, secret: Secret) -> bool:
    """Write the file of a first start, unless there is one: True when it was written."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _TEXT.format(writer=secret(), analyst=secret(), source=FIRST_SOURCE, key=secret(), reader=secret())
    write_private(path, text)
    return True


def add_source(path: Path, source: Source) -> None:
    """Write down one more source. Raises ``ValueError`` when its name is taken."""
    with _changing(path) as document:
        sources = _sources(document)
        if any(table.get("name") == source.name for table in sources):
            raise ValueError(f"there is a source {source.name!r} already")
        table = tomlkit.table()
        for key, value in source.model_dump(mode="json", exclude_defaults=True).items():
            table[key] = value
        sources.append(table)


def rotate_source(path: Path, name: str, key: str) -> None:
    """Put a new write key in front of those of a source: they all work until they are removed. Raises
    ``ValueError``."""
    with _changing(path) as document:
        table = _named(document, name)
        table["write_keys"] = [key, *table.get("write_keys", [])]


def set_hook(path: Path, name: str, hook: Hook) -> None:
    """Give a source its webhook, in place of the one it has. A new secret goes in front of the newest of before, which
    goes on working if the kind is the same. Raises ``ValueError``."""
    with _changing(path) as document:
        table = _named(document, name)
        before = table.get("hook", {})
        secrets = [one.get_secret_value() for one in hook.secrets]
        if before.get("kind") == hook.kind:
            secrets += [one for one in before.get("secrets", [])[:1] if one not in secrets]
        written = tomlkit.inline_table()
        for key, value in hook.model_dump(mode="json", exclude_defaults=True).items():
            written[key] = secrets[:2] if key == "secrets" else _readable(value)
        table["hook"] = written


def remove_hook(path: Path, name: str) -> None:
    """Take a source's webhook away. Raises ``ValueError`` when it has none."""
    with _changing(path) as document:
        table = _named(document, name)
        if "hook" not in table:
            raise ValueError(f"source {name!r} has no webhook")
        del table["hook"]


def set_mapping(path: Path, name: str, mapping: str, text: str | None) -> None:
    """Give a source a mapping of its files, in place of the one of this name; None takes it away. Raises
    ``ValueError``."""
    with _changing(path) as document:
        table = _named(document, name)
        others = {key: value for key, value in table.get("mappings", {}).items() if key != mapping}
        if text is None and mapping not in table.get("mappings", {}):
            raise ValueError(f"source {name!r} has no mapping {mapping!r}; it has: {', '.join(others) or 'none'}")
        written = tomlkit.inline_table()
        for key, value in {**others, **({mapping: text} if text is not None else {})}.items():
            written[key] = _readable(str(value))
        table["mappings"] = written


def remove_source(path: Path, name: str) -> None:
    """Remove a source with all its keys. Raises ``ValueError`` when there is none of that name."""
    with _changing(path) as document:
        sources = _sources(document)
        del sources[list(sources).index(_named(document, name))]


def remove_key(path: Path, name: str, key: str) -> None:
    """Remove one write key of a source. Raises ``ValueError`` when it has no such key."""
    with _changing(path) as document:
        table = _named(document, name)
        keys = [written for written in table.get("write_keys", []) if written != key]
        if len(keys) == len(table.get("write_keys", [])):
            raise ValueError(f"source {name!r} has no such write key")
        table["write_keys"] = keys


def add_read_key(path: Path, key: str) -> None:
    """Write down one more read key, in front of the others."""
    with _changing(path) as document:
        table = document.setdefault("explore", tomlkit.table())
        table["read_keys"] = [key, *table.get("read_keys", [])]


def remove_read_key(path: Path, key: str) -> None:
    """Remove a read key. Raises ``ValueError`` when there is no such key."""
    with _changing(path) as document:
        table = document.get("explore", {})
        written = table.get("read_keys", [])
        if key not in written:
            raise ValueError("there is no such read key in the settings file")
        table["read_keys"] = [other for other in written if other != key]


@contextmanager
def _changing(path: Path) -> Iterator[TOMLDocument]:
    """The file's content, written back as a whole at the end unless something was raised. One at a time."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        yield document
        write_private(path, tomlkit.dumps(document))


def _sources(document: TOMLDocument) -> AoT:
    sources = document.get("sources")
    if sources is None:
        document["sources"] = sources = tomlkit.aot()
    if not isinstance(sources, AoT):
        raise ValueError("sources is not written as [[sources]] tables; change it by hand")
    return sources


def _readable(value: Any) -> Any:
    """A text of several lines as people can go on editing it."""
    is_long = isinstance(value, str) and "\n" in value
    return tomlkit.string(value, multiline=True) if is_long else value


def _named(document: TOMLDocument, name: str) -> Any:
    sources = _sources(document)
    for table in sources:
        if table.get("name") == name:
            return table
    known = ", ".join(str(table.get("name")) for table in sources) or "none"
    raise ValueError(f"there is no source {name!r}; there are: {known}")


def write_private(path: Path, text: str) -> None:
    """Write the file anew, readable for its owner only, on disk on return; a reader sees the old or the new one."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
