"""An import that is killed again and again comes to the same end as one that is left alone."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from random import Random

from benches.year import MAPPING, Year
from tests.eventually import eventually
from tests.tappa.imports.running import installed

LINES = 60_000
KILLS = 10
SEED = 7


def test_a_year_whose_import_is_killed_at_ten_random_moments_has_every_receipt_once(tmp_path: Path) -> None:
    year, file, mapping = Year(LINES), tmp_path / "year.csv", tmp_path / "year.yaml"
    file.write_bytes(b"".join(year.chunks()))
    mapping.write_text(MAPPING)
    running, random = installed(tmp_path / "data"), Random(SEED)
    words = ("import", str(file), "--mapping", str(mapping), "--source", "year")
    killed: Counter[bool] = Counter()
    with running.ingest():
        for _ in range(KILLS):
            before, some = running.accepted("year"), random.randrange(1, year.totals.receipts // (KILLS + 2))
            with subprocess.Popen(
                running.command(*words), env=running.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                eventually(lambda: running.accepted("year") >= before + some or process.poll() is not None)  # noqa: B023 - called at once
                process.kill()
            killed[process.returncode != 0] += 1
        said = json.loads(running.tappa(*words, "--json").stdout)
        taken = running.accepted("year")
    assert killed == {True: KILLS}, f"seed {SEED}"
    assert (said["accepted"], said["duplicate"], said["rejected"]) == (year.totals.receipts, 0, 0)
    assert taken >= year.totals.receipts
