"""How appends that wait together become records. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from stream.log.message import encode_frame


class NewRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A record that has no offset yet."""

    partition: int
    count: int
    frame: bytes


def size_of(messages: Mapping[int, Sequence[bytes]]) -> int:
    """Bytes of all the messages."""
    return sum(sum(map(len, some)) for some in messages.values())


def group(appends: Iterable[Mapping[int, Sequence[bytes]]], *, messages_max: int, bytes_max: int) -> list[NewRecord]:
    """One record per partition with all its messages in the order of the appends; more where one would be over a limit
    (a single message never is)."""
    gathered: dict[int, list[bytes]] = {}
    for append in appends:
        for partition, messages in append.items():
            gathered.setdefault(partition, []).extend(messages)
    return [
        NewRecord(partition=partition, count=len(some), frame=encode_frame(some))
        for partition, messages in sorted(gathered.items())
        for some in cut(messages, messages_max, bytes_max)
    ]


def cut(messages: list[bytes], messages_max: int, bytes_max: int) -> Iterator[list[bytes]]:
    """The messages in runs of at most so many and so many bytes, each of at least one message."""
    if len(messages) <= messages_max and sum(map(len, messages)) <= bytes_max:
        if messages:
            yield messages
        return
    start, size = 0, 0
    for index, message in enumerate(messages):
        if index > start and (index - start == messages_max or size + len(message) > bytes_max):
            yield messages[start:index]
            start, size = index, 0
        size += len(message)
    yield messages[start:]
