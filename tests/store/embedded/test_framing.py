"""Compression on the wire: ClickHouse's frames and HTTP's encodings."""

from __future__ import annotations

import gzip
import zlib

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from store.embedded.encoding import PREFERRED, accepted, decoder, encoder
from store.embedded.framing import Unframer, framed
from store.embedded.refusal import RefusedError

JDBC_FRAME = bytes.fromhex("c97ac7bae9b9774099980a8d7873987c") + b"\x90\x21\x00\x00\x00\x0f\x00\x00\x00"
JDBC_FRAME += b"\x28\xb5\x2f\xfd\x20\x0f\x79\x00\x00SELECT * FROM t"
"""As the JDBC driver sends it."""


def unframed(data: bytes, piece: int = 1 << 20) -> bytes:
    unframer = Unframer()
    content = b"".join(
        part for start in range(0, len(data), piece) for part in unframer.feed(data[start : start + piece])
    )
    unframer.end()
    return content


@given(content=st.binary(max_size=5_000), piece=st.integers(1, 600))
def test_what_is_framed_comes_back_however_it_is_cut(content: bytes, piece: int) -> None:
    assert unframed(b"".join(framed(content)), piece) == content


def test_large_contents_take_several_frames() -> None:
    content = bytes(range(256)) * 20_000
    frames = list(framed(content))
    assert len(frames) == 5
    assert unframed(b"".join(frames)) == content


def test_a_frame_of_the_jdbc_driver_is_read() -> None:
    assert unframed(JDBC_FRAME) == b"SELECT * FROM t"


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (JDBC_FRAME[:-1] + b"T", 40),
        (b"\x00" + JDBC_FRAME[1:], 40),
        (JDBC_FRAME[:-1], 271),
        (JDBC_FRAME[:17] + b"\xff\xff\xff\xff" + JDBC_FRAME[21:], 271),
    ],
)
def test_a_broken_frame_is_refused(broken: bytes, code: int) -> None:
    with pytest.raises(RefusedError) as refused:
        unframed(broken)
    assert refused.value.code == code


def decoded(encoding: str, data: bytes, piece: int) -> bytes:
    undo = decoder(encoding)
    assert undo is not None
    content = b"".join(part for start in range(0, len(data), piece) for part in undo.feed(data[start : start + piece]))
    undo.end()
    return content


@given(content=st.binary(max_size=5_000), piece=st.integers(1, 700), encoding=st.sampled_from(PREFERRED))
def test_what_is_encoded_comes_back_however_it_is_cut(content: bytes, piece: int, encoding: str) -> None:
    encode = encoder(encoding)
    packed = encode.compress(content[:100]) + encode.compress(content[100:]) + encode.flush()
    assert decoded(encoding, packed, piece) == content


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("lz4", lz4.frame.compress(b"hello")),
        ("zstd", zstandard.compress(b"hello")),
    ],
)
def test_what_clients_send_is_read_and_a_cut_body_refused(encoding: str, packed: bytes) -> None:
    assert decoded(encoding, packed, 3) == b"hello"
    with pytest.raises(RefusedError):
        decoded(encoding, packed[:-3], 100)
    with pytest.raises(RefusedError):
        decoded(encoding, b"this is not compressed at all", 100)


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [
        ("gzip", gzip.compress(b"\0" * 200_000_000, 9)),
        ("lz4", lz4.frame.compress(b"\0" * 200_000_000)),
        ("zstd", zstandard.compress(b"\0" * 200_000_000)),
    ],
    ids=["gzip", "lz4", "zstd"],
)
def test_a_bomb_comes_out_in_pieces(encoding: str, bomb: bytes) -> None:
    undo = decoder(encoding)
    assert undo is not None
    assert max(len(piece) for piece in undo.feed(bomb[:65_536])) < 20_000_000


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(RefusedError):
        decoder("br")
    assert decoder("identity") is None


@pytest.mark.parametrize(
    ("header", "chosen"),
    [("gzip, deflate, br", "gzip"), ("lz4;q=0, zstd", "zstd"), ("br", None), ("", None), ("gzip;q=1.0, lz4", "lz4")],
)
def test_an_answer_is_encoded_with_the_cheapest_that_the_client_accepts(header: str, chosen: str | None) -> None:
    assert accepted(header) == chosen
