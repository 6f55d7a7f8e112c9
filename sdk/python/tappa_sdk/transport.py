"""One connection to the server, kept open between batches."""

from __future__ import annotations

import codecs
import gzip
import ssl
from base64 import b64encode
from contextlib import suppress
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from tappa_sdk.retry import Answer
from tappa_sdk.version import __version__

GZIP_FROM_BYTES = 1_000
"""Smaller bodies fit into one packet anyway."""
ANSWER_BYTES_MAX = 50_000_000


# Loads what looking up a server's name needs. A process that is forked while another thread loads it can never look one
# up: a codec that Python has not found once it does not look for again.
codecs.lookup("idna")


class UnreachableError(Exception):
    """There was no answer: whether the server has taken it nobody knows."""


class _StaleError(UnreachableError):
    """The connection was closed by the other side, as servers do with those that are idle."""


class Transport:
    """Posts bodies. For one thread."""

    def __init__(self, host: str, write_key: str, *, compress: bool, timeout_s: float) -> None:
        parts = urlsplit(host if "://" in host else f"https://{host}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"host must be an address such as https://touch.example.com, not {host!r}")
        self._scheme, self._name, self._port = parts.scheme, parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._compress = compress
        self._tls: ssl.SSLContext | None = None
        self._headers = {
            "Authorization": "Basic " + b64encode(f"{write_key}:".encode()).decode(),
            "Content-Type": "application/json",
            "User-Agent": f"tappa-sdk-python/{__version__}",
        }
        self._connection: HTTPConnection | HTTPSConnection | None = None

    def post(self, endpoint: str, body: bytes, attempt: int) -> Answer:
        """The answer. Raises ``UnreachableError``. A connection that the server has closed meanwhile is opened anew at
        once: what is sent twice counts once."""
        headers = dict(self._headers)
        if attempt:
            headers["X-Retry-Count"] = str(attempt)
        if self._compress and len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, compresslevel=6)
            headers["Content-Encoding"] = "gzip"
        if self._connection is not None:
            with suppress(_StaleError):
                return self._post(endpoint, body, headers)
        return self._post(endpoint, body, headers)

    def close(self) -> None:
        """Close the connection. The next ``post`` opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, endpoint: str, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            connection = self._connection = self._connection or self._connect()
            connection.request("POST", self._path + endpoint, body, headers)
            response: HTTPResponse = connection.getresponse()
            said = response.read(ANSWER_BYTES_MAX)
        except (ConnectionError, BadStatusLine) as error:
            self.close()
            raise _StaleError(f"{type(error).__name__}: {error}") from None
        except (OSError, HTTPException) as error:
            self.close()
            raise UnreachableError(f"{type(error).__name__}: {error}") from None
        if response.will_close or not response.isclosed():
            self.close()
        return Answer(response.status, response.headers.get("Retry-After", "").strip(), said)

    def _connect(self) -> HTTPConnection | HTTPSConnection:
        if self._scheme == "http":
            return HTTPConnection(self._name, self._port, timeout=self._timeout_s)
        self._tls = self._tls or ssl.create_default_context()
        return HTTPSConnection(self._name, self._port, timeout=self._timeout_s, context=self._tls)
