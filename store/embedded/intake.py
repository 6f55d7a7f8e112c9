"""From the body of a request to its statement: so much is read as is text, the data of an insert stay in the body."""

from __future__ import annotations

from dataclasses import dataclass

from store.embedded.body import Body
from store.embedded.refusal import BAD_ARGUMENTS, QUERY_IS_TOO_LARGE, SYNTAX_ERROR, RefusedError
from store.embedded.request import Request, is_form
from store.embedded.statement import IncompleteError, Insert, data_insert

_KIND_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is asked, with the text of an insert told from its data."""

    request: Request
    sql: str
    insert: Insert | None
    data: bytes
    """The beginning of the data."""


async def read_statement(request: Request, body: Body, bytes_max: int) -> Statement:
    """Read a statement. Raises ``RefusedError`` for one that is too long, empty or not UTF-8."""
    before = f"{request.query}\n".encode("utf-8", "surrogateescape") if request.query.strip() else b""
    text = bytearray(before)
    form: bool | None = None
    may_be_insert = True
    while raw := await body.next():
        for piece in body.decode(raw):
            text += piece
            if len(text) > bytes_max:
                raise RefusedError(QUERY_IS_TOO_LARGE, f"The statement is longer than {bytes_max} bytes")
        if form is None:
            start = len(before)
            form = is_form(request.content_type, bytes(text[start : start + _KIND_BYTES]))
        if form or not may_be_insert:
            continue
        try:
            if insert := data_insert(bytes(text)):
                return _insert(request, bytes(text), insert)
            may_be_insert = False
        except IncompleteError:
            continue
    body.check_end()
    if form:
        request = request.with_form(bytes(text[len(before) :]))
        text = bytearray(request.query.encode("utf-8", "surrogateescape"))
    return _whole(request, bytes(text))


def _whole(request: Request, text: bytes) -> Statement:
    for whole in (text, text + b"\n"):
        try:
            if insert := data_insert(whole):
                return _insert(request, whole, insert)
            break
        except IncompleteError:
            continue
    try:
        sql = text.decode().strip()
    except UnicodeDecodeError:
        raise _not_utf8() from None
    if not sql:
        raise RefusedError(SYNTAX_ERROR, "Empty query")
    return Statement(request=request, sql=sql, insert=None, data=b"")


def _insert(request: Request, text: bytes, insert: Insert) -> Statement:
    return Statement(request=request, sql=insert.head, insert=insert, data=text[insert.data_at :])


def _not_utf8() -> RefusedError:
    return RefusedError(BAD_ARGUMENTS, "The statement is not UTF-8")
