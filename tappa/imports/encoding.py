"""How a text file is written: its encoding and what is between its columns, found out by looking."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from typing import BinaryIO, Final

from tappa.imports.file import CHUNK_BYTES

SAMPLE_BYTES: Final = 1 << 16
"""Of lines that are not ASCII: enough to tell encodings apart."""
BEGINNING_BYTES: Final = 1 << 16
"""Looked at to tell what is between columns."""
DELIMITERS: Final = (",", ";", "\t", "|")
_LINES: Final = 200
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN: Final = "àâäáãåçèéêëìíîïñòóôöõøùúûüßœæÀÂÄÁÃÅÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØÙÚÛÜŒÆ¿¡ºª°«»"
_ORDINARY: Final = {
    "cp1252": _WESTERN + "€£’‘“”–…®™",
    "cp1250": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽőűŐŰöüÖÜăâîşţĂÂÎŞŢđĐ€–„”",
    "cp1251": "".join(map(chr, range(0x410, 0x450))) + "ёЁіІїЇєЄґҐўЎ№«»–",
    "cp1253": "".join(map(chr, range(0x386, 0x3CF))) + "€«»–",
    "cp1254": "şŞğĞıİçÇöÖüÜâîû€–",
    "cp850": _WESTERN + "£",
}
"""Encodings that are not Unicode, the more usual first, and what the languages written in them are full of. Read in the
wrong one, their letters become others, which are rare in any language."""
_FREQUENT: Final = {"cp1251": "оеаинтсрвлкм", "cp1253": "ατοιεσνηυρπκς"}
"""Alphabets of their own take each other's letters for theirs; these are most of what is written in each."""
_AMONG_LATIN: Final = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f]|[^\x00-\x7f](?=[A-Za-z])")
_ASIAN: Final = {
    "shift_jis": (0x3040, 0x9FFF),
    "euc_kr": (0xAC00, 0xD7A3),
    "gb18030": (0x4E00, 0x9FFF),
    "big5": (0x4E00, 0x9FFF),
}


def encoding_of(stream: BinaryIO) -> str:
    """By its byte order mark, else UTF-8 if all of it is, else the likeliest of what is usual for lines that are not
    ASCII. Reads the whole stream, and keeps little of it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    sample = bytearray()
    utf8, first = True, True
    while chunk := stream.read(CHUNK_BYTES):
        if first:
            first = False
            for mark, encoding in _MARKS:
                if chunk.startswith(mark):
                    return encoding
            if (wide := _without_mark(chunk)) is not None:
                return wide
        if len(sample) < SAMPLE_BYTES and not chunk.isascii():
            sample += b"\n".join(line for line in chunk.splitlines() if not line.isascii())[:SAMPLE_BYTES]
        if utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                utf8 = False
        if not utf8 and len(sample) >= SAMPLE_BYTES:
            break
    if utf8:
        try:
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            utf8 = False
    return "utf-8" if utf8 else _likeliest(bytes(sample))


def delimiter_of(text: str) -> str:
    """What is between the columns of a file that begins with this text: what cuts its first lines into as many
    columns as the very first, and into the most. A comma when nothing does."""
    return max(DELIMITERS, key=lambda delimiter: (*_fit(text, delimiter), -DELIMITERS.index(delimiter)))


def _fit(text: str, delimiter: str) -> tuple[float, int]:
    rows = []
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter):
            if row:
                rows.append(len(row))
            if len(rows) > _LINES:
                break
    except csv.Error:
        return 0.0, 0
    if not rows or rows[0] < 2:
        return 0.0, 0
    alike = Counter(rows)[rows[0]] / len(rows)
    return (1.0 if alike > 0.9 else alike), rows[0]


def _without_mark(chunk: bytes) -> str | None:
    """UTF-16 without a mark: of text in it, every other byte is mostly nothing."""
    even, odd = chunk[:2_000:2], chunk[1:2_000:2]
    if odd and odd.count(0) > len(odd) / 2 and not even.count(0):
        return "utf-16-le"
    if even and even.count(0) > len(even) / 2 and not odd.count(0):
        return "utf-16-be"
    return None


def _likeliest(sample: bytes) -> str:
    return max([*_ORDINARY, *_ASIAN], key=lambda encoding: _likelihood(sample, encoding))


def _likelihood(sample: bytes, encoding: str) -> float:
    """Which part of what is not ASCII is ordinary for those who write in this encoding."""
    text = sample.decode(encoding, "replace")
    foreign = [letter for letter in text if letter > "\x7f"]
    if encoding in _ASIAN:
        first, last = _ASIAN[encoding]
        usual: float = sum(first <= ord(letter) <= last for letter in foreign)
    else:
        usual = sum(letter in _ORDINARY[encoding] for letter in foreign)
    if encoding in _FREQUENT:
        usual -= len(_AMONG_LATIN.findall(text))
        usual *= 0.6 + sum(letter.lower() in _FREQUENT[encoding] for letter in foreign) / max(len(foreign), 1)
    return min(usual / max(len(foreign), 1), 1.0)
