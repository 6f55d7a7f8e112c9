"""The page about the tables."""

from __future__ import annotations

from pathlib import Path

from store.clickhouse import ClickHouseStore
from store.document import tables_page

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


async def test_every_table_view_and_column_has_a_comment(one_server: ClickHouseStore) -> None:
    without = "database = currentDatabase() AND comment = ''"
    assert await one_server.rows(f"SELECT name FROM system.tables WHERE {without}") == []
    assert await one_server.rows(f"SELECT table, name FROM system.columns WHERE {without}") == []


async def test_the_page_is_up_to_date(one_server: ClickHouseStore) -> None:
    assert PAGE.read_text(encoding="utf-8") == await tables_page(one_server), (
        "run: python -m store.document docs/tables.md"
    )
