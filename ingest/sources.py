"""Sources: who sends touchpoints, by which write keys, and what is known of each."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from ingest.files.mapping import known_mapping
from ingest.hooks.settings import Hook
from ingest.settings import Country, Slug
from stage_engine.yaml_source import SOURCE_CHARS_MAX

logger = logging.getLogger(__name__)

Joins = Literal["all", "device", "nothing"]
WriteKey = Annotated[str, StringConstraints(min_length=8, max_length=128, pattern=r"^[!-9;-~]+$")]
"""Printable ASCII without colon and spaces: it must fit a Basic user name."""


def _usable(text: str) -> str:
    known_mapping(text)
    return text


SourceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
FileMapping = Annotated[str, StringConstraints(max_length=SOURCE_CHARS_MAX), AfterValidator(_usable)]


class Source(BaseModel):
    """One sender. Its write keys all work until they are removed, so that a key can be rotated without a gap."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: SourceName = Field(description="Its name: the column `source` of every touchpoint.")
    write_keys: tuple[WriteKey, ...] = Field(
        default=(), description="The keys that it may use, newest first.", repr=False
    )
    joins: Joins = Field(
        default="all",
        description="What its identifiers may join: `all`; `device` (users and devices; contacts are not taken as "
        "identifiers); `nothing` "
        "(each touchpoint keeps only its home identifier). For keys that the public can read.",
    )
    channel: Slug = Field(
        default="web", description="Channel of touchpoints that do not say theirs: `web app store call_centre email …`."
    )
    browser: bool = Field(
        default=False, description="Its key is in a web page: anyone can use it, and old times are refused."
    )
    phone_country: Country = Field(
        default="", description="Country of its phone numbers without an international prefix."
    )
    hook: Hook | None = Field(default=None, description="Its signed webhook: see `tappa sources hook`.")
    mappings: dict[SourceName, FileMapping] = Field(
        default_factory=dict,
        max_length=100,
        description="The mappings of its files for `/v1/files`, as YAML, by name: see `tappa sources mapping`.",
    )


class Sources(Protocol):
    """Whoever knows the current sources."""

    def find(self, write_key: str) -> Source | None:
        """The source of a write key, None for an unknown key."""

    def named(self, name: str) -> Source | None:
        """The source of a name, None when there is none."""


class Directory:
    """Sources by write key. Looks at the settings file at most every ``check_s`` and loads anew when it changed. When
    that fails the sources of before stay, and the log says why."""

    def __init__(
        self,
        load: Callable[[], Iterable[Source]],
        path: Path | None = None,
        *,
        check_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._path = path
        self._check_s = check_s
        self._clock = clock
        self._checked_at = clock()
        self._stamp = self._file_stamp()
        self._use(load())

    def find(self, write_key: str) -> Source | None:
        """The source of a write key, None for an unknown key."""
        if self._path is not None and self._clock() - self._checked_at >= self._check_s:
            self._look()
        return self._by_key.get(write_key)

    def named(self, name: str) -> Source | None:
        """The source of a name, None when there is none."""
        self.find("")
        return self._by_name.get(name)

    def reload(self) -> None:
        """Load now. Raises what ``load`` raises, and then changes nothing."""
        self._use(self._load())

    def _use(self, sources: Iterable[Source]) -> None:
        found = tuple(sources)
        self._by_key, self._by_name = by_key(found), {source.name: source for source in found}

    def _look(self) -> None:
        self._checked_at = self._clock()
        stamp = self._file_stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.reload()
        except Exception as error:  # whatever is wrong with the file, those who send must not notice
            logger.warning("the sources in %s cannot be read, the previous ones stay: %s", self._path, error)

    def _file_stamp(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._path) if self._path is not None else None
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size, status.st_ino) if status else None


def by_key(sources: Iterable[Source]) -> dict[str, Source]:
    """Sources by write key. Raises ``ValueError`` when two have the same name or share a key."""
    found: dict[str, Source] = {}
    names: set[str] = set()
    for source in sources:
        if source.name in names:
            raise ValueError(f"there are two sources called {source.name!r}: give one of them another name")
        names.add(source.name)
        for key in source.write_keys:
            if key in found:
                raise ValueError(
                    f"sources {found[key].name!r} and {source.name!r} have the same write key: rotate one of them"
                )
            found[key] = source
    return found
