"""The channel: where a touchpoint happened."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

OFFLINE: Final = frozenset({"store", "kiosk", "event", "direct_mail", "door_to_door"})
"""Channels that are physical places, or paper: ``offline`` is 1. A call or a visit to a web site on the shop floor's
tablet is offline only if its sender says so by one of these."""

_SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_SEGMENT: Final = {"browser": "web", "mobile": "app", "server": ""}
"""Segment's own values of ``channel``; of a server nothing is known but its source."""

_WEB_LIBRARIES: Final = ("analytics.js", "@segment/analytics-next", "npm:next", "RudderLabs JavaScript SDK", "tappa.js")
_APP_LIBRARIES: Final = (
    "analytics-ios",
    "analytics-android",
    "analytics-kotlin",
    "analytics-swift",
    "analytics-react-native",
    "@segment/analytics-react-native",
    "analytics_flutter",
    "analytics-flutter",
)


def slug(said: str) -> str:
    """A channel in its one form, ``""`` for what is no plausible one."""
    found = said.strip().lower().replace("-", "_").replace(" ", "_")
    found = _SEGMENT.get(found, found)
    return found if _SLUG.fullmatch(found) else ""


def of_library(name: str) -> str:
    """What the sending library says of the channel; ``""`` for one that runs anywhere."""
    if name.startswith(_WEB_LIBRARIES):
        return "web"
    return "app" if name.startswith(_APP_LIBRARIES) else ""


@lru_cache(maxsize=4096)
def channel(by_context: str, by_message: str, by_properties: str, library: str, type_: str, fallback: str) -> str:
    """The first of the explicit channels that is a plausible one, else the library's, else the type's, else the
    source's."""
    found = slug(by_context) or slug(by_message) or slug(by_properties) or of_library(library)
    if found:
        return found
    if type_ == "page":
        return "web"
    return "app" if type_ == "screen" else fallback
