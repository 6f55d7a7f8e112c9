"""The facts of a batch, into the store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from stage_engine.touchpoint import Placed
from store.asking import Patience
from store.interface import Store, UnwritableRowError
from stream.batch import Batch
from stream.customers import dead_letter


async def write_facts(batch: Batch, store: Store, patience: Patience) -> Batch:
    """Insert touchpoints, dead letters and decisions; returns the batch without the touchpoints that no table takes,
    which are dead letters then."""
    unwritable = await _write_touchpoints(batch.touchpoints, store, patience) if batch.touchpoints else []
    letters = batch.refused + [
        dead_letter(touchpoint, code="unwritable", reason="The store cannot hold a value of this touchpoint.")
        for _, _, touchpoint in unwritable
    ]
    if letters:
        await patience(partial(store.write_rejected, letters))
    if batch.decisions:
        await patience(partial(store.write_decisions, batch.decisions))
    return batch.without(unwritable)


async def _write_touchpoints(placed: Sequence[Placed], store: Store, patience: Patience) -> list[Placed]:
    """Insert all that can be; returns the others."""
    try:
        await patience(partial(store.write_touchpoints, placed))
    except UnwritableRowError:
        if len(placed) == 1:
            return list(placed)
        half = len(placed) // 2
        return await _write_touchpoints(placed[:half], store, patience) + await _write_touchpoints(
            placed[half:], store, patience
        )
    return []
