"""The same rows as files of every form."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook

Cell = str | int | float | bool | datetime | None

_PARQUET = """
import sys
from chdb import session
opened = session.Session()
opened.query(sys.stdin.read())
"""


def as_csv(path: Path, rows: Sequence[Sequence[str]], *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def as_excel(path: Path, rows: Sequence[Sequence[Cell]], sheet: str = "Sheet1") -> Path:
    book = Workbook()
    first: Any = book.active
    first.title = sheet
    for row in rows:
        first.append(row)
    book.save(path)
    return path


def as_parquet(path: Path, query: str) -> Path:
    """The answer of a query, written by the engine in a process of its own."""
    path.unlink(missing_ok=True)
    text = f"{query} INTO OUTFILE '{path}' FORMAT Parquet"
    subprocess.run([sys.executable, "-c", _PARQUET], input=text, text=True, check=True, capture_output=True)
    return path
