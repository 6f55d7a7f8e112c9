"""ClickHouse's HTTP interface, as its documentation and its clients have it."""

from __future__ import annotations

import gzip
import json
import re
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import lz4.frame
import pytest
import zstandard

from store.embedded.framing import Unframer, framed
from store.settings import StoreSettings

FAILS_LATE = "SELECT throwIf(number = 3000000) AS x, number FROM numbers(10000000)"


@pytest.fixture
def table(writer: httpx.Client, fruit: str) -> Iterator[str]:
    """An empty table of two columns."""
    name = f"tappa.t_{uuid.uuid4().hex}"
    writer.post(
        "/", content=f"CREATE TABLE {name} (a UInt64, s String) ENGINE = MergeTree ORDER BY a"
    ).raise_for_status()
    yield name
    writer.post("/", content=f"DROP TABLE {name}").raise_for_status()


def rows(client: httpx.Client, sql: str) -> list[str]:
    answer = client.post("/", content=sql)
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()


def code(answer: httpx.Response) -> str:
    assert answer.status_code >= 400
    assert answer.text.startswith(f"Code: {answer.headers['x-clickhouse-exception-code']}. DB::Exception: ")
    return str(answer.headers["x-clickhouse-exception-code"])


def cut_off(answer: httpx.Response) -> bytes:
    """What came of a body that did not end."""
    received = bytearray()
    try:
        for piece in answer.iter_bytes():
            received += piece
    except httpx.RemoteProtocolError:
        return bytes(received)
    raise AssertionError("the body ended as if nothing had happened")


# --- who and where


def test_ping_needs_no_user(embedded_store: StoreSettings) -> None:
    for path in ("/ping", "/replicas_status", "/"):
        assert httpx.get(embedded_store.url + path).text == "Ok.\n"
    assert httpx.head(f"{embedded_store.url}/ping").status_code == 200
    assert httpx.get(f"{embedded_store.url}/play").status_code == 404
    assert httpx.put(embedded_store.url).status_code == 501


def test_every_way_to_give_a_user_works(embedded_store: StoreSettings) -> None:
    user, password = embedded_store.analyst, embedded_store.analyst_password.get_secret_value()
    ways: list[dict[str, object]] = [
        {"auth": (user, password)},
        {"headers": {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}},
        {"params": {"user": user, "password": password}},
    ]
    for way in ways:
        answer = httpx.post(embedded_store.url, content="SELECT 1", **way)  # type: ignore[arg-type]
        assert answer.text == "1\n"


def test_nobody_else_comes_in(embedded_store: StoreSettings) -> None:
    nobody = httpx.post(embedded_store.url, content="SELECT 1")
    assert (nobody.status_code, code(nobody)) == (401, "194")
    assert "Basic" in nobody.headers["www-authenticate"]
    for auth in (("analyst", "wrong"), ("analyst", ""), ("tappa", "analyst-secret"), ("default", ""), ("ü", "ü")):
        answer = httpx.post(embedded_store.url, content="SELECT 1", auth=auth)
        assert (answer.status_code, code(answer)) == (403, "516")
    broken = httpx.post(embedded_store.url, content="SELECT 1", headers={"Authorization": "Basic %%%"})
    assert broken.status_code == 400


# --- statements


def test_the_statement_may_be_in_the_url_the_body_or_both(analyst: httpx.Client) -> None:
    assert analyst.post("/", content="SELECT 1").text == "1\n"
    assert analyst.post("/", params={"query": "SELECT 1"}).text == "1\n"
    assert analyst.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert analyst.post("/", params={"query": "SELECT"}, content="1 + 1").text == "2\n"
    assert analyst.post("/", content="  ;").status_code == 400
    assert code(analyst.post("/", content="")) == "62"


def test_a_head_request_has_headers_only(analyst: httpx.Client) -> None:
    answer = analyst.head("/", params={"query": "SELECT 1 FORMAT JSON"})
    assert answer.content == b""
    assert answer.headers["x-clickhouse-format"] == "JSON"


