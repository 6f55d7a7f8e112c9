"""Waiting for what others do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LOOK_S = 0.05
WAIT_S_MAX = 60.0


async def until(happened: Callable[[], bool]) -> None:
    """Return as soon as it did."""
    async with asyncio.timeout(WAIT_S_MAX):
        while True:
            if happened():
                return
            await asyncio.sleep(LOOK_S)
