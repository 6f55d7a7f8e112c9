"""What travels in the log: messages, and the frames that carry many of them in one record.

A frame is a MessagePack array of messages of one partition. Messages are encoded once, by who sends them; a frame is
put together from the encoded bytes without looking into them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from zlib import crc32

import msgspec

from stage_engine.touchpoint import Touchpoint
from store.interface import Decision
from store.rejected import Refused

FORMAT_VERSION: Final = 1


class Assigned(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True, tag_field="_", tag="a"):
    """To a customer's owner: this touchpoint, which is filed elsewhere, is theirs."""

    database: str
    customer: str
    touchpoint: Touchpoint


class Changed(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True, tag_field="_", tag="c"):
    """To an identifier's owner: look again whose it is."""

    database: str
    identifier: str


class Refold(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True, tag_field="_", tag="f"):
    """To a customer's owner: fold them again from the facts."""

    database: str
    customer: str


class Met(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True, tag_field="_", tag="m"):
    """To the owner of a home: somebody else was seen on a device that its links are on."""

    database: str
    home: str
    device: str


class Rebuild(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True, tag_field="_", tag="b"):
    """To the owner of a partition, one in each: which models are folded has changed, because of the rebuild of this
    generation. Fold by what the store lists now, this message's batch included."""

    database: str
    generation: int


class Anew(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True, tag_field="_", tag="n"):
    """To the owner of a partition, one in each: start anew, under a later epoch than this one."""

    database: str
    epoch: int


Word = Assigned | Changed | Refold | Met | Rebuild | Anew
"""What workers tell each other; ``database`` is the id of the one it is meant for, so that the same log can be read
into another."""

Message = Touchpoint | Refused | Assigned | Changed | Refold | Met | Rebuild | Anew | Decision

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Message])


def encode_message(message: Message) -> bytes:
    """The message's bytes for ``Log.append``."""
    return _encoder.encode(message)


def encode_frame(messages: Sequence[bytes]) -> bytes:
    """One frame from encoded messages."""
    return b"\xdd" + len(messages).to_bytes(4, "big") + b"".join(messages)


def decode_frame(frame: bytes) -> list[Message]:
    """The messages of a frame. Raises ``msgspec.DecodeError`` for bytes that are none."""
    return _decoder.decode(frame)


def address_of(message: Message) -> str:
    """The identifier whose owner a message is for: it goes into the partition of that. None for a ``Rebuild`` or
    ``Anew``, which are appended to every partition."""
    match message:
        case Touchpoint() | Met():
            return message.home
        case Assigned() | Refold():
            return message.customer
        case Changed():
            return message.identifier
        case Decision():
            return message.one
        case Refused():
            return message.rejected_id
        case Rebuild() | Anew():
            return ""


def shared_out(messages: Mapping[int, Sequence[bytes]], partitions: int) -> dict[int, list[bytes]]:
    """Encoded messages by partition, where there are ``partitions`` of them, whatever they were shared out among
    before; in the same order for each address. What is for every partition goes into all."""
    found: dict[int, list[bytes]] = {}
    for encoded in (one for some in messages.values() for one in some):
        (message,) = decode_frame(encode_frame([encoded]))
        everywhere = isinstance(message, Rebuild | Anew)
        for partition in range(partitions) if everywhere else [partition_of(address_of(message), partitions)]:
            found.setdefault(partition, []).append(encoded)
    return found


def partition_of(key: str, partitions: int) -> int:
    """The partition that ``key`` (an identifier) hashes to: CRC-32 of its UTF-8 bytes, modulo. Every language has
    it."""
    return crc32(key.encode()) % partitions
