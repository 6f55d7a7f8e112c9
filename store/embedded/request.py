"""A request of ClickHouse's HTTP interface, as a value: who asks what, and how the answer shall look."""

from __future__ import annotations

import base64
import binascii
import email.parser
import email.policy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from store.embedded.catalogue import words
from store.embedded.refusal import BAD_ARGUMENTS, INVALID_SESSION_TIMEOUT, RefusedError

_TRANSPORT: Final = words(
    """
    query query_id user password database default_format session_id session_timeout session_check close_session compress
    decompress wait_end_of_query http_wait_end_of_query buffer_size http_response_buffer_size client_protocol_version
    quota_key role stacktrace enable_http_compression http_method add_http_cors_header
    http_write_exception_in_output_format send_progress_in_http_headers http_headers_progress_interval_ms log_comment
    """
)
"""Parameters that are for this interface; all others are settings of the engine."""

DEFAULT_FORMAT: Final = "TabSeparated"
_SESSION_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a request asks of its session."""

    session_id: str
    timeout_s: int
    must_exist: bool
    close: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All of a request but its body."""

    method: str
    user: str | None
    """None when the request names nobody."""
    password: str
    query: str
    """The statement, or its beginning: the rest is in the body."""
    query_id: str
    database: str
    default_format: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    session: Session | None
    framed_in: bool
    framed_out: bool
    accept_encoding: str
    """Empty unless the client also switched compression on."""
    wait_end: bool
    content_encoding: str
    content_type: str

    @property
    def read_only(self) -> bool:
        """GET must not change anything."""
        return self.method != "POST"

    def with_form(self, body: bytes) -> Request:
        """The same with the fields of a form in the body added. Raises ``RefusedError`` for a form that is none."""
        fields = form_fields(self.content_type, body)
        query = fields.pop("query", "")
        return _request(
            self,
            query=f"{self.query}\n{query}" if self.query else query,
            parameters={**self.parameters, **_parameters(fields)},
            settings={**self.settings, **_settings(fields)},
        )


def parse_request(method: str, query_string: bytes, headers: Mapping[str, str], query_id: str) -> Request:
    """From the line and the headers (names in lower case); ``query_id`` is used if the client gives none.

    Raises ``RefusedError`` for credentials and parameters that cannot be read.
    """
    try:
        given = dict(parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict"))
    except ValueError:
        raise RefusedError(BAD_ARGUMENTS, "The parameters of the URL are not UTF-8.") from None
    user, password = _credentials(given, headers)
    return Request(
        method=method,
        user=user,
        password=password,
        query=given.get("query", ""),
        query_id=given.get("query_id") or headers.get("x-clickhouse-query-id") or query_id,
        database=given.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=given.get("default_format") or headers.get("x-clickhouse-format") or DEFAULT_FORMAT,
        parameters=_parameters(given),
        settings=_settings(given),
        session=_session(given),
        framed_in=_on(given, "decompress"),
        framed_out=_on(given, "compress"),
        accept_encoding=headers.get("accept-encoding", "") if _on(given, "enable_http_compression") else "",
        wait_end=_on(given, "wait_end_of_query") or _on(given, "http_wait_end_of_query"),
        content_encoding=headers.get("content-encoding", ""),
        content_type=headers.get("content-type", ""),
    )


def is_form(content_type: str, start: bytes) -> bool:
    """Whether a body is a form. Many clients call plain SQL one, so the fields have to look like it."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return start.startswith((b"query=", b"param_"))
    return kind == "multipart/form-data"


def form_fields(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form."""
    try:
        if not content_type.lower().startswith("multipart/"):
            return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict"))
        head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        fields: dict[str, str] = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if part.get_filename() is not None:
                raise RefusedError(BAD_ARGUMENTS, "External data is not supported by the embedded store.")
            if isinstance(name, str) and isinstance(content, bytes):
                fields[name] = content.decode()
        return fields
    except ValueError:
        raise RefusedError(BAD_ARGUMENTS, "The form in the body is not UTF-8.") from None


def _request(request: Request, *, query: str, parameters: Mapping[str, str], settings: Mapping[str, str]) -> Request:
    values = {name: getattr(request, name) for name in Request.__slots__}
    return Request(**{**values, "query": query, "parameters": parameters, "settings": settings})


def _credentials(given: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str | None, str]:
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", ""), headers.get("x-clickhouse-key", "")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise RefusedError(BAD_ARGUMENTS, "Invalid authentication: the Basic credentials cannot be read.") from None
        return user, password
    return given.get("user"), given.get("password", "")


def _session(given: Mapping[str, str]) -> Session | None:
    session_id = given.get("session_id")
    if not session_id:
        return None
    timeout = given.get("session_timeout") or str(_SESSION_S)
    if not timeout.isdecimal():
        raise RefusedError(INVALID_SESSION_TIMEOUT, f"Invalid session timeout: '{timeout}'")
    return Session(
        session_id=session_id,
        timeout_s=int(timeout),
        must_exist=_on(given, "session_check"),
        close=_on(given, "close_session"),
    )


def _parameters(given: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("param_"): value for name, value in given.items() if name.startswith("param_")}


def _settings(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name not in _TRANSPORT and not name.startswith("param_")}


def _on(given: Mapping[str, str], name: str) -> bool:
    return given.get(name, "0").lower() in ("1", "true")