def test_parameters_come_in_the_url_or_in_a_form(analyst: httpx.Client) -> None:
    sql = "SELECT {n:UInt8} + 1, {s:String}, {list:Array(String)}, {none:Nullable(String)}"
    fields = {"param_n": "41", "param_s": "it's\\ta tab", "param_list": "['a','b\\'c']", "param_none": "\\N"}
    expected = "42\tit\\'s\\ta tab\t['a','b\\'c']\t\\N\n"
    assert analyst.post("/", content=sql, params=fields).text == expected
    assert analyst.post("/", data={"query": sql, **fields}).text == expected
    parts = {name: (None, value) for name, value in {"query": sql, **fields}.items()}
    assert analyst.post("/", files=parts).text == expected


def test_what_curl_calls_a_form_may_be_a_statement(analyst: httpx.Client) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert analyst.post("/", content="SELECT 'a=b&c'", headers=headers).text == "a=b&c\n"


def test_external_data_is_refused(analyst: httpx.Client) -> None:
    answer = analyst.post("/", params={"query": "SELECT 1"}, files={"x": ("x.tsv", b"1\n")})
    assert code(answer) == "36"


def test_the_database_is_where_names_are_looked_up(writer: httpx.Client, analyst: httpx.Client, fruit: str) -> None:
    assert writer.post("/", content="SELECT currentDatabase()", params={"database": "system"}).text == "system\n"
    headers = {"X-ClickHouse-Database": "elsewhere"}
    assert writer.post("/", content="SELECT currentDatabase()", headers=headers).text == "elsewhere\n"
    assert analyst.post("/", content="SELECT currentDatabase()", params={"database": "default"}).text == "tappa\n"
    assert code(writer.post("/", content="SELECT 1", params={"database": "nowhere"})) == "81"


def test_a_syntax_error_says_where(analyst: httpx.Client) -> None:
    answer = analyst.post("/", content="SELECT 1 FRM x y")
    assert answer.status_code == 400
    assert "failed at position 14 (x)" in answer.text
    assert answer.text.endswith("(SYNTAX_ERROR) (version 26.9.2.1)\n")


def test_get_reads_only(writer: httpx.Client, table: str) -> None:
    answer = writer.get("/", params={"query": f"INSERT INTO {table} VALUES (1, 'a')"})
    assert code(answer) == "164"
    assert code(writer.get("/", params={"query": "CREATE DATABASE x"})) == "164"


# --- answers


def test_headers_say_what_the_answer_is(analyst: httpx.Client) -> None:
    params = {"query_id": "mine", "default_format": "JSONEachRow"}
    answer = analyst.post("/", content="SELECT 1 AS x", params=params)
    assert answer.text == '{"x":1}\n'
    assert answer.headers["x-clickhouse-query-id"] == "mine"
    assert answer.headers["x-clickhouse-format"] == "JSONEachRow"
    assert answer.headers["x-clickhouse-timezone"] == "UTC"
    assert answer.headers["content-type"] == "application/x-ndjson; charset=UTF-8"
    assert json.loads(answer.headers["x-clickhouse-summary"])["read_rows"] == "1"
    named = analyst.post("/", content="SELECT 1 AS x FORMAT CSVWithNames", params=params)
    assert (named.text, named.headers["x-clickhouse-format"]) == ('"x"\n1\n', "CSVWithNames")
    asked = analyst.post("/", content="SELECT 1 AS x", headers={"X-ClickHouse-Format": "TSVWithNames"})
    assert asked.text == "x\n1\n"


STREAMED = [
    "TSV",
    "TSVWithNames",
    "TSVWithNamesAndTypes",
    "CSV",
    "CSVWithNames",
    "CSVWithNamesAndTypes",
    "JSONEachRow",
    "JSONCompactEachRowWithNames",
    "JSONCompactEachRowWithNamesAndTypes",
    "RowBinary",
    "RowBinaryWithNames",
    "RowBinaryWithNamesAndTypes",
]


