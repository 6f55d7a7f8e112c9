"""``python -m tests.docs.regenerate [PAGE …]``: plays the pages, all or these, and writes the answers of now into
them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.docs.tutorial import PAGES, answers, regenerated

if __name__ == "__main__":
    asked = [Path(name).resolve() for name in sys.argv[1:]]
    for page in asked or PAGES:
        before = page.read_text()
        with tempfile.TemporaryDirectory() as folder:
            found = list(answers(before, Path(folder)))
        page.write_text(regenerated(before, found))
        changed = sum(answer.page != answer.now for answer in found)
        print(f"{page.name}: {len(found)} queries, {changed} with another answer than before")
