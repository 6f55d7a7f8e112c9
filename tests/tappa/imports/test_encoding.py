"""Encodings and delimiters are found out as a person would find them out."""

from __future__ import annotations

from io import BytesIO

import pytest

from tappa.imports.encoding import delimiter_of, encoding_of

ITALIAN = "Città;Perché no;Caffè macchiato;Università di Forlì\n"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", ITALIAN),
        ("utf-8", "only ASCII\n"),
        ("utf-16-le", ITALIAN),
        ("utf-16-be", ITALIAN),
        ("cp1252", ITALIAN),
        ("cp850", ITALIAN),
        ("cp1252", "Größe;Straße;Jörg\n"),
        ("cp1252", "Crème brûlée;Noël;Été à Paris\n"),
        ("cp1252", "Año;Niño;Camión\n"),
        ("cp1252", "Caffè 1,20 €\n"),
        ("cp1250", "Zażółć gęślą jaźń;Łódź;Kraków\n"),
        ("cp1250", "Příliš žluťoučký kůň;Plzeň\n"),
        ("cp1251", "Чек;Магазин;Сумма;Молоко\n"),
        ("cp1253", "Απόδειξη;Κατάστημα;Ποσό\n"),
        ("cp1254", "Şeker;Çay;ığdır;Öğün\n"),
        ("shift_jis", "レシート番号;店舗;金額;コーヒー\n"),
        ("gb18030", "收据编号;商店;金额;产品名称\n"),
        ("big5", "收據編號;商店;金額;咖啡\n"),
        ("euc_kr", "영수증;매장;금액;커피\n"),
    ],
)
def test_text_is_read_as_it_was_written(encoding: str, text: str) -> None:
    assert text.encode(encoding).decode(encoding_of(BytesIO(text.encode(encoding)))) == text
    assert encoding_of(BytesIO((text * 3_000).encode(encoding))) == encoding


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_it(encoding: str) -> None:
    assert ITALIAN.encode(encoding).decode(encoding_of(BytesIO(ITALIAN.encode(encoding)))).lstrip("\ufeff") == ITALIAN


def test_the_letter_that_tells_may_come_late() -> None:
    assert encoding_of(BytesIO(b"a;b\n" * 1_000_000 + "Caffè;Perché\n".encode("cp1252"))) == "cp1252"


def test_a_letter_over_two_pieces_of_the_file_is_one() -> None:
    text = b"a" * ((1 << 20) - 1) + "è".encode()
    assert encoding_of(BytesIO(text)) == "utf-8"


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("a;b\n1,5;2,5\n3,5;4\n", ";"),
        ("a\tb\n1, one\t2\n", "\t"),
        ("a|b\n1|2,5\n", "|"),
        ('a,b\n"1;2;3",4\n', ","),
        ("one column\n1\n", ","),
        ("", ","),
    ],
)
def test_the_delimiter_is_what_cuts_all_lines_alike(text: str, delimiter: str) -> None:
    assert delimiter_of(text) == delimiter
