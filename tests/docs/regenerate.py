"""``python -m tests.docs.regenerate``: plays the tutorial and writes the answers of now into it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.docs.tutorial import PAGE, answers, regenerated

if __name__ == "__main__":
    before = PAGE.read_text()
    with tempfile.TemporaryDirectory() as folder:
        found = list(answers(before, Path(folder)))
    after = regenerated(before, found)
    PAGE.write_text(after)
    changed = sum(answer.page != answer.now for answer in found)
    print(f"{len(found)} queries, {changed} with another answer than before")
