"""A file sent as a form (multipart/form-data, RFC 7578): at most a part `mapping`, then the part `file`, which is
streamed. The library that Starlette has for forms would keep the file on disk first."""

from __future__ import annotations

import re
from io import BufferedReader, RawIOBase
from typing import Any, Final

from ingest.files.arriving import BUFFER_BYTES
from ingest.files.order import refused
from stage_engine.yaml_source import SOURCE_CHARS_MAX

HEAD_BYTES_MAX: Final = 8_000
"""Of a part, before its content."""

_NAME: Final = re.compile(rb'^content-disposition:.*?[; ]name="?([^";\r\n]*)"?', re.IGNORECASE | re.MULTILINE)


class Form(RawIOBase):
    """A form up to its part `file`, whose content is then read from it. ``mapping`` is what came before. Raises
    ``RequestRefusedError`` for what is no such form, also while it is read."""

    def __init__(self, body: BufferedReader, boundary: bytes) -> None:
        self._body = body
        self._delimiter = b"\r\n--" + boundary
        self._window = b"\r\n"  # the first delimiter may be the body's beginning
        self.mapping = ""
        name = self._next_part()
        if name == b"mapping":
            self.mapping = self._small()
            name = self._next_part()
        if name != b"file":
            raise refused("the parts of the form must be `mapping`, if there is one, and then `file`")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, into: Any) -> int:
        """As ``io.RawIOBase`` says: the part that it is at."""
        piece = self._piece(len(into))
        into[: len(piece)] = piece
        return len(piece)

    def _piece(self, bytes_max: int) -> bytes:
        """Some of the part; nothing at its end."""
        while (end := self._window.find(self._delimiter)) < 0:
            sure = len(self._window) - len(self._delimiter) + 1
            if sure > 0:
                end = sure
                break
            self._receive()
        piece, self._window = self._window[: min(end, bytes_max)], self._window[min(end, bytes_max) :]
        return piece

    def _next_part(self) -> bytes:
        """Its name. What is left of the part before is passed over."""
        while self._piece(HEAD_BYTES_MAX):
            pass
        self._window = self._window[len(self._delimiter) :]
        while (end := self._window.find(b"\r\n\r\n")) < 0:
            if len(self._window) > HEAD_BYTES_MAX or self._window.startswith(b"--"):
                raise refused("the form has no part `file`")
            self._receive()
        head, self._window = self._window[:end], self._window[end + 4 :]
        found = _NAME.search(head)
        return found[1] if found else b""

    def _small(self) -> str:
        text = b""
        while piece := self._piece(HEAD_BYTES_MAX):
            text += piece
            if len(text) > SOURCE_CHARS_MAX:
                raise refused(f"the mapping is longer than {SOURCE_CHARS_MAX} bytes")
        try:
            return text.decode()
        except UnicodeDecodeError:
            raise refused("the mapping is not UTF-8") from None

    def _receive(self) -> None:
        more = self._body.read1(BUFFER_BYTES)
        if not more:
            raise refused("the form ends early")
        self._window += more
