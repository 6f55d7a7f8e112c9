"""The shape of the settings tree: which sections and keys it has, with what they say about themselves."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def children(section: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The sections directly inside ``section``, by key; a list of tables counts as one."""
    found = {name: _section(field.annotation) for name, field in section.model_fields.items()}
    return {name: inner for name, inner in found.items() if inner is not None}


def keys(section: type[BaseModel], above: str = "") -> Iterator[str]:
    """The dotted name of every setting under ``section``, sections themselves left out."""
    for name, _ in leaves(section, above):
        yield name


def leaves(section: type[BaseModel], above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting under ``section`` by its dotted name."""
    inner = children(section)
    for name, field in section.model_fields.items():
        if name in inner:
            yield from leaves(inner[name], f"{above}{name}.")
        else:
            yield above + name, field


def _section(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, tuple, list):
        return next((inner for part in get_args(annotation) if (inner := _section(part)) is not None), None)
    return None
