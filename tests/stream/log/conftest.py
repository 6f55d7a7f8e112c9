"""Until tests/conftest.py has it: which backends ran."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def backend_ran() -> Callable[[str], None]:
    return lambda name: None
