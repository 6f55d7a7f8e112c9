"""JSON: a message in Segment's form, or a receipt, on each line (NDJSON), or in each element of an array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from ingest.files.json_array import elements
from ingest.files.outcome import (
    NO_TIME,
    Item,
    Outcome,
    Problem,
    Upload,
    digest,
    message_identity,
    receipt_identity,
)

LINE_BYTES_MAX: Final = 1_000_000
"""A longer line is no message and no receipt, and must not fill the memory."""

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_ndjson(stream: BinaryIO, upload: Upload, *, receipts: bool) -> Iterator[Outcome]:
    """An outcome for each line that is not blank. With ``receipts`` every line is a receipt; otherwise those are
    that say ``"type": "receipt"``, or have a ``receipt_id`` and no type. A line keeps the sender's own bytes;
    ``messageId`` and ``timestamp`` are added when they are missing."""
    number = 0
    while line := stream.readline(LINE_BYTES_MAX):
        number += 1
        upload.saw(line)
        if len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
            while rest := stream.readline(LINE_BYTES_MAX):
                upload.saw(rest)
                if rest.endswith(b"\n"):
                    break
            yield _problem(number, line, "line_too_long", f"The line is longer than {LINE_BYTES_MAX:,} bytes.")
        elif line := line.strip(b" \t\r\n\xef\xbb\xbf"):
            yield _outcome(line, number, upload, receipts=receipts)


def read_array(stream: BinaryIO, upload: Upload, *, receipts: bool) -> Iterator[Outcome]:
    """The same of a JSON array: an outcome for each element, whose number stands for the line."""
    for element in elements(stream):
        if isinstance(element, Problem):
            yield element
        else:
            number, text = element
            upload.saw(text)
            yield _outcome(text, number, upload, receipts=receipts)


def _outcome(line: bytes, number: int, upload: Upload, *, receipts: bool) -> Outcome:
    try:
        fields = _decode(line)
        read = msgspec.json.decode(line)
    except UnicodeDecodeError:
        return _problem(number, line, "invalid_encoding", "The line is not UTF-8.")
    except (msgspec.DecodeError, RecursionError) as error:
        return _problem(number, line, "invalid_json", f"The line is not one JSON object: {error}")
    content = digest(line, size=8)
    if receipts or read.get("type", "receipt" if "receipt_id" in read else "") == "receipt":
        fields.pop("type", None)
        fields["import"] = _raw(upload.origin(number))
        identity = receipt_identity(upload, read)
        return Item(line=number, receipt=True, body=_encode(fields), identity=identity, content=content)
    if not upload.started_at and read.get("timestamp") in (None, ""):
        return _problem(number, line, "missing_field", NO_TIME)
    _complete(fields, read, number, upload)
    identity = message_identity(upload, read)
    return Item(line=number, receipt=False, body=_encode(fields), identity=identity, content=content)


def _complete(fields: dict[str, msgspec.Raw], read: dict[str, Any], number: int, upload: Upload) -> None:
    """Adds what is missing, and where in the file it was, to the raw fields and to what was read of them."""
    if read.get("messageId") in (None, ""):
        read["messageId"] = upload.message_id(number)
        fields["messageId"] = _raw(read["messageId"])
    if read.get("timestamp") in (None, ""):
        read["timestamp"] = upload.started_at
        fields["timestamp"] = _raw(read["timestamp"])
    context = read.get("context")
    if context is None or isinstance(context, dict):
        inner = _decode(fields["context"]) if context else {}
        inner["import"] = _raw(upload.origin(number))
        fields["context"] = msgspec.Raw(_encode(inner))


_encode = msgspec.json.encode


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))


def _problem(number: int, line: bytes, code: str, reason: str) -> Problem:
    return Problem(line=number, code=code, reason=reason, text=line.decode("utf-8", "replace"))
