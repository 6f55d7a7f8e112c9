"""Several things at once, of which none goes on when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

One = TypeVar("One")
Two = TypeVar("Two")
Three = TypeVar("Three")


async def together(
    one: Coroutine[Any, Any, One], two: Coroutine[Any, Any, Two], three: Coroutine[Any, Any, Three]
) -> tuple[One, Two, Three]:
    """What the three give. Raises what the first that fails raises, once the others have ended, too."""
    tasks = [asyncio.ensure_future(each) for each in (one, two, three)]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return tasks[0].result(), tasks[1].result(), tasks[2].result()  # type: ignore[return-value]
