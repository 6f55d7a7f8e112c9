"""What travels in the log: messages, and the frames that carry many of them in one record.

A frame is a MessagePack array of messages of one partition. Messages are encoded once, by who sends them; a frame is
put together from the encoded bytes without looking into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import msgspec

from stage_engine.touchpoint import Touchpoint
from store.rejected import Refused

FORMAT_VERSION: Final = 1


Message = Touchpoint | Refused

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


def partition_of(key: str, partitions: int) -> int:
    """The partition that ``key`` (an identifier) hashes to: CRC-32 of its UTF-8 bytes, modulo. Every language has
    it."""
    return crc32(key.encode()) % partitions