@pytest.mark.parametrize("form", STREAMED)
def test_an_answer_of_many_chunks_is_one_document(writer: httpx.Client, form: str) -> None:
    sql = 'SELECT number AS "a\n\tb", toString(number) AS s FROM numbers(150000)'
    whole = writer.post(
        "/", content=f"{sql} FORMAT {form} SETTINGS max_block_size = 1000000, output_format_json_array_of_rows = 0"
    )
    streamed = writer.post("/", content=f"{sql} FORMAT {form}")
    assert len(streamed.content) > 500_000
    assert streamed.content == whole.content


def test_native_blocks_follow_each_other(writer: httpx.Client, table: str) -> None:
    blocks = writer.post("/", content="SELECT number AS a, toString(number) AS s FROM numbers(200000) FORMAT Native")
    writer.post("/", params={"query": f"INSERT INTO {table} FORMAT Native"}, content=blocks.content).raise_for_status()
    assert rows(writer, f"SELECT count(), sum(a), countIf(toString(a) = s) FROM {table}") == [
        "200000\t19999900000\t200000"
    ]


def test_an_arrow_stream_is_one_stream(writer: httpx.Client, table: str) -> None:
    sql = "SELECT number AS a, toLowCardinality(toString(number % 7)) AS s FROM numbers(200000) FORMAT ArrowStream"
    arrow = writer.post("/", content=sql).content
    writer.post("/", params={"query": f"INSERT INTO {table} FORMAT ArrowStream"}, content=arrow).raise_for_status()
    assert rows(writer, f"SELECT count(), sum(a), uniqExact(s) FROM {table}") == ["200000\t19999900000\t7"]


def test_an_empty_answer_keeps_its_head(analyst: httpx.Client) -> None:
    empty = "SELECT 1 AS x WHERE 0 FORMAT "
    assert analyst.post("/", content=f"{empty}TSVWithNamesAndTypes").text == "x\nUInt8\n"
    assert analyst.post("/", content=f"{empty}JSON").json()["meta"] == [{"name": "x", "type": "UInt8"}]
    assert analyst.post("/", content=f"{empty}TSV").content == b""


def test_totals_come_after_the_rows(analyst: httpx.Client) -> None:
    sql = "SELECT number % 2 AS k, count() AS c FROM numbers(4) GROUP BY k WITH TOTALS ORDER BY k FORMAT TSVWithNames"
    assert analyst.post("/", content=sql).text == "k\tc\n0\t2\n1\t2\n\n0\t4\n"


def test_json_of_many_rows_is_one_document(analyst: httpx.Client) -> None:
    answer = analyst.post("/", content="SELECT number FROM numbers(100000) FORMAT JSON").json()
    assert (answer["rows"], len(answer["data"])) == (100_000, 100_000)
    array = analyst.post(
        "/",
        content="SELECT number FROM numbers(100000) FORMAT JSONEachRow",
        params={"output_format_json_array_of_rows": "1"},
    )
    assert len(array.json()) == 100_000


def test_an_answer_that_cannot_be_streamed_is_bounded(analyst: httpx.Client) -> None:
    sql = "SELECT repeat(toString(number), 200) FROM numbers(200000) FORMAT JSON"
    assert code(analyst.post("/", content=sql)) == "396"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
def test_answers_are_encoded_when_the_client_asks(analyst: httpx.Client, encoding: str) -> None:
    undo = {
        "lz4": lz4.frame.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    }
    sql = "SELECT number FROM numbers(100000)"
    plain = analyst.post("/", content=sql, headers={"Accept-Encoding": encoding})
    packed = analyst.post(
        "/", content=sql, params={"enable_http_compression": "1"}, headers={"Accept-Encoding": encoding}
    )
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == encoding
    content = packed.content
    assert (content if content == plain.content else undo[encoding](content)) == plain.content


def test_answers_are_framed_when_the_client_asks(analyst: httpx.Client) -> None:
    unframer = Unframer()
    answer = analyst.post("/", content="SELECT number FROM numbers(100000)", params={"compress": "1"})
    text = b"".join(unframer.feed(answer.content))
    unframer.end()
    assert text.splitlines()[-1] == b"99999"


# --- errors


