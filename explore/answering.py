"""Answering a question without getting in the way of those who send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from explore.refusals import Code, RefusedError

T = TypeVar("T")


class Answering:
    """Questions run in threads of their own, ``answers_max`` at once; ``waiting_max`` more wait for their turn."""

    def __init__(self, answers_max: int, waiting_max: int) -> None:
        self._threads = ThreadPoolExecutor(answers_max, thread_name_prefix="explore")
        self._open_max = answers_max + waiting_max
        self._open = 0

    async def __call__(self, question: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer; all that is done for it is done in one of the threads. Raises ``RefusedError`` when too many
        wait, and what the question raises."""
        if self._open >= self._open_max:
            raise RefusedError(Code.TOO_MANY_READERS)
        self._open += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: asyncio.run(question()))
        finally:
            self._open -= 1

    def close(self) -> None:
        """Begin nothing any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
