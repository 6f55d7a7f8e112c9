"""The mapping of a webhook: a YAML file that says how the payload of any sender becomes messages of Segment's spec.

It has the values of a file's mapping (``ingest.files.mapping``); where that names columns, this one has dotted paths.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from ingest.files.mapping import FIELDS_MAX, MappingError, Part, Treatment, check_one_of, parsed
from ingest.files.values import Reading, RowError, filled, matches, readings, written

WHOLE: Final = "$"
"""The path of the whole payload, from inside an element of its list."""
REMEMBERED: Final = 256
"""Mappings that are kept ready: as many as there may be hooks."""

_encode: Final = msgspec.json.Encoder(decimal_format="number", order="sorted").encode


PathText = Annotated[str, StringConstraints(pattern=r"^[^.]+(\.[^.]+)*$", max_length=1_000)]


class PathValue(Treatment):
    """Where a target's value comes from, and what is done to it. A bare string is a path."""

    path: PathText | None = Field(
        None,
        description="Dotted path into the element: names of members, and numbers of places in lists, from 0. `$.` at "
        "its beginning leads into the whole payload. Numbers, objects and lists stay what they are.",
    )
    paths: list[PathText] | None = Field(None, min_length=1, description="The first of these paths where something is")

    @property
    def names(self) -> list[str]:
        """The paths."""
        return [self.path] if self.path is not None else self.paths or []

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        check_one_of(path=self.path, paths=self.paths, constant=self.constant, template=self.template)
        return self


def _from_path(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


Written = Annotated[PathValue, BeforeValidator(_from_path, json_schema_input_type=str | PathValue)]


class HookMapping(Part):
    """A webhook's mapping file."""

    version: Literal[1] = Field(description="Of the mapping language")
    description: str = Field("", description="For people")
    each: PathText | None = Field(
        None,
        description="Dotted path to a list of which each element is a message. Without it each element of a payload "
        "that is a list is one, and any other payload is one itself.",
    )
    skip: dict[PathText, list[str]] = Field(
        default_factory=dict,
        description="Elements that are no touchpoints: path and the values to leave out; `v*` matches by its beginning",
    )
    message: Annotated[dict[str, Written], Field(min_length=1, max_length=FIELDS_MAX)] = Field(
        description="The message in Segment's form: dotted targets such as `event`, `userId`, `timestamp`, "
        "`properties.url`, `context.traits.email`. Without `messageId` it is made from the element's content"
    )


class Nested(msgspec.Struct, frozen=True):
    """An element, and the payload that it is from."""

    element: Any
    payload: Any


class Mapped:
    """A mapping, ready to be used. Raises ``MappingError`` when it cannot be."""

    def __init__(self, mapping: HookMapping) -> None:
        self._each = mapping.each
        self._skips = [(_reading(path), words) for path, words in mapping.skip.items()]
        self._readings = readings(mapping.message, _Paths())

    def elements(self, payload: Any) -> list[Nested]:
        """What is a message each, but for what is skipped. Raises ``RowError`` when there is no list where the mapping
        says that one is."""
        found = _found(payload, self._each.split(".")) if self._each else payload
        if self._each and not isinstance(found, list):
            raise RowError(f"there is no list at {self._each!r}")
        every = [Nested(one, payload) for one in (found if isinstance(found, list) else [found])]
        return [one for one in every if not any(_is_left_out(read(one), words) for read, words in self._skips)]

    def message(self, nested: Nested) -> bytes:
        """The message, in JSON, that an element is; the same one for an element that is sent again. Raises
        ``RowError``."""
        if not isinstance(nested.element, dict):
            raise RowError("it is no object")
        body = filled(self._readings, nested)
        if body.get("messageId") in (None, ""):
            body["messageId"] = f"mapped:{blake2b(_encode(nested.element), digest_size=16).hexdigest()}"
        return _encode(body)


def load_hook_mapping(path: Path) -> str:
    """The text of a mapping file that can be used. Raises ``MappingError``, which names file, line and field."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} cannot be read: {error}") from None
    mapped(text, str(path))
    return text


@lru_cache(REMEMBERED)
def mapped(text: str, name: str = "mapping") -> Mapped:
    """The mapping that a YAML text is. Raises ``MappingError``."""
    mapping = parsed(HookMapping, text, name)
    try:
        return Mapped(mapping)
    except MappingError as error:
        raise MappingError(f"{name}: {error}") from None


def hook_mapping_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a webhook's mapping, published as ``docs/schemas/hook-mapping.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tappa webhook mapping",
        **HookMapping.model_json_schema(by_alias=True, mode="validation"),
    }


class _Paths:
    """Names of a webhook's mapping: paths."""

    def reading(self, name: str) -> Reading:
        """What is at the end of a path; None where there is nothing."""
        return _reading(name)


def _reading(name: str) -> Reading:
    first, *others = name.split(".")
    if not all((first, *others)):
        raise MappingError(f"the path {name!r} has an empty part")
    if first == WHOLE:
        return lambda nested: _found(nested.payload, others)
    path = [first, *others]
    return lambda nested: _found(nested.element, path)


def _found(within: Any, path: list[str]) -> Any:
    """What is at the end of a path; None for an empty text, and where there is nothing."""
    for name in path:
        if isinstance(within, dict):
            within = within.get(name)
        elif isinstance(within, list) and name.isascii() and name.isdigit() and len(name) < 6:
            within = within[int(name)] if int(name) < len(within) else None
        else:
            return None
    return None if within == "" else within


def _is_left_out(found: Any, words: list[str]) -> bool:
    return found is not None and matches(written(found), words)
