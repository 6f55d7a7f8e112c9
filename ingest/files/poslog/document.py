"""A POSLog document as a stream of its transactions, one in memory at a time.

Nothing that a document declares is believed: one with a document type, which is where entities are declared, is refused
before anything of it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final
from xml.parsers import expat

import msgspec

from ingest.files.packed import DamagedFileError
from ingest.files.poslog.node import Node

PIECE_BYTES: Final = 1 << 16
NODES_MAX: Final = 200_000
"""Elements of one transaction: two thousand lines of a hundred elements."""
DEPTH_MAX: Final = 100
TRANSACTION: Final = "Transaction"
ROOT: Final = "POSLog"


class ForbiddenDocumentError(DamagedFileError):
    """A document that declares what no till has to declare."""


class Found(msgspec.Struct, frozen=True):
    """A transaction of the document."""

    number: int
    """Which one it is, from 1."""
    line: int
    """Where in the file it begins."""
    transaction: Node | None
    """None when it has more than ``NODES_MAX`` elements."""
    common: dict[str, str]
    """What the document says of all its transactions."""


def transactions(stream: BinaryIO) -> Iterator[Found]:
    """Each transaction, as soon as it is whole. Raises ``ForbiddenDocumentError`` for a document type, and
    ``DamagedFileError`` where the document is not well-formed, after all transactions before that place; or at its end
    when it is no POSLog."""
    document = _Document()
    try:
        while piece := stream.read(PIECE_BYTES):
            document.read(piece)
            yield from document.taken()
        document.read(b"", last=True)
    except expat.ExpatError as error:
        yield from document.taken()
        raise DamagedFileError(f"the XML cannot be read on from line {error.lineno}: {error}") from None
    except ForbiddenDocumentError:
        yield from document.taken()
        raise
    yield from document.taken()
    if not document.is_poslog:
        raise DamagedFileError(f"the XML has no element {TRANSACTION}: this is no POSLog")


class _Document:
    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._forbidden
        self._parser.EntityDeclHandler = self._forbidden
        self._parser.ExternalEntityRefHandler = self._forbidden
        self._whole: list[Found] = []
        self._open: list[Node] = []
        self._namespace = ""
        self._foreign = 0
        """How deep inside an element of another namespace: a vendor's own, which means nothing here."""
        self._nodes = 0
        self._number = 0
        self._line = 0
        self._depth = 0
        self._common: dict[str, str] = {}
        self._field = ""
        self.is_poslog = False

    def read(self, piece: bytes, *, last: bool = False) -> None:
        self._parser.Parse(piece, last)

    def taken(self) -> list[Found]:
        whole, self._whole = self._whole, []
        return whole

    def _start(self, written: str, attributes: dict[str, str]) -> None:
        namespace, _, name = written.rpartition(" ")
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ForbiddenDocumentError(f"line {self._parser.CurrentLineNumber}: elements {DEPTH_MAX} deep")
        if not self._open:
            self._outside(namespace, name, attributes)
        elif self._foreign or namespace != self._namespace:
            self._foreign += 1
        else:
            self._nodes += 1
            node = Node(name=name, attributes=_plain(attributes), children=[])
            if self._nodes <= NODES_MAX:
                self._open[-1].children.append(node)
            self._open.append(node)

    def _outside(self, namespace: str, name: str, attributes: dict[str, str]) -> None:
        self._field = ""
        if name == TRANSACTION:
            self.is_poslog = True
            self._number += 1
            self._line = self._parser.CurrentLineNumber
            self._namespace, self._nodes = namespace, 0
            self._open = [Node(name=name, attributes=_plain(attributes), children=[])]
        elif self._depth == 1:
            self.is_poslog = name == ROOT
        elif self._depth == 2:
            self._field = name

    def _text(self, text: str) -> None:
        if self._foreign:
            return
        if self._open:
            self._open[-1].text += text
        elif self._field:
            self._common[self._field] = (self._common.get(self._field, "") + text)[:256]

    def _end(self, _: str) -> None:
        self._depth -= 1
        if self._foreign:
            self._foreign -= 1
        elif self._open:
            node = self._open.pop()
            node.text = node.text.strip()
            if not self._open:
                whole = node if self._nodes <= NODES_MAX else None
                common = {name: text.strip() for name, text in self._common.items()}
                self._whole.append(Found(self._number, self._line, whole, common))
        else:
            self._field = ""

    def _forbidden(self, *_: Any) -> int:
        raise ForbiddenDocumentError(
            f"line {self._parser.CurrentLineNumber}: the document declares a document type or entities, which is "
            "refused: a POSLog needs none, and they can read other files or fill the memory"
        )


def _plain(attributes: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in attributes.items() if " " not in name}
