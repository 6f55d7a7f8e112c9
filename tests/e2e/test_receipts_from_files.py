"""Receipts of a real shop, from a file: the totals are the file's, however often and in whatever parts it comes."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.installation import Installation

SAMPLE = Path(__file__).parents[2] / "samples" / "receipts"
VISIBLE_WITHIN_S = 120.0
TOTALS = """
    SELECT store_id, toString(business_date) AS day, customer_id,
        toString(sum(if(kind = 'return', -total, total))) AS total
    FROM v_receipts WHERE NOT is_voided GROUP BY ALL
"""
ROWS = {
    "receipts": "SELECT * EXCEPT received_at FROM v_receipts ORDER BY message_id",
    "lines": "SELECT * FROM v_receipt_lines ORDER BY message_id, line",
    "visits": "SELECT * FROM v_stage_visits ORDER BY ALL",
    "customers": "SELECT * FROM v_customers ORDER BY ALL",
}

Totals = dict[tuple[str, str, str], Decimal]


def lines_of_the_file() -> tuple[str, list[str]]:
    head, *lines = (SAMPLE / "receipts.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)
    return head, lines


def totals_of_the_file() -> Totals:
    """By store, day and customer, from nothing but the file."""
    totals: Totals = defaultdict(Decimal)
    head, lines = lines_of_the_file()
    for row in csv.DictReader([head, *lines]):
        month, day, year = row["InvoiceDate"].partition(" ")[0].split("/")
        key = ("uk-01", f"{year}-{int(month):02}-{int(day):02}", f"user:{row['Customer ID']}")
        totals[key] += int(row["Quantity"]) * Decimal(row["Price"])
    return dict(totals)


def totals_of(tappa: Installation) -> Totals:
    rows = tappa.rows(TOTALS)
    return {(row["store_id"], row["day"], row["customer_id"]): Decimal(row["total"]) for row in rows}


def imported(tappa: Installation, file: Path, *more: str) -> dict[str, Any]:
    words = ("--mapping", str(SAMPLE / "mapping.yaml"), "--source", "tills", "--json", *more)
    found: dict[str, Any] = json.loads(tappa.command("import", str(file), *words))
    tappa.wait_until_visible(VISIBLE_WITHIN_S)
    return found


def everything(tappa: Installation) -> dict[str, list[dict[str, Any]]]:
    return {name: tappa.rows(query) for name, query in ROWS.items()}


def test_the_totals_are_those_of_the_file_however_it_comes(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    with Installation(tmp_path / "whole") as tappa:
        assert imported(tappa, SAMPLE / "receipts.csv")["accepted"] == 14
        assert totals_of(tappa) == totals_of_the_file()
        assert len(totals_of(tappa)) == 7
        once = everything(tappa)
        again = imported(tappa, SAMPLE / "receipts.csv", "--again")
        assert (again["accepted"], again["duplicate"], again["differing"]) == (0, 14, 0)
        assert everything(tappa) == once

    head, lines = lines_of_the_file()
    cut = next(at for at in range(40, len(lines)) if lines[at].split(",")[0] != lines[at - 1].split(",")[0])
    (tmp_path / "first.csv").write_text(head + "".join(lines[:cut]))
    (tmp_path / "second.csv").write_text(head + "".join(lines[cut:]))
    (tmp_path / "halves").mkdir()
    with Installation(tmp_path / "halves") as tappa:
        taken = [imported(tappa, tmp_path / name)["accepted"] for name in ("second.csv", "first.csv")]
        assert sum(taken) == 14
        assert min(taken) > 0
        assert everything(tappa) == once
