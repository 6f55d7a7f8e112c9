"""A POSLog is read as a stream, and what it declares is not believed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from io import BytesIO, RawIOBase
from typing import Any

import pytest

from ingest.files.mapping import PoslogForm
from ingest.files.outcome import Item, Problem
from ingest.files.packed import DamagedFileError
from ingest.files.poslog.document import NODES_MAX, ForbiddenDocumentError, transactions
from ingest.files.poslog.reading import read_poslog
from tests.tappa.imports.poslog.documents import ARTS, UPLOAD, document, item, outcomes, receipts, total, transaction

SALE = transaction(item("<ActualSalesUnitPrice>5</ActualSalesUnitPrice>") + total("5"))
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "declared",
    [
        "<!DOCTYPE POSLog>",
        '<!DOCTYPE POSLog SYSTEM "http://127.0.0.1:9/poslog.dtd">',
        '<!DOCTYPE POSLog PUBLIC "-//ARTS//POSLog" "poslog.dtd">',
        '<!DOCTYPE POSLog [<!ENTITY file SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE POSLog [<!ENTITY % more SYSTEM "http://127.0.0.1:9/more.dtd"> %more;]>',
        f'<!DOCTYPE POSLog [<!ENTITY l0 "ha">{LAUGHS}]>',
    ],
    ids=["empty", "external", "public", "external entity", "parameter entity", "billion laughs"],
)
def test_document_types_and_entities_are_refused_before_anything_is_read(declared: str) -> None:
    said = SALE.replace("<ItemID>A<", "<ItemID>&l9;<" if "l9" in declared else "<ItemID>&file;<")
    with pytest.raises(ForbiddenDocumentError, match="line 1: the document declares a document type or entities"):
        outcomes(declared.encode() + document(said))


def test_what_is_not_well_formed_costs_nothing_that_came_before_it() -> None:
    found = read_poslog(BytesIO(document(SALE, SALE)[:-120]), UPLOAD, PoslogForm())
    assert isinstance(next(found), Item)
    with pytest.raises(DamagedFileError, match="cannot be read on from line 1"):
        next(found)


def test_an_entity_that_nobody_declared_is_not_well_formed() -> None:
    with pytest.raises(DamagedFileError, match="undefined entity"):
        outcomes(document(SALE.replace("<ItemID>A<", "<ItemID>&file;<")))


def test_another_xml_is_no_poslog() -> None:
    with pytest.raises(DamagedFileError, match="no element Transaction: this is no POSLog"):
        outcomes(b"<html><body/></html>")
    assert outcomes(document()) == []


def test_transactions_may_be_wrapped_and_without_a_namespace() -> None:
    wrapped = f"<Answer><Log>{SALE}</Log></Answer>".encode()
    assert [one["total"] for one in receipts(wrapped)] == [5]


def test_elements_of_a_vendor_mean_nothing_here() -> None:
    theirs = '<v:ItemID xmlns:v="urn:till">B</v:ItemID><Quantity xmlns="urn:till">7<ItemID>C</ItemID></Quantity>'
    (receipt,) = receipts(document(SALE.replace("<ItemID>", theirs + "<ItemID>")))
    assert receipt["lines"] == [{"sku": "A", "quantity": 1, "unit_price": 5}]


def test_a_transaction_without_end_is_told_and_not_kept() -> None:
    long = transaction("<LineItem/>" * (NODES_MAX + 10), number=2)
    first, second, third = outcomes(document(SALE, long, SALE))
    assert isinstance(second, Problem)
    assert (second.line, second.code) == (2, "invalid_transaction")
    assert isinstance(first, Item)
    assert isinstance(third, Item)


def test_elements_that_are_nested_without_end_are_refused() -> None:
    with pytest.raises(ForbiddenDocumentError, match="100 deep"):
        outcomes(document(transaction("<A>" * 1_000 + "</A>" * 1_000)))


def test_places_are_those_of_the_file() -> None:
    content = b"\n".join([b"<POSLog>", SALE.encode(), b"", SALE.encode(), b"</POSLog>"])
    assert [(one.number, one.line) for one in transactions(BytesIO(content))] == [(1, 2), (2, 4)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_the_document_says_its_encoding(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><POSLog xmlns="{ARTS}">{SALE}</POSLog>'
    content = text.replace("<ItemID>A<", "<ItemID>è<").encode(encoding)
    assert [one["lines"][0]["sku"] for one in receipts(content)] == ["è"]


class Endless(RawIOBase):
    """A document of many transactions that is made as it is read."""

    def __init__(self, count: int) -> None:
        self._pieces: Iterator[bytes] = iter(
            [document()[: -len("</POSLog>")], *([SALE.encode() * 100] * count), b"</POSLog>"]
        )

    def read(self, size: int = -1) -> Any:
        return next(self._pieces, b"")


def test_memory_does_not_grow_with_the_document() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert sum(1 for _ in transactions(Endless(count))) == 100 * count  # type: ignore[arg-type]
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(200) < 1.5 * peak(10)