@pytest.mark.parametrize(
    ("sql", "status", "number"),
    [
        ("SELECT * FROM tappa.nothing", 404, "60"),
        ("SELECT nothing", 404, "47"),
        ("SELECT nosuchfunction()", 404, "46"),
        ("SELECT 1 FORMAT Nothing", 404, "73"),
        ("SELECT throwIf(number = 3) FROM numbers(10)", 500, "395"),
        ("SELECT 'a' + 1", 400, "43"),
        ("SELECT {missing:UInt8}", 400, "456"),
        ("SELECT toDate('x')", 400, "38"),
    ],
)
def test_an_error_before_the_first_row_is_a_status(analyst: httpx.Client, sql: str, status: int, number: str) -> None:
    answer = analyst.post("/", content=sql)
    assert code(answer) == number
    assert answer.status_code in (status, 500)


@pytest.mark.parametrize("framing", ["plain", "framed", "gzip"])
def test_an_error_within_the_rows_is_told_at_their_end_and_the_body_is_cut(analyst: httpx.Client, framing: str) -> None:
    ways = {"plain": {}, "framed": {"compress": "1"}, "gzip": {"enable_http_compression": "1"}}
    headers = {"Accept-Encoding": "gzip"}
    with analyst.stream("POST", "/", content=FAILS_LATE, params=ways[framing], headers=headers) as answer:
        received = cut_off(answer)
    assert answer.status_code == 200
    body = b"".join(Unframer().feed(received)) if framing == "framed" else received
    tag = answer.headers["x-clickhouse-exception-tag"].encode()
    end = re.fullmatch(
        rb".*\r\n__exception__\r\n" + tag + rb"\r\n(Code: 395.*\n)(\d+) " + tag + rb"\r\n__exception__\r\n",
        body,
        re.DOTALL,
    )
    assert end is not None
    assert len(end[1]) == int(end[2])


def test_who_waits_for_the_end_gets_a_status(analyst: httpx.Client) -> None:
    assert code(analyst.post("/", content=FAILS_LATE, params={"wait_end_of_query": "1"})) == "395"


def test_rows_of_a_failed_query_never_turn_up_in_another_answer(writer: httpx.Client) -> None:
    fails = "SELECT throwIf(number = 100000) FROM numbers(200000) FORMAT JSON SETTINGS max_block_size = 1000"
    for params in ({}, {"session_id": "kept"}):
        assert code(writer.post("/", content=fails, params=params)) == "395"
        assert writer.post("/", content="SELECT 1", params=params).text == "1\n"
        assert writer.post("/", content="SELECT 1 FORMAT JSON", params=params).json()["rows"] == 1


def test_many_at_once_get_their_own_answers(analyst: httpx.Client) -> None:
    def ask(n: int) -> bool:
        fails = analyst.post("/", content=f"SELECT throwIf(number = {n}) FROM numbers(100000) FORMAT JSON")
        answer = analyst.post("/", content=f"SELECT count(), {n} FROM numbers({n * 1000})")
        return fails.status_code == 500 and answer.text == f"{n * 1000}\t{n}\n"

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(1, 41)))


# --- inserts


def test_inserts_take_their_data_from_the_body(writer: httpx.Client, table: str) -> None:
    writer.post("/", content=f"INSERT INTO {table} FORMAT TSV\n1\ta\n2\tb\n").raise_for_status()
    writer.post("/", params={"query": f"INSERT INTO {table} FORMAT CSV"}, content='3,"c"\n').raise_for_status()
    writer.post("/", content=f"INSERT INTO {table} (s, a) VALUES ('d', 4), ('e', 2 + 3)").raise_for_status()
    writer.post("/", params={"query": f"INSERT INTO {table} VALUES"}, content="(6, 'f')").raise_for_status()
    writer.post("/", content=f"INSERT INTO {table} SELECT 7, 'g'").raise_for_status()
    writer.post("/", params={"query": f"INSERT INTO {table} FORMAT TSV"}).raise_for_status()
    assert rows(writer, f"SELECT * FROM {table} ORDER BY a") == [f"{n}\t{'xabcdefg'[n]}" for n in range(1, 8)]


