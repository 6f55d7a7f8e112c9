"""Many seeds at once, and the smallest history that still goes wrong."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from msgspec.structs import replace

from stage_engine.touchpoint import Touchpoint
from tests.simulator.simulation import live
from tests.simulator.world import History, history_of

SHRINKING_S_MAX: Final = 60.0
OTHER_SEEDS: Final = 5
"""Other interleavings that are tried when a smaller history goes well under its own: one may be wrong."""


def wrong(seed: int) -> list[str]:
    """What goes wrong in the life of this seed; an error of the worker counts."""
    return outcome(history_of(random.Random(seed)), seed)


def outcome(history: History, seed: int) -> list[str]:
    try:
        return live(history, seed)
    except Exception as error:
        return [f"the worker failed: {error!r}"]


def failures(
    seeds: Iterable[int], jobs: int = 0, live: Callable[[int], list[str]] = wrong
) -> Iterator[tuple[int, list[str]]]:
    """For each seed, as they are done, what went wrong; on as many processes as there are cores."""
    with ProcessPoolExecutor(jobs or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        seeds = list(seeds)
        yield from zip(seeds, pool.map(live, seeds, chunksize=20), strict=True)


def noticed(likely: int, within: int, live: Callable[[int], list[str]]) -> bool:
    """Whether something goes wrong with a seed below ``within``; the likely one is tried first."""
    return any(live(seed) for seed in (likely, *range(within)))


def smallest(seed: int, went_wrong: Callable[[History, int], list[str]] = outcome) -> tuple[History, int]:
    """The history of a seed that goes wrong, less what it goes wrong without, and the seed of the interleaving."""
    history, deadline = history_of(random.Random(seed)), time.monotonic() + SHRINKING_S_MAX
    size = max(1, len(history.sent) // 2)
    while True:
        start, shrunk = 0, False
        while start < len(history.sent) and time.monotonic() < deadline:
            fewer = replace(history, sent=history.sent[:start] + history.sent[start + size :])
            found = next((one for one in (seed, *range(OTHER_SEEDS)) if went_wrong(fewer, one)), None)
            if found is None:
                start += size
            else:
                history, seed, shrunk = fewer, found, True
        if time.monotonic() >= deadline or (size == 1 and not shrunk):
            return history, seed
        size = max(1, size // 2)


def replay(history: History, seed: int) -> str:
    """How to live through it once more: paste it into a Python prompt in the checkout."""
    return (
        "from stage_engine.identity.limits import Limits\nfrom stage_engine.touchpoint import Touchpoint\n"
        "from store.interface import Decision\nfrom tests.simulator.simulation import live\n"
        f"from tests.simulator.world import History\n\nprint(live({history!r}, {seed}))"
    )


def in_words(history: History) -> str:
    """What happens in it, a line each."""
    return "\n".join(
        f"{one.occurred_at:>4} {', '.join(one.identifiers)} ({one.source} {one.message_id} {one.original_timestamp})"
        if isinstance(one, Touchpoint)
        else f"     {'not ' if one.revoked else ''}{one.kind} {' '.join(one.about)}"
        for one in history.sent
    )
