"""Requests made of items before the clock starts: bodies in one file, and a table that says which is which.

The generator maps the file instead of reading it, so that its memory and its start stay small.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from benches.workload import Item

ROUTES: Final = ("/v1/batch", "/v1/receipts", "/v1/track", "/v1/page", "/v1/identify")
RECEIPTS: Final = "/v1/receipts"
COLUMNS: Final = 6


class Request(NamedTuple):
    """One row of the table."""

    begin: int
    end: int
    sender: int
    route: int
    """Index into ``ROUTES``."""
    items: int
    fresh: int
    """Items that are no copies of others: so many touchpoints must be there in the end."""


@dataclass(frozen=True, slots=True)
class Requests:
    """A file of bodies, the table beside it, and what they carry."""

    path: Path
    count: int
    items: int

    @property
    def table(self) -> Path:
        return self.path.with_suffix(".table")

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size


def write(path: Path, items: Iterable[Item], *, batch: int) -> Requests:
    """Fill ``path`` with requests of up to ``batch`` items; 1 gives each item its type's own endpoint. A request never
    mixes senders, nor messages with receipts."""
    table = array("Q")
    requests = carried = begin = 0
    with path.open("wb") as file:
        for group in grouped(items, batch):
            body, route = encoded(group, single=batch == 1)
            file.write(body)
            fresh = sum(item.fresh for item in group)
            table.extend((begin, begin + len(body), group[0].sender, ROUTES.index(route), len(group), fresh))
            begin += len(body)
            requests += 1
            carried += len(group)
    with path.with_suffix(".table").open("wb") as file:
        table.tofile(file)
    return Requests(path, requests, carried)


def read_table(path: Path) -> list[Request]:
    """The table that ``write`` left at ``path``."""
    table = array("Q")
    table.frombytes(path.read_bytes())
    return [Request(*table[row : row + COLUMNS]) for row in range(0, len(table), COLUMNS)]


def grouped(items: Iterable[Item], batch: int) -> Iterator[list[Item]]:
    """Runs of at most ``batch`` items that go into one request."""
    group: list[Item] = []
    for item in items:
        if group and (len(group) == batch or _place(item) != _place(group[0])):
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def _place(item: Item) -> tuple[int, bool]:
    return item.sender, item.kind == "receipt"


def encoded(group: list[Item], *, single: bool) -> tuple[bytes, str]:
    """The body of one request, and where it goes."""
    if single:
        kind = group[0].kind
        return group[0].body, RECEIPTS if kind == "receipt" else f"/v1/{kind}"
    joined = b",".join(item.body for item in group)
    if group[0].kind == "receipt":
        return b"[%s]" % joined, RECEIPTS
    return b'{"batch":[%s]}' % joined, "/v1/batch"


def head(request: Request, host: str, authorization: Mapping[str, str]) -> bytes:
    """The request line and headers; ``authorization`` gives each route its header."""
    route = ROUTES[request.route]
    return (
        f"POST {route} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization[route]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {request.end - request.begin}\r\n\r\n"
    ).encode()