def test_data_that_look_like_white_space_are_data(writer: httpx.Client, table: str) -> None:
    data = (0x0A0A0A0A20200A09).to_bytes(8, "little") + b"\x03\n\n "
    writer.post("/", content=f"INSERT INTO {table} FORMAT RowBinary\n".encode() + data).raise_for_status()
    assert rows(writer, f"SELECT hex(a), hex(s) FROM {table}") == ["0A0A0A0A20200A09\t0A0A20"]


def test_an_insert_says_how_many_rows_it_wrote(writer: httpx.Client, table: str) -> None:
    answer = writer.post("/", content=f"INSERT INTO {table} FORMAT JSONEachRow\n" + '{"a": 1}\n' * 1000)
    assert json.loads(answer.headers["x-clickhouse-summary"])["written_rows"] == "1000"


@pytest.mark.parametrize("encoding", ["gzip", "lz4", "zstd", "framed"])
def test_bodies_come_encoded(writer: httpx.Client, table: str, encoding: str) -> None:
    pack = {
        "gzip": gzip.compress,
        "lz4": lz4.frame.compress,
        "zstd": zstandard.compress,
        "framed": lambda data: b"".join(framed(data)),
    }[encoding]
    text = f"INSERT INTO {table} FORMAT TSV\n".encode() + b"".join(b"%d\tx\n" % n for n in range(300_000))
    given = {"params": {"decompress": "1"}} if encoding == "framed" else {"headers": {"Content-Encoding": encoding}}
    packed = pack(text)
    writer.post("/", content=packed, **given).raise_for_status()  # type: ignore[arg-type]
    assert rows(writer, f"SELECT count(), sum(a) FROM {table}") == ["300000\t44999850000"]
    cut = writer.post("/", content=packed[: len(packed) // 2], **given)  # type: ignore[arg-type]
    assert code(cut) in ("271", "40")
    assert rows(writer, f"SELECT count() FROM {table}") == ["300000"]


def test_a_bad_row_fails_the_whole_insert(writer: httpx.Client, table: str) -> None:
    data = b"".join(b"%d\tx\n" % n for n in range(5_000)) + b"oops\n"
    answer = writer.post("/", params={"query": f"INSERT INTO {table} FORMAT TSV"}, content=data)
    assert code(answer) == "27"
    assert rows(writer, f"SELECT count() FROM {table}") == ["0"]
    assert code(writer.post("/", content="INSERT INTO tappa.nothing FORMAT TSV\n1\n")) == "60"


def test_an_insert_whose_client_goes_away_inserts_nothing(
    writer: httpx.Client, table: str, embedded_store: StoreSettings
) -> None:
    head = (
        f"POST /?query=INSERT+INTO+{table}+FORMAT+TSV&user=tappa&password=writer-secret HTTP/1.1\r\n"
        "Host: x\r\nContent-Length: 1000000\r\n\r\n"
    )
    with socket.create_connection((embedded_store.host, embedded_store.port)) as connection:
        connection.sendall(head.encode() + b"1\ta\n" * 50_000)
    assert rows(writer, f"SELECT count() FROM {table}") == ["0"]


def test_a_query_whose_client_goes_away_is_cancelled(
    analyst: httpx.Client, writer: httpx.Client, embedded_store: StoreSettings
) -> None:
    mark = uuid.uuid4().hex
    running = f"SELECT count() FROM system.processes WHERE query LIKE '%{mark}%' AND query NOT LIKE '%processes%'"
    sql = f"SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number, '{mark}') = 1"
    request = f"POST /?user=tappa&password=writer-secret HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}"
    with socket.create_connection((embedded_store.host, embedded_store.port)) as connection:
        connection.sendall(request.encode())
        while rows(writer, running) != ["1"]:
            pass
    while rows(writer, running) != ["0"]:
        pass


# --- sessions


def test_a_session_keeps_what_was_set_and_made(writer: httpx.Client) -> None:
    session = {"session_id": uuid.uuid4().hex}
    for sql in (
        "CREATE TEMPORARY TABLE mine (a UInt8)",
        "INSERT INTO mine VALUES (7)",
        "SET max_threads = 1",
        "USE system",
    ):
        writer.post("/", content=sql, params=session).raise_for_status()
    asks = "SELECT (SELECT a FROM mine), getSetting('max_threads'), currentDatabase()"
    assert writer.post("/", content=asks, params=session).text == "7\t1\tsystem\n"
    assert writer.post("/", content="SELECT * FROM tappa.nothing", params=session).status_code == 404
    assert writer.post("/", content=asks, params=session).text == "7\t1\tsystem\n"
    assert writer.post("/", content="SELECT * FROM mine").status_code == 404


def test_a_session_forgets_the_settings_of_a_request(writer: httpx.Client) -> None:
    session = {"session_id": uuid.uuid4().hex}
    asks = "SELECT getSetting('max_block_size'), getSetting('max_threads')"
    before = writer.post("/", content=asks, params=session).text
    writer.post("/", content="SET max_threads = 1", params={**session, "max_block_size": "5"}).raise_for_status()
    assert writer.post("/", content=asks, params={**session, "max_block_size": "7"}).text == "7\t1\n"
    assert writer.post("/", content=asks, params=session).text == before.split("\t")[0] + "\t1\n"


def test_a_session_that_must_exist_is_asked_for(writer: httpx.Client) -> None:
    session = {"session_id": uuid.uuid4().hex}
    assert code(writer.post("/", content="SELECT 1", params={**session, "session_check": "1"})) == "372"
    writer.post("/", content="SELECT 1", params=session).raise_for_status()
    assert writer.post("/", content="SELECT 1", params={**session, "session_check": "1"}).text == "1\n"
    writer.post("/", content="SELECT 1", params={**session, "close_session": "1"}).raise_for_status()
    assert code(writer.post("/", content="SELECT 1", params={**session, "session_check": "1"})) == "372"
    assert code(writer.post("/", content="SELECT 1", params={**session, "session_timeout": "99999"})) == "374"


def test_a_session_serves_one_at_a_time(writer: httpx.Client) -> None:
    session = {"session_id": uuid.uuid4().hex}
    sql = f"SELECT sleep(1), '{session['session_id']}'"
    running = (
        f"SELECT count() FROM system.processes WHERE query LIKE '%{session['session_id']}%' AND query LIKE '%sleep%'"
    )
    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(writer.post, "/", content=sql, params=session)
        while rows(writer, running) != ["2"]:
            pass
        assert code(writer.post("/", content="SELECT 1", params=session)) == "373"
        assert slow.result().status_code == 200


# --- what the writer must not do either


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE tappa.k (a Int8) ENGINE = Kafka SETTINGS kafka_broker_list = 'x:9092', kafka_topic_list = 't', "
        "kafka_group_name = 'g', kafka_format = 'CSV'",
        "CREATE TABLE tappa.k (a Int8) ENGINE = URL('http://127.0.0.1/', CSV)",
        "CREATE TABLE tappa.k (a Int8) ENGINE = File(CSV)",
        "CREATE TABLE tappa.k AS file('/etc/passwd')",
        "CREATE DATABASE k ENGINE = Filesystem('/')",
        "CREATE DATABASE k ENGINE = MySQL('127.0.0.1', 'a', 'b', 'c')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM default.`/etc/passwd`",
        "SELECT * FROM python('x')",
        "INSERT INTO FUNCTION file('/tmp/x') SELECT 1",
        "SELECT 1 INTO OUTFILE '/tmp/tappa-outfile'",
        "SYSTEM SHUTDOWN",
        "/* x */ system /* y */ kill",
        "SYSTEM RELOAD CONFIG",
        "CREATE USER u",
    ],
)
def test_the_writer_reaches_nothing_outside_either(writer: httpx.Client, sql: str) -> None:
    assert code(writer.post("/", content=sql)) in ("497", "164")


def test_metrics_count_statements_and_say_nothing_of_them(embedded_store: StoreSettings, analyst: httpx.Client) -> None:
    analyst.post("/", content="SELECT 'very private'")
    text = httpx.get(f"{embedded_store.url}/metrics").text
    assert 'tappa_store_queries_total{kind="select",outcome="done",user="analyst"}' in text
    assert "tappa_store_query_seconds_bucket" in text
    assert "private" not in text
