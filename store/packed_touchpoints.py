"""Touchpoints as lines of JSON, for who reads very many: only what the models read. Pure, like the columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from stage_engine.reads import Reads
from stage_engine.touchpoint import Placed, Touchpoint
from store.sql import literal

CONDITIONS_ONLY: Final[Mapping[str, tuple[str, Any]]] = {
    "name": ("''", ""),
    "acquisition_channel": ("''", ""),
    "offline": ("false", False),
    "group_id": ("''", ""),
    "properties": ("''", b""),
    "traits": ("''", b""),
    "context": ("''", b""),
    "extra": ("''", b""),
    "score": ("NULL", None),
}
"""Fields of a touchpoint that a fold reads only where a condition names them: what stands for them in SQL and here
where nobody asked for them."""

_PACKED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("occurred_at", "original_timestamp", "received_at"), "toUnixTimestamp64Milli({0})"),
    **dict.fromkeys(("properties", "traits", "context", "extra", "content_hash"), "base64Encode({0})"),
    "offline": "toBool({0})",
    "value": "reinterpretAsInt64(value)",
}
"""How a column becomes what JSON can say of a touchpoint's field."""

PACKED_FORMAT: Final = "JSONCompactEachRow"
PACKED_SETTINGS: Final = {"output_format_json_quote_64bit_integers": 0}

_packed: Final = msgspec.json.Decoder(tuple[Touchpoint, tuple[str, ...], str, bytes])


def packed(reads: Reads) -> str:
    """What to select for ``unpacked``, in the format and with the settings above; of ``CONDITIONS_ONLY`` only what
    these ``reads`` name."""
    selected = [_selected(name, reads) for name in Touchpoint.__struct_fields__]
    return f"tuple('t', {', '.join(selected)}), identifiers, home, base64Encode(identity)"


def _selected(name: str, reads: Reads) -> str:
    value = _PACKED.get(name, "{0}").format(name)
    if name not in CONDITIONS_ONLY:
        return value
    nothing, events = CONDITIONS_ONLY[name][0], reads.get(name, frozenset())
    if events is None:
        return value
    return f"if(event IN ({', '.join(map(literal, sorted(events)))}), {value}, {nothing})" if events else nothing


def as_read(touchpoint: Touchpoint, reads: Reads) -> Touchpoint:
    """What ``unpacked`` gives of it."""
    empty: dict[str, Any] = {}
    for name, (_, nothing) in CONDITIONS_ONLY.items():
        events = reads.get(name, frozenset())
        if events is not None and touchpoint.event not in events:
            empty[name] = nothing
    return replace(touchpoint, **empty)


def unpacked(lines: bytes) -> dict[str, list[Placed]]:
    """The touchpoints, by home. Decoded all at once, a third of what it takes by columns; and the store puts together
    their identifiers."""
    found: dict[str, list[Placed]] = {}
    for touchpoint, identifiers, home, identity in _packed.decode_lines(lines):
        order = (
            touchpoint.occurred_at,
            touchpoint.message_id,
            touchpoint.source,
            identifiers,
            touchpoint.original_timestamp,
        )
        found.setdefault(home, []).append((order, identity, touchpoint))
    return found
