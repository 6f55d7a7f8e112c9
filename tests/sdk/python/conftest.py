from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.house.generated import ROOT
from tests.sdk.python.ingest import RunningIngest, running_ingest


@pytest.fixture
def ingest() -> Iterator[RunningIngest]:
    with running_ingest() as running:
        yield running


@pytest.fixture
def sdk_environment() -> dict[str, str]:
    """Of processes that import the SDK, and nothing else of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TAPPA_")} | {
        "PYTHONPATH": str(ROOT / "sdk" / "python")
    }
