"""What docs/import.md shows works as it is shown."""

from __future__ import annotations

import gzip
import os
import re
import shlex
from pathlib import Path

import pytest

from ingest.files.mapping import parse_mapping
from tests.docs.tutorial import ROOT, asked, blocks, installation, run
from tests.tappa.imports.tables import as_csv, as_excel

PAGE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
MAPPINGS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
MESSAGE = '{"type":"track","event":"A","userId":"u","messageId":"m","timestamp":"2026-03-01T10:00:00Z"}\n'
RECEIPT = (
    '{"receipt_id":1,"store_id":"s","sold_at":"2026-03-01T10:00:00Z","total":5,"currency":"EUR",'
    '"customer":{"loyalty_card":"77"}}\n'
)
TILLS = [
    ["Invoice", "InvoiceDate", "StockCode", "Quantity", "Price", "Customer ID"],
    ["7", "3/31/2026 10:15", "A", "2", "1.10", "42"],
]


def whole(mapping: str) -> str:
    """A mapping, of what may be a part of one on the page."""
    text = mapping if mapping.startswith("version:") else f"version: 1\n{mapping}"
    complete = any(f"\n{part}:" in text for part in ("message", "receipt", "poslog"))
    return text if complete else f"{text}message: {{type: {{constant: track}}}}\n"


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_every_mapping_on_the_page_is_one(mapping: str) -> None:
    assert parse_mapping(whole(mapping), "docs/import.md").version == 1


def files_of_the_page(folder: Path) -> None:
    (folder / "samples").symlink_to(ROOT / "samples")
    (folder / "events.ndjson.gz").write_bytes(gzip.compress(MESSAGE.encode()))
    (folder / "tills.ndjson").write_text(RECEIPT)
    shop = [
        ["event", "customer_no", "at", "amount", "page"],
        ["buy", "42", "31.03.2026 10:15", "9.90", "https://x.it/"],
    ]
    as_csv(folder / "shop.csv", shop)
    (folder / "shop.yaml").write_text(next(one for one in MAPPINGS if "customer_no" in one))
    (folder / "tills.yaml").write_text(whole(next(one for one in MAPPINGS if "group_by" in one)))
    as_excel(folder / "march.xlsx", TILLS, sheet="March 2026")
    as_csv(folder / "march.csv", TILLS)
    for name in ("bari.yaml", "others.yaml"):
        (folder / name).write_text((folder / "tills.yaml").read_text())
    (folder / "drop").mkdir()


@pytest.mark.slow
def test_every_command_and_query_of_the_page_works(tmp_path: Path) -> None:
    files_of_the_page(tmp_path)
    data = tmp_path / "data"
    environment = {**os.environ, "TAPPA_DATA": str(data)}
    ran: list[str] = []
    with installation(data, tmp_path, environment):
        for block in blocks(PAGE):
            if block.kind == "sql":
                run(["status", "--wait", "60"], tmp_path, environment)
                assert "Order Completed" in asked(block.text, data)
                ran.append("sql")
                continue
            for line in block.text.splitlines() if block.kind == "sh" else ():
                words = shlex.split(line, comments=True)[1:]
                once = ["--once"] if words[0] == "watch" and "--once" not in words else []  # else it never ends
                run([*words, *once], tmp_path, environment)
                ran.append(words[0])
    assert ran.count("import") >= 7
    assert {"map", "watch", "sql"} <= set(ran)
    assert parse_mapping((tmp_path / "march.yaml").read_text(), "march.yaml").receipt is not None
