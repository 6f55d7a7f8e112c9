"""docs/settings.md, out of the settings tree: every setting with its default and what it is for."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from tappa.settings import Settings
from tappa.tree import children

HEAD = """\
# Settings

<!-- made by `make docs` from the settings in the code: change them there -->

`tappa up` writes `tappa-data/tappa.toml` at its first start, readable for its owner only, with the few that most people
change. All of them can stand there, in the tables below, or in the environment, which wins: `port` of `[ingest]` is
`TAPPA_INGEST__PORT`, `memory_bytes_max` of `[store.embedded]` is `TAPPA_STORE__EMBEDDED__MEMORY_BYTES_MAX`. Lists are
written as JSON there. A name that is not in this list is refused, with the nearest one that is. `tappa up` reads the
settings when it starts; sources and read keys are seen by a running ingest at once.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_tables(Settings, "", Settings.__doc__ or "")])


def _tables(section: type[BaseModel], name: str, about: str) -> list[str]:
    inner = children(section)
    rows = [_row(key, field) for key, field in section.model_fields.items() if key not in inner]
    lines: list[str] = []
    if rows:
        lines += [
            f"## `{name}`",
            "",
            about.splitlines()[0],
            "",
            "| setting | default | what it is |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    for key, child in inner.items():
        listed = isinstance(section.model_fields[key].default, tuple)
        dotted = f"{name.strip('[]')}.{key}".lstrip(".")
        lines += _tables(child, f"[[{dotted}]]" if listed else f"[{dotted}]", child.__doc__ or "")
    return lines


def _row(key: str, field: FieldInfo) -> str:
    what = (field.description or "").replace("|", "\\|")
    return f"| `{key}` | {_default(field)} | {what} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "empty"
    if isinstance(value, SecretStr):
        return "generated"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, dict):
        return "`{" + ", ".join(f"{key} = {inner}" for key, inner in value.items()) + "}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"`{value:_}`"
    return f"`{value}`" if value != "" else "empty"
