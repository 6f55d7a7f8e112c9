"""The sample shop as NDJSON: a message in Segment's form on each line, receipts as ``{"type": "receipt", …}``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from tappa.demo.touch import Touch

_encode = msgspec.json.Encoder().encode


def lines(touches: Iterable[Touch]) -> Iterator[bytes]:
    """One line each, in order, with its end. ``tappa import FILE --format ndjson`` takes them."""
    for touch in touches:
        yield _encode(touch.body) + b"\n"
