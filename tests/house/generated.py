"""The pages and schemas that are made from the code: ``python -m tests.house.generated`` writes them anew, with
``--check`` it fails when one of them is not up to date."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ingest.files.mapping import mapping_schema
from ingest.hooks.mapping import hook_mapping_schema
from ingest.schema import schemas
from stage_engine.model import SHIPPED, shipped_models
from stage_engine.model_file import read_model_file
from stage_engine.picture import picture
from stage_engine.schema import model_schema
from tappa import settings_page
from tests.house import sdk_python

ROOT = Path(__file__).resolve().parents[2]


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _with_picture(model: str) -> str:
    """The page about a shipped model, with its picture drawn anew."""
    file, _ = read_model_file((SHIPPED / f"{model}.yaml").read_text(encoding="utf-8"), model)
    page = _written(f"docs/models/{model}.md") or "```mermaid\n```\n"
    drawn = f"```mermaid\n{picture(file)}\n```"
    return re.sub(r"```mermaid\n.*?```", lambda _: drawn, page, flags=re.DOTALL)


PAGES: dict[str, Callable[[], str]] = {
    "docs/settings.md": settings_page.page,
    "docs/schemas/message.schema.json": lambda: _json(schemas()["message"]),
    "docs/schemas/receipt.schema.json": lambda: _json(schemas()["receipt"]),
    "docs/schemas/mapping.schema.json": lambda: _json(mapping_schema()),
    "docs/schemas/hook-mapping.schema.json": lambda: _json(hook_mapping_schema()),
    "docs/schemas/model.schema.json": lambda: _json(model_schema()),
    "sdk/python/README.md": sdk_python.readme,
    **{f"docs/models/{model}.md": partial(_with_picture, model) for model in shipped_models()},
}


def stale() -> list[str]:
    """The pages that the code would make otherwise."""
    return [path for path, made in PAGES.items() if _written(path) != made()]


def _written(path: str) -> str | None:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.exists() else None


def main() -> None:
    if "--check" in sys.argv:
        if old := stale():
            sys.exit(f"not up to date: {', '.join(old)}; write them anew with: make docs")
        return
    for path, made in PAGES.items():
        (ROOT / path).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
