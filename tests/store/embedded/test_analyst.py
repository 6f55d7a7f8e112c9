"""The analyst reads the database and reaches nothing else, whatever the statement."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

TOKEN = "canary-7f3a"
REFUSALS = {"164", "497", "452", "62", "81", "115", "36", "60", "47"}
"""READONLY, ACCESS_DENIED, SETTING_CONSTRAINT_VIOLATION, SYNTAX_ERROR, UNKNOWN_DATABASE, UNKNOWN_SETTING,
BAD_ARGUMENTS, UNKNOWN_TABLE, UNKNOWN_IDENTIFIER."""


@dataclass(frozen=True)
class Outside:
    """What an attack wants: a file to read, a place to write, a host to reach."""

    canary: Path
    out: Path
    port: int

    def filled(self, text: str) -> str:
        return text.replace("$FILE", str(self.canary)).replace("$OUT", str(self.out)).replace("$PORT", str(self.port))


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("outside")
    canary = folder / "canary.csv"
    canary.write_text(f"{TOKEN}\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield Outside(canary, folder / "out", listener.getsockname()[1])
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert not (folder / "out").exists()


READS = [
    "SELECT * FROM v_fruit",
    "SELECT name FROM tappa.fruit WHERE id IN (SELECT id FROM v_fruit)",
    "SELECT * FROM v_fruit_from(first = 2)",
    "SELECT * FROM tappa.v_fruit_from(first = {x:UInt64})",
    "WITH big AS (SELECT * FROM fruit WHERE id > 1) SELECT count() FROM big AS b JOIN fruit AS f ON b.id = f.id",
    "SELECT f.kind, f.name AS file2 FROM fruit AS f ORDER BY 1",
    "SELECT arrayMap(x -> x + 1, [1, 2]), quantile(0.5)(id) FROM fruit",
    "SELECT number FROM numbers(3) UNION ALL SELECT id FROM fruit",
    "SELECT id FROM fruit INTERSECT SELECT id FROM fruit",
    "SELECT * EXCEPT (kind) FROM fruit FORMAT JSON",
    "SELECT * REPLACE (id + 1 AS id) FROM fruit",
    "SELECT id, row_number() OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM fruit",
    "SELECT name FROM system.tables WHERE database = 'tappa'",
    "SELECT name, type FROM system.columns WHERE table = 'fruit'",
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tappa'",
    "SELECT version(), currentUser(), timezone(), currentDatabase(), hostName()",
    "SHOW TABLES",
    "SHOW TABLES FROM tappa LIKE 'v_%'",
    "SHOW DATABASES",
    "SHOW CREATE TABLE fruit",
    "SHOW COLUMNS FROM fruit",
    "SHOW FUNCTIONS LIKE 'windowFunnel'",
    "DESCRIBE TABLE v_fruit",
    "DESCRIBE (SELECT 1)",
    "EXISTS TABLE fruit",
    "EXPLAIN SELECT * FROM fruit",
    "EXPLAIN PLAN actions = 1 SELECT * FROM fruit",
    "EXPLAIN indexes = 1 SELECT * FROM fruit WHERE id = 1",
    "SELECT 1 /* comment */ ; -- the end",
    "SELECT 'file(''/etc/passwd'')', 'INTO OUTFILE' AS `system.processes`",
    "SELECT * FROM fruit WHERE name IN {names:Array(String)}",
    "SELECT * FROM {table:Identifier}",
]


@pytest.mark.usefixtures("fruit")
@pytest.mark.parametrize("sql", READS)
def test_reads(analyst: httpx.Client, sql: str) -> None:
    parameters = {"param_x": "2", "param_names": "['pear']", "param_table": "fruit"}
    answer = analyst.post("/", content=sql, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.content


ATTACKS = [
    # files
    "SELECT * FROM file('$FILE', 'LineAsString')",
    "SELECT * FROM FiLe('$FILE', 'LineAsString')",
    "SELECT * FROM /* x */ file /* y */ ('$FILE')",
    "SELECT * FROM `file`('$FILE')",
    "SELECT * FROM \"file\"('$FILE')",
    "SELECT file('$FILE')",
    "SELECT FILE('$FILE')",
    "SELECT upper(substring(file('$FILE'), 1))",
    "SELECT * APPLY(file) FROM values('a String', '$FILE')",
    "SELECT * APPLY(x -> file(x)) FROM values('a String', '$FILE')",
    "SELECT COLUMNS('a') APPLY file FROM values('a String', '$FILE')",
    "SELECT * REPLACE (file(a) AS a) FROM values('a String', '$FILE')",
    "SELECT arrayMap(file, ['$FILE'])",
    "SELECT arrayMap(x -> file(x), ['$FILE'])",
    "WITH x -> file(x) AS f SELECT f('$FILE')",
    "WITH file('$FILE') AS content SELECT content",
    "WITH a AS (SELECT * FROM file('$FILE', 'LineAsString')) SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT file('$FILE') AS x) SELECT * FROM a",
    "SELECT * FROM fruit WHERE name IN (SELECT * FROM file('$FILE', 'LineAsString'))",
    "SELECT (SELECT file('$FILE'))",
    "SELECT 1 ORDER BY file('$FILE')",
    "SELECT 1 AS a, 'x' AS b ORDER BY a WITH FILL FROM 1 TO 3 INTERPOLATE (b AS file('$FILE'))",
    "SELECT 1 LIMIT length(file('$FILE'))",
    "SELECT id FROM fruit QUALIFY length(file('$FILE')) > 0",
    "SELECT sum(id) OVER (PARTITION BY file('$FILE')) FROM fruit",
    "SELECT quantile(length(file('$FILE')))(id) FROM fruit",
    "FROM values('a String', '$FILE') |> EXTEND file(a) AS b",
    "FROM values('a String', '$FILE') |> SET a = file(a)",
    "SELECT * FROM view(SELECT file('$FILE'))",
    "SELECT * FROM viewIfPermitted(SELECT file('$FILE') ELSE null('a String'))",
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT file('$FILE')))",
    "SELECT * FROM (EXPLAIN SELECT file('$FILE'))",
    "SELECT * FROM eval('SELECT file(''$FILE'')')",
    "SELECT * FROM `$FILE`",
    "SELECT * FROM default.`$FILE`",
    "SELECT 1 WHERE 'x' IN `$FILE`",
    "SELECT 1 WHERE 'x' IN default.`$FILE`",
    "SELECT * FROM {path:Identifier}",
    "SELECT * FROM {db:Identifier}.{path:Identifier}",
    "DESCRIBE TABLE file('$FILE')",
    "DESCRIBE TABLE default.`$FILE`",
    "SHOW CREATE TABLE default.`$FILE`",
    "EXISTS TABLE default.`$FILE`",
    "EXPLAIN SELECT * FROM file('$FILE')",
    "EXPLAIN QUERY TREE SELECT * FROM file('$FILE')",
    "EXPLAIN ESTIMATE SELECT * FROM file('$FILE')",
    "SELECT * FROM filesystem('$FILE')",
    "SELECT * FROM fileCluster('default', '$FILE')",
    "SELECT * FROM executable('cat $FILE', 'TSV', 'a String')",
    "SELECT * FROM python('open')",
    "SELECT * FROM sqlite('$FILE', 'x')",
    "SELECT * FROM icebergLocal('$FILE')",
    "SELECT * FROM deltaLakeLocal('$FILE')",
    "SELECT * FROM input('a String')",
    "SELECT 1 INTO OUTFILE '$OUT'",
    "SELECT 1 INTO OUTFILE '$OUT' TRUNCATE FORMAT CSV",
    "EXPLAIN SELECT 1 INTO OUTFILE '$OUT'",
    "INSERT INTO FUNCTION file('$OUT') SELECT 1",
    "INSERT INTO FUNCTION file('$OUT', 'TSV', 'a Int8') FORMAT TSV\n1\n",
    "INSERT INTO fruit (name) FROM INFILE '$FILE' FORMAT TSV",
    "BACKUP TABLE fruit TO File('$OUT')",
    # other hosts
    "SELECT * FROM url('http://127.0.0.1:$PORT/', 'LineAsString')",
    "SELECT * FROM urlCluster('default', 'http://127.0.0.1:$PORT/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:$PORT/bucket/key', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:$PORT', system.one)",
    "SELECT * FROM remoteSecure('127.0.0.1:$PORT', system, one)",
    "SELECT * FROM cluster('default', system.one)",
    "SELECT * FROM clusterAllReplicas(default, system.one)",
    "SELECT * FROM mysql('127.0.0.1:$PORT', 'a', 'b', 'c', 'd')",
    "SELECT * FROM postgresql('127.0.0.1:$PORT', 'a', 'b', 'c', 'd')",
    "SELECT * FROM mongodb('127.0.0.1:$PORT', 'a', 'b', 'c', 'd', 'x Int8')",
    "SELECT * FROM redis('127.0.0.1:$PORT', 'k', 'k String, v String')",
    "SELECT * FROM jdbc('jdbc:x://127.0.0.1:$PORT', 'a', 'b')",
    "SELECT * FROM fruit JOIN url('http://127.0.0.1:$PORT/', 'CSV', 'id UInt64') AS u USING id",
    "SELECT hasColumnInTable('127.0.0.1:$PORT', 'u', 'p', 'system', 'one', 'dummy')",
    "SELECT aiGenerate('x', 'hello')",
    "SELECT * FROM dictionary('x')",
    "CREATE DICTIONARY d (i UInt64) PRIMARY KEY i SOURCE(HTTP(url 'http://127.0.0.1:$PORT/')) LAYOUT(FLAT())",
    # writing
    "INSERT INTO fruit (id) VALUES (9)",
    "INSERT INTO fruit (id) SELECT 9",
    "INSERT INTO fruit (id) FORMAT TSV\n9\n",
    'insert /* x */ into tappa.fruit (id) format JSONEachRow {"id": 9}',
    "CREATE TABLE t (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE t (a Int8)",
    "CREATE TABLE t ENGINE = File(CSV, '$OUT') AS SELECT 1",
    "CREATE VIEW v AS SELECT file('$FILE')",
    "CREATE FUNCTION f AS (x) -> file(x)",
    "CREATE DATABASE d ENGINE = Filesystem('/')",
    "CREATE USER u",
    "CREATE NAMED COLLECTION c AS a = 1",
    "GRANT ALL ON *.* TO analyst",
    "DROP TABLE fruit",
    "DROP VIEW v_fruit",
    "TRUNCATE TABLE fruit",
    "DELETE FROM fruit WHERE 1",
    "UPDATE fruit SET name = 'x' WHERE 1",
    "ALTER TABLE fruit DELETE WHERE 1",
    "ALTER TABLE fruit ADD COLUMN x Int8",
    "RENAME TABLE fruit TO loot",
    "EXCHANGE TABLES fruit AND v_fruit",
    "OPTIMIZE TABLE fruit FINAL",
    "DETACH TABLE fruit",
    "ATTACH TABLE fruit",
    "CHECK TABLE fruit",
    "KILL QUERY WHERE 1",
    "KILL MUTATION WHERE 1",
    "SYSTEM SHUTDOWN",
    "SYSTEM KILL",
    "SYSTEM FLUSH LOGS",
    "SYSTEM STOP MERGES",
    "BEGIN TRANSACTION",
    "EXECUTE AS tappa SELECT 1",
    # several statements
    "SELECT 1; DROP TABLE fruit",
    "SELECT 1; SELECT 2",
    "SELECT 1 PARALLEL WITH SELECT 2",
    "SELECT 1;; SYSTEM SHUTDOWN",
    # settings
    "SET readonly = 0",
    "SET max_memory_usage = 0",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT * FROM (SELECT 1 SETTINGS readonly = 0)",
    "SELECT * FROM (SELECT number FROM numbers(1e9) GROUP BY number SETTINGS max_memory_usage = 0) LIMIT 1",
    "SELECT * FROM (SELECT 1 SETTINGS additional_result_filter = 'length(file(''$FILE'')) > 0')",
    "WITH a AS (SELECT 1 SETTINGS max_threads = 9) SELECT * FROM a",
    "SELECT 1 SETTINGS readonly = 0 UNION ALL SELECT 2",
    "EXPLAIN SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT 1 SETTINGS max_memory_usage = 0",
    "SELECT 1 SETTINGS additional_result_filter = 'file(''$FILE'') != '''''",
    "SELECT 1 FORMAT Template SETTINGS format_template_resultset = '$FILE'",
    "SELECT 1 AS a FORMAT Protobuf SETTINGS format_schema = '$FILE:Message'",
    "SELECT 1 AS a FORMAT CapnProto SETTINGS output_format_schema = '$OUT'",
    "SET ROLE ALL",
    # what others do, and other databases
    "SELECT * FROM elsewhere.secret",
    "SELECT 1 IN elsewhere.secret",
    "SELECT 1 WHERE 1 NOT IN (elsewhere.secret)",
    "SELECT joinGet('elsewhere.joined', 'v', 1)",
    "SELECT * FROM merge('elsewhere', '.*')",
    "SELECT * FROM merge(REGEXP('.*'), '.*')",
    "SELECT * FROM loop(elsewhere.secret) LIMIT 1",
    "SELECT * FROM loop(system.processes) LIMIT 1",
    "SELECT * FROM mergeTreeIndex('elsewhere', 'secret')",
    "SELECT hasColumnInTable('elsewhere', 'secret', 'id')",
    "SHOW CREATE TABLE elsewhere.secret",
    "EXISTS elsewhere.secret",
    "DESCRIBE elsewhere.secret",
    "USE elsewhere",
    "USE system",
    "SELECT query FROM system.processes",
    "SELECT query FROM `system`.`processes`",
    "SELECT query FROM system . processes",
    "SELECT 'a' IN system.processes",
    "SELECT * FROM tappa.fruit, system.processes",
    "SHOW PROCESSLIST",
    "SELECT * FROM system.query_log",
    "SELECT * FROM system.server_settings",
    "SELECT * FROM system.users",
    "SELECT * FROM system.grants",
    "SELECT * FROM system.named_collections",
    "SELECT * FROM system.stack_trace",
    "SELECT * FROM system.remote_data_paths",
    "SELECT * FROM system.user_query_log",
    "SHOW GRANTS",
    "SHOW USERS",
    "SHOW CREATE USER tappa",
    "SHOW ACCESS",
    "SELECT getServerSetting('tmp_path')",
    "SELECT getMacro('x')",
    "SELECT filesystemAvailable()",
    "SELECT addressToSymbol(1)",
    "SELECT __getScalar('x')",
]


@pytest.mark.usefixtures("fruit")
@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_refuses(analyst: httpx.Client, outside: Outside, attack: str) -> None:
    parameters = {"param_path": str(outside.canary), "param_db": "default"}
    answer = analyst.post("/", content=outside.filled(attack), params=parameters)
    assert answer.headers.get("x-clickhouse-exception-code") in REFUSALS, (answer.status_code, answer.text)
    assert answer.status_code >= 400
    assert TOKEN not in answer.text


SETTINGS_REFUSED = [
    {"readonly": "0"},
    {"max_memory_usage": "0"},
    {"max_memory_usage": "99999999999"},
    {"max_execution_time": "0"},
    {"max_execution_time": "nan"},
    {"max_execution_time": "1e9"},
    {"max_threads": "64"},
    {"additional_result_filter": "file('/etc/passwd') != ''"},
    {"additional_table_filters": "{'tappa.fruit': 'file(''/etc/passwd'') != '''''}"},
    {"format_schema": "/etc/passwd:x"},
    {"output_format_schema": "/tmp/x"},
    {"format_template_row": "/etc/passwd"},
    {"format_avro_schema_registry_url": "http://127.0.0.1"},
    {"dialect": "kusto"},
    {"implicit_select": "1"},
    {"allow_introspection_functions": "1"},
    {"allow_ddl": "1"},
    {"profile": "default"},
    {"max_query_size": "99999999"},
    {"compatibility": "20.1"},
    {"database": "system"},
    {"database": "elsewhere"},
    {"x`=1, readonly": "0"},
    {"max_block_size": "1', readonly='0"},
]


@pytest.mark.usefixtures("fruit")
@pytest.mark.parametrize("settings", SETTINGS_REFUSED, ids=str)
def test_refuses_settings_that_lift_a_limit_or_reach_outside(analyst: httpx.Client, settings: dict[str, str]) -> None:
    answer = analyst.post("/", content="SELECT 1", params=settings)
    assert answer.status_code >= 400
    assert answer.headers.get("x-clickhouse-exception-code")


@pytest.mark.usefixtures("fruit")
def test_applies_the_settings_that_do_no_harm(analyst: httpx.Client) -> None:
    settings = {
        "session_timezone": "Europe/Rome",
        "output_format_json_quote_64bit_integers": "0",
        "max_execution_time": "5",
        "max_threads": "1",
        "extremes": "0",
        "readonly": "1",
    }
    answer = analyst.post(
        "/",
        content="SELECT timezone(), "
        "getSetting('max_execution_time'), getSetting('max_threads'), getSetting('readonly')",
        params=settings,
    )
    assert answer.text == "Europe/Rome\t5\t1\t1\n"


def test_a_query_of_the_analyst_is_bounded_in_memory(analyst: httpx.Client) -> None:
    limit = {"max_memory_usage": "50000000"}
    answer = analyst.post("/", content="SELECT number FROM numbers(1e8) GROUP BY number FORMAT Null", params=limit)
    assert answer.headers["x-clickhouse-exception-code"] == "241"


def test_a_query_of_the_analyst_is_bounded_in_time(analyst: httpx.Client) -> None:
    limit = {"max_execution_time": "0.2"}
    answer = analyst.post("/", content="SELECT count() FROM numbers(1e12) WHERE sipHash64(number) = 1", params=limit)
    assert answer.status_code == 408
    assert answer.headers["x-clickhouse-exception-code"] == "159"


def test_a_session_gives_the_analyst_nothing_more(analyst: httpx.Client) -> None:
    session = {"session_id": "mine"}
    analyst.post("/", content="SELECT 1", params=session).raise_for_status()
    for sql in ("CREATE TEMPORARY TABLE t (a Int8)", "SET readonly = 0", "SET max_threads = 8"):
        assert analyst.post("/", content=sql, params=session).status_code >= 400


def test_the_attacks_changed_nothing(analyst: httpx.Client, fruit: str) -> None:
    assert analyst.post("/", content=f"SELECT count(), max(id) FROM {fruit}").text == "3\t3\n"
