"""The year of three stores: the same from the same seed, and what the store makes of it is what the generator counted,
in whatever order and however often its parts are imported."""

from __future__ import annotations

import csv
import json
import subprocess
from collections import Counter
from contextlib import closing
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest

from benches.importing import by_http, check
from benches.installation import TAPPA, Analyst, Installation
from benches.year import HEAD, MAPPING, STORES, Year

LINES = 12_000


def test_the_same_seed_is_the_same_year_and_another_is_not() -> None:
    one, same, other = (b"".join(Year(2_000, seed).chunks()) for seed in (1, 1, 2))
    assert one == same != other


def test_its_totals_are_those_of_its_rows() -> None:
    year = Year(5_000)
    rows = list(csv.DictReader(StringIO(b"".join(year.chunks()).decode())))
    found: dict[str, Counter[str]] = {name: Counter() for name in ("store", "day", "card")}
    for row in rows:
        for name, totals in found.items():
            totals[row[name]] += int(Decimal(row["quantity"]) * Decimal(row["price"]) * 100)
    del found["card"][""]
    assert year.totals.lines == len(rows) >= 5_000
    assert found == {"store": year.totals.by_store, "day": year.totals.by_day, "card": year.totals.by_card}
    assert set(year.totals.by_store) == set(STORES)
    assert year.totals.receipts == len({(row["store"], row["till"], row["day"], row["number"]) for row in rows})


@pytest.mark.slow
def test_parts_in_reverse_order_twice_and_by_both_ways_come_to_the_totals_that_are_known(tmp_path: Path) -> None:
    year = Year(LINES)
    whole = b"".join(year.chunks())
    rows = whole.splitlines(keepends=True)[1:]
    cut = next(at for at in range(LINES // 2, LINES) if rows[at].split(b",")[:4] != rows[at - 1].split(b",")[:4])
    mapping, parts = tmp_path / "year.yaml", [tmp_path / name for name in ("second.csv", "first.csv", "whole.csv")]
    mapping.write_text(MAPPING)
    for file, some in zip(parts, (rows[cut:], rows[:cut], rows), strict=True):
        file.write_bytes(HEAD.encode() + b"".join(some))

    with (
        Installation(tmp_path / "data", tmp_path / "tappa.log", 1) as installation,
        closing(Analyst(installation.connection)) as analyst,
    ):
        said = [imported(installation, file, mapping) for file in parts]
        installation.wait_until_quiet()
        check(analyst, year.totals)
        of_all = analyst.ask("SELECT count(), sum(lines) FROM v_receipts")
        assert of_all == [f"{year.totals.receipts}\t{year.totals.lines}"]
        assert said[0]["accepted"] + said[1]["accepted"] == said[2]["duplicate"] == year.totals.receipts  # type: ignore[operator]
        assert (said[2]["accepted"], said[2]["differing"]) == (0, 0)

        by_http(installation, parts[2], mapping, "year")
        installation.wait_until_quiet()
        check(analyst, year.totals)
        assert analyst.ask("SELECT count(), sum(lines) FROM v_receipts") == of_all


def imported(installation: Installation, file: Path, mapping: Path) -> dict[str, object]:
    words = ["import", str(file), "--mapping", str(mapping), "--source", "year", "--json"]
    done = subprocess.run(
        [*TAPPA, *words, "--data", str(installation.data)], capture_output=True, text=True, check=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found
