"""What a sender says of the file in the address: its format, the mapping, a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

import msgspec

from ingest.files import mapping as mappings
from ingest.files.ndjson import read_array, read_ndjson
from ingest.files.outcome import Outcome, Upload
from ingest.files.poslog.reading import read_poslog
from ingest.files.table import read_table
from ingest.refusals import Code, RequestRefusedError
from ingest.sources import Source

FORMATS: Final = ("ndjson", "json", "receipts", "csv", "tsv", "poslog")
MAPPED: Final = frozenset({"csv", "tsv", "poslog"})
"""Those that a mapping says something of."""
NAME_CHARS_MAX: Final = 200
PACKINGS: Final = {"": "", "identity": "", "gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}
"""By Content-Encoding."""
FORM: Final = "multipart/form-data"

_MAPPED: Final = ", ".join(sorted(MAPPED))
_BOUNDARY: Final = re.compile(r'boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?', re.ASCII)


class FileOrder(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is to be read."""

    form: str
    mapping: str = ""
    """YAML; empty where it comes with the file, and for formats that need none."""
    name: str = ""
    """The file's, for people."""
    packing: str = ""
    """What the body must be packed with; empty: whatever its first bytes say."""
    boundary: bytes = b""
    """Between the parts of a form; empty: the body is the file."""

    def with_mapping(self, text: str) -> FileOrder:
        """With the mapping that came with the file, if one did. Raises ``RequestRefusedError`` when there were two."""
        if text and (self.mapping or self.form not in MAPPED):
            raise refused(f"only {_MAPPED} take a mapping, and only one: named, or sent before the file")
        return msgspec.structs.replace(self, mapping=text) if text else self

    def outcomes(self, content: BinaryIO, upload: Upload) -> Iterator[Outcome]:
        """What becomes of each line, row, element or transaction. Raises ``RequestRefusedError`` when the mapping
        cannot be used, or does not fit the file's columns."""
        try:
            said = mappings.known_mapping(self.mapping) if self.mapping else None
            match self.form:
                case "json":
                    return read_array(content, upload, receipts=False)
                case "csv" | "tsv":
                    return self._rows(content, upload, said)
                case "poslog":
                    return read_poslog(content, upload, (said and said.poslog) or mappings.PoslogForm())
                case _:
                    return read_ndjson(content, upload, receipts=self.form == "receipts")
        except mappings.MappingError as error:
            raise refused(str(error)[:1_000]) from None

    def _rows(self, content: BinaryIO, upload: Upload, said: mappings.Mapping | None) -> Iterator[Outcome]:
        if said is None:
            raise refused(f"{self.form} needs a mapping: mapping=NAME, one of the source's, or one before the file")
        if self.form == "tsv" and said.csv.delimiter is None:
            said = said.model_copy(update={"csv": said.csv.model_copy(update={"delimiter": "\t"})})
        return read_table(content, upload, said)


def read_order(query: Mapping[str, str], headers: Mapping[str, str], source: Source) -> FileOrder:
    """Raises ``RequestRefusedError`` for what no file can be read by."""
    form, named = query.get("format", FORMATS[0]), query.get("mapping", "")
    if source.browser:
        raise refused(f"source {source.name} is a browser's, whose key is public: make another one for files")
    if form not in FORMATS:
        raise refused(f"format must be one of {', '.join(FORMATS)}")
    if named and form not in MAPPED:
        raise refused(f"only {_MAPPED} take a mapping")
    if named and named not in source.mappings:
        known = ", ".join(source.mappings) or "none"
        raise refused(f"source {source.name} has no mapping {named[:64]!r}; it has: {known}")
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in PACKINGS:
        raise RequestRefusedError(Code.UNSUPPORTED_ENCODING, encoding[:40])
    boundary = boundary_of(headers.get("content-type", ""))
    if boundary and PACKINGS[encoding]:
        raise RequestRefusedError(Code.UNSUPPORTED_ENCODING, "a form is sent as it is: pack the file in it")
    return FileOrder(
        form=form,
        mapping=source.mappings.get(named, ""),
        name=query.get("name", "")[:NAME_CHARS_MAX],
        packing=PACKINGS[encoding],
        boundary=boundary,
    )


def boundary_of(content_type: str) -> bytes:
    """What is between the parts of a form; empty for what is none. Raises ``RequestRefusedError`` for a form without
    it."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        return b""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise refused("the form has no boundary")
    return found[1].rstrip().encode()


def refused(detail: str) -> RequestRefusedError:
    """The refusal of a file as a whole."""
    return RequestRefusedError(Code.INVALID_FILE, detail)
