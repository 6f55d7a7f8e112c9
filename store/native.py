"""Rows as one block in ClickHouse's Native format, put together from columns of integers and strings."""

from __future__ import annotations

from collections.abc import Sequence

from clickhouse_connect.datatypes.container import Array
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.common import write_leb128
from clickhouse_connect.driver.insert import InsertContext

from store.column import Column


def native_block(columns: Sequence[Column], rows: int) -> bytes:
    """One block in ClickHouse's Native format."""
    block = bytearray()
    write_leb128(len(columns), block)
    write_leb128(rows, block)
    for column in columns:
        for text in (column.name, column.type):
            encoded = text.encode()
            write_leb128(len(encoded), block)
            block += encoded
        _write_values(column, block)
    return bytes(block)


def _write_values(column: Column, block: bytearray) -> None:
    wire = get_from_name(_wire_type(column.type))
    context = InsertContext("", [column.name], [wire])
    context.start_column(column.name)
    if column.ends is None:
        wire.write_column(column.values, block, context)
        return
    assert isinstance(wire, Array)
    element = wire.element_type
    element.write_column_prefix(block)
    block += column.ends.tobytes()
    if column.values:
        element.write_column_data(column.values, block, context)


def _wire_type(kind: str) -> str:
    """The type of plain integers that has the same bytes: no datetime and no Decimal is ever made."""
    return (
        kind.replace("DateTime64(3, 'UTC')", "Int64")
        .replace("Decimal(18, 4)", "Int64")
        .replace("Decimal(38, 4)", "Int128")
        .replace("Enum8('open' = 0, 'replayed' = 1)", "Int8")
    )
