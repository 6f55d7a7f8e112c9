from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sdk.python.ingest import RunningIngest, running_ingest


@pytest.fixture
def ingest() -> Iterator[RunningIngest]:
    with running_ingest() as running:
        yield running
