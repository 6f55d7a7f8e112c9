"""An answer in ClickHouse's manner: headers, body, and errors before and within the body."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Final

from starlette.types import Send

from store.embedded import formats
from store.embedded.encoding import accepted, encoder
from store.embedded.engine import Counts
from store.embedded.framing import framed
from store.embedded.refusal import EngineError, RefusedError, status_of
from store.embedded.request import Request

_PLAIN: Final = "text/plain; charset=UTF-8"
KEEP_ALIVE_S: Final = 30
SERVER_NAME: Final = "tappa"


class Reply:
    """The answer to one request. ``begin``, ``pieces``, ``end``; or ``fail`` at any time."""

    def __init__(self, send: Send, *, query_id: str, version: str, timezone: str, headless: bool) -> None:
        self._send = send
        self._version = version
        self._headless = headless
        self._tag = secrets.token_hex(8)
        self._encoding: str | None = None
        self._framed = False
        self._headers = {
            "x-clickhouse-query-id": query_id,
            "x-clickhouse-server-display-name": SERVER_NAME,
            "x-clickhouse-timezone": timezone,
            "x-clickhouse-exception-tag": self._tag,
            "keep-alive": f"timeout={KEEP_ALIVE_S}",
        }
        self.begun = False

    def ask(self, request: Request) -> None:
        """How the client wants its answer."""
        self._headers["x-clickhouse-query-id"] = request.query_id
        self._framed = request.framed_out
        self._encoding = accepted(request.accept_encoding)

    def encoded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The body as the client wants it; may be slow. What is cut off by an error goes out before the error."""
        encode = encoder(self._encoding) if self._encoding else None
        try:
            for piece in pieces:
                for frame in framed(piece) if self._framed else (piece,):
                    packed = encode.compress(frame) if encode else frame
                    if packed:
                        yield packed
        except (EngineError, RefusedError) as error:
            text = self._exception(error)
            block = b"".join(framed(text)) if self._framed else text
            yield (encode.compress(block) + encode.flush()) if encode else block
            raise
        if encode and (packed := encode.flush()):
            yield packed

    async def begin(self, counts: Counts, form: str | None) -> None:
        """Send the headers."""
        headers = {"x-clickhouse-summary": _summary(counts), "content-type": _PLAIN}
        if form is not None:
            headers |= {"x-clickhouse-format": form, "content-type": formats.content_type(form)}
        if self._encoding:
            headers |= {"content-encoding": self._encoding, "vary": "accept-encoding"}
        await self._start(200, headers)

    async def piece(self, body: bytes) -> None:
        """Send a piece of the body; waits for a slow client."""
        if not self._headless:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        """The answer is complete."""
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, error: EngineError | RefusedError) -> None:
        """Before the body: status, code and message. Within it the message is already out: then the body stays without
        end, and the connection is closed."""
        if self.begun:
            return
        body = self._message(error)
        headers = {
            "content-type": _PLAIN,
            "content-length": str(len(body)),
            "x-clickhouse-exception-code": str(error.code),
            "x-clickhouse-summary": _summary(Counts()),
        }
        status = status_of(error.code)
        if status == 401:
            headers["www-authenticate"] = 'Basic realm="Tappa store"'
        if status == 503:
            headers["retry-after"] = "1"
        await self._start(status, headers)
        await self._send({"type": "http.response.body", "body": b"" if self._headless else body})

    async def plain(self, status: int, body: bytes, content_type: str = _PLAIN) -> None:
        """A short text."""
        await self._start(status, {"content-type": content_type, "content-length": str(len(body))})
        await self._send({"type": "http.response.body", "body": b"" if self._headless else body})

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        self.begun = True
        lines = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in {**self._headers, **headers}.items()
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": lines})

    def _message(self, error: EngineError | RefusedError) -> bytes:
        return f"{error} (version {self._version})\n".encode("utf-8", "replace")

    def _exception(self, error: EngineError | RefusedError) -> bytes:
        """How ClickHouse ends a body that fails, since 25.11."""
        message = self._message(error)
        tag = self._tag.encode()
        end = b"%d %s\r\n__exception__\r\n" % (len(message), tag)
        return b"\r\n__exception__\r\n" + tag + b"\r\n" + message + end


def _summary(counts: Counts) -> str:
    return json.dumps(
        {
            "read_rows": str(counts.read_rows),
            "read_bytes": str(counts.read_bytes),
            "written_rows": str(counts.written_rows),
            "written_bytes": str(counts.written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(counts.result_rows),
            "result_bytes": "0",
            "elapsed_ns": str(int(counts.elapsed_s * 1e9)),
        },
        separators=(",", ":"),
    )
