"""Telling the text of an insert from its data."""

from __future__ import annotations

import pytest

from store.embedded.statement import IncompleteError, data_insert, first_words, format_at_end

DATA_INSERTS = [
    (b"INSERT INTO t FORMAT TSV\n1\n", "INSERT INTO t", "TSV", b"1\n"),
    (b"INSERT INTO t FORMAT Native\n\n\t x", "INSERT INTO t", "Native", b"\n\t x"),
    (b"INSERT INTO t FORMAT Native\r\n\r\n", "INSERT INTO t", "Native", b"\r\n"),
    (b"insert into `t` (a, `format x`) settings x='FORMAT' format JSONEachRow {}", None, "JSONEachRow", b"{}"),
    (
        b"-- hello\n/* FORMAT */ INSERT INTO t (a) VALUES (1)",
        "-- hello\n/* FORMAT */ INSERT INTO t (a)",
        "Values",
        b" (1)",
    ),
    (b"INSERT INTO t VALUES(1)", "INSERT INTO t", "Values", b"(1)"),
    (b"INSERT INTO t (a) /* c */ VALUES /* d */ (1), (2)", None, "Values", b" /* d */ (1), (2)"),
    (b"INSERT INTO t FORMAT TSV;\n1\n", "INSERT INTO t", "TSV", b"1\n"),
    (b"INSERT INTO \"a'b\" FORMAT TSV\n'", 'INSERT INTO "a\'b"', "TSV", b"'"),
    (b"INSERT INTO FUNCTION file('a', 'TSV', 'FORMAT Int8') FORMAT TSV\n1", None, "TSV", b"1"),
]


@pytest.mark.parametrize(("text", "head", "form", "data"), DATA_INSERTS)
def test_exactly_one_line_break_after_the_format_is_not_data(
    text: bytes, head: str | None, form: str, data: bytes
) -> None:
    insert = data_insert(text)
    assert insert is not None
    assert insert.form == form
    assert text[insert.data_at :] == data
    assert head is None or insert.head == head


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1",
        b"(SELECT 1)",
        b"INSERT INTO t SELECT 1 FORMAT JSON\n",
        b"INSERT INTO t (a) WITH x AS (SELECT 1) SELECT * FROM x",
        b"-- INSERT INTO t FORMAT TSV\nSELECT 1",
        b"/* INSERT */ EXPLAIN INSERT INTO t FORMAT TSV\n",
    ],
)
def test_other_statements_have_no_data(text: bytes) -> None:
    assert data_insert(text) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"  -- c",
        b"INS",
        b"INSERT INTO t",
        b"INSERT INTO t FORM",
        b"INSERT INTO t FORMAT",
        b"INSERT INTO t FORMAT Nat",
        b"INSERT INTO t FORMAT Native",
        b"INSERT INTO t FORMAT Native\r",
        b"INSERT INTO 't FORMAT TSV\n",
        b"INSERT INTO t VALUES",
    ],
)
def test_waits_for_more_text_when_it_cannot_tell(text: bytes) -> None:
    with pytest.raises(IncompleteError):
        data_insert(text)


@pytest.mark.parametrize("cut", range(1, 41))
def test_where_the_network_cuts_a_request_does_not_matter(cut: int) -> None:
    text = b"INSERT INTO t (a, b) FORMAT RowBinary\n\n\x00\n"
    try:
        early = data_insert(text[:cut])
    except IncompleteError:
        early = None
    assert early in (None, data_insert(text))


def test_first_words_are_found_behind_comments() -> None:
    assert first_words("/* SELECT */ system -- x\n shutdown", 2) == ["SYSTEM", "SHUTDOWN"]


def test_a_format_is_found_at_the_end() -> None:
    assert format_at_end("SHOW TABLES format JSON ;\n") == "JSON"
    assert format_at_end("SHOW TABLES LIKE 'FORMAT JSON'") is None
