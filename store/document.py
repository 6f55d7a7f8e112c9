"""Writes ``docs/tables.md`` from the comments in the database: every table, view and column."""

# ruff: noqa: S608 - names of our own tables only

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

from store.clickhouse import ClickHouseStore, connect
from store.migrate import migrate
from store.settings import StoreSettings
from store.sql import literal

_FOR_ANALYSTS: Final = (
    "v_customers",
    "v_customers_at",
    "v_stage_visits",
    "v_stage_changes",
    "v_touchpoints",
    "v_profiles",
    "v_identities",
    "v_conflicts",
    "v_rejected",
)
_AT: Final = "v_customers_at"
"""The view with a parameter: ClickHouse keeps no columns of it. They are those of ``v_customers``."""

_HEAD: Final = """# Tables and views

Made by `python -m store.document docs/tables.md` from the comments in the database, where any tool shows them too
(`SELECT name, comment FROM system.columns WHERE database = 'tappa'`). All are in the database `tappa`; times are UTC.

Ask the **views**: each row of them counts once, whatever came twice or late, and nothing has to be remembered
(no `FINAL`, no filter). The **tables** behind them are what Tappa itself reads and writes.
"""


class _Column(NamedTuple):
    name: str
    type: str
    comment: str


async def tables_page(store: ClickHouseStore) -> str:
    """The page, for the database as it is."""
    comments = dict(await store.rows("SELECT name, comment FROM system.tables WHERE database = currentDatabase()"))
    tables = sorted(name for name in comments if not name.startswith("v_"))
    views = [*_FOR_ANALYSTS, *sorted(name for name in comments if name.startswith("v_") and name not in _FOR_ANALYSTS)]
    parts = [_HEAD, "## Views\n"]
    parts += [_section(name, comments[name], await _columns(store, name)) for name in views]
    parts.append("## Tables\n")
    parts += [_section(name, comments[name], await _columns(store, name)) for name in tables]
    return "\n".join(parts)


async def _columns(store: ClickHouseStore, table: str) -> list[_Column]:
    if table == _AT:
        described = await store.rows(f"DESCRIBE TABLE (SELECT * FROM {_AT}(at = '2025-01-01 00:00:00'))")
        comments = {column.name: column.comment for column in await _columns(store, "v_customers")}
        return [_Column(name, kind, comments[name]) for name, kind, *_ in described]
    return [
        _Column(*row)
        for row in await store.rows(
            "SELECT name, type, comment FROM system.columns "
            f"WHERE database = currentDatabase() AND table = {literal(table)} ORDER BY position"
        )
    ]


def _section(name: str, comment: str, columns: list[_Column]) -> str:
    rows = [f"| `{column.name}` | `{_bare(column.type)}` | {_cell(column.comment)} |" for column in columns]
    return "\n".join(
        [f"### `{name}`", "", f"{comment}.", "", "| column | type | what it says |", "| --- | --- | --- |", *rows, ""]
    )


def _bare(kind: str) -> str:
    """A type without what only concerns storage."""
    return kind.replace("LowCardinality(String)", "String")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """``python -m store.document FILE``: write the page, from the database of a store process of its own."""
    (page,) = sys.argv[1:]
    spawning = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="tappa-document-") as data:
        heard, said = spawning.Pipe(duplex=False)
        process = spawning.Process(target=_serve, args=(data, said))
        process.start()
        try:
            text = asyncio.run(_made(_settings(port=heard.recv())))
        finally:
            process.terminate()
            process.join()
    Path(page).write_text(text, encoding="utf-8")


def _settings(port: int) -> StoreSettings:
    return StoreSettings.model_validate({"port": port, "password": "for this moment"})


def _serve(data: str, said: Connection[int, int]) -> None:
    from store.embedded.server import run  # the engine, in the process that owns it

    run(_settings(port=0), Path(data), said.send)


async def _made(settings: StoreSettings) -> str:
    await migrate(settings, default_model="seven_stage", reporting_currency="EUR")
    store = connect(settings)
    try:
        return await tables_page(store)
    finally:
        await store.close()


if __name__ == "__main__":
    main()
