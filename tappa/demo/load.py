"""The sample shop for ``tappa up --demo``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

TOUCHPOINTS: Final = 50_000
SEED: Final = 1
STOP_WITHIN_S: Final = 2.0


async def load_shop(
    data: Path, say: Callable[[str], None], *, touchpoints: int = TOUCHPOINTS, seed: int = SEED
) -> bool:
    """Sends the sample shop to the ingest that runs on ``data``, by a process of its own, so that generating it does
    not hold up who calls, and cancelling stops it. Each line of progress goes to ``say``. False when it did not
    get through; the line before says why."""
    command = [
        sys.executable,
        "-m",
        "tappa",
        "demo",
        "shop",
        "--send",
        "--data",
        str(data),
        "--seed",
        str(seed),
        "--touchpoints",
        str(touchpoints),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            say(line.decode("utf-8", "replace").rstrip())
        return await process.wait() == 0
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
