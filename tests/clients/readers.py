"""Clients that analysts use, each unchanged and with its defaults: all are asked the same and tell the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError

from store.settings import StoreSettings
from tests.installing import install, run

HERE = Path(__file__).resolve().parent
NODE = HERE / "node"
JDBC = HERE / "jdbc"

PARAMETER = re.compile(r"\{(\w+)\s*:\s*[\w()', ]+\}")

RUN_S_MAX = 120


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a client is asked, as the analyst."""

    sql: str
    """With parameters as ``{name:Type}``."""
    parameters: Mapping[str, str]
    streamed: str
    """A statement of many rows, that are counted."""
    refused: Sequence[str]
    """Statements that must fail."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What came of it."""

    rows: list[list[str]]
    streamed: int
    codes: list[str]
    """Of the errors, empty for a statement that did not fail."""


def clickhouse_connect_reads(settings: StoreSettings, question: Question) -> Told:
    """With clickhouse-connect."""
    with clickhouse_connect.get_client(
        host=settings.host,
        port=settings.port,
        username=settings.analyst,
        password=settings.analyst_password.get_secret_value(),
        database=settings.database,
    ) as client:
        rows = client.query(
            question.sql, parameters=dict(question.parameters), settings={"session_timezone": "UTC"}
        ).result_rows
        with client.query_row_block_stream(question.streamed) as stream:
            streamed = sum(len(block) for block in stream)
        codes = []
        for statement in question.refused:
            try:
                client.command(statement)
                codes.append("")
            except DatabaseError as error:
                found = re.search(r"code: (\d+)", str(error))
                codes.append(found[1] if found else str(error))
    return Told(rows=[[str(value) for value in row] for row in rows], streamed=streamed, codes=codes)


def node_reads(settings: StoreSettings, question: Question) -> Told:
    """With npm's @clickhouse/client."""
    install(
        ["npm", "ci", "--no-audit", "--no-fund", "--silent"],
        NODE,
        "package-lock.json",
        "node_modules/.package-lock.json",
    )
    asked = {
        "url": settings.url,
        "user": settings.analyst,
        "password": settings.analyst_password.get_secret_value(),
        "database": settings.database,
        "sql": question.sql,
        "parameters": question.parameters,
        "streamed": question.streamed,
        "refused": question.refused,
    }
    told = json.loads(run(["node", "read.mjs", json.dumps(asked)], NODE, RUN_S_MAX))
    assert told["ping"]
    return Told(rows=told["rows"], streamed=told["streamed"], codes=told["codes"])


def jdbc_reads(settings: StoreSettings, question: Question) -> Told:
    """With the ClickHouse JDBC driver."""
    install(["mvn", "-q", "-B", "dependency:copy-dependencies"], JDBC, "pom.xml", "target/lib/.installed")
    names = PARAMETER.findall(question.sql)
    output = run(
        [
            "java",
            "-cp",
            "target/lib/*",
            "Read.java",
            f"jdbc:clickhouse:{settings.url}/{settings.database}",
            settings.analyst,
            settings.analyst_password.get_secret_value(),
            PARAMETER.sub("?", question.sql),
            question.streamed,
            *(question.parameters[name] for name in names),
            "--",
            *question.refused,
        ],
        JDBC,
        RUN_S_MAX,
    )
    lines = [line.split("\t") for line in output.splitlines()]
    assert ["product", "ClickHouse"] in lines
    return Told(
        rows=[rest for what, *rest in lines if what == "row"],
        streamed=int(next(rest[0] for what, *rest in lines if what == "streamed")),
        codes=[rest[0] for what, *rest in lines if what == "code"],
    )


READERS: Mapping[str, Callable[[StoreSettings, Question], Told]] = {
    "clickhouse-connect": clickhouse_connect_reads,
    "node": node_reads,
    "jdbc": jdbc_reads,
}
