"""What `/docs`, `/openapi.json` and docs/http.md say of each endpoint."""

from __future__ import annotations

from typing import Any

OVERVIEW = "The write side of Tappa."


def of(endpoint: str) -> dict[str, Any]:
    return {}


def page(spec: dict[str, Any]) -> str:
    return ""
